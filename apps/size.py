"""Whether a board can hold a fabric, from the area model, before minutes of synthesis are spent on it."""

from thermofab.apps.explore.area import Area, area_of
from thermofab.hw.boards.board import Board
from thermofab.hw.spec import DeviceError, FabricSpec

# The serial link on an ECP5, by itself.
LINK = {"lut4": 864, "flip_flops": 503, "block_ram": 3}
# The least that a model of the ECP5 says of another family's logic: LUT4 are alike, what is packed with them is not.
OTHER_FAMILY = 0.3
SAID = {"lut4": "LUT4", "flip_flops": "flip-flops", "block_ram": "block RAMs"}


def check_size(board: Board, spec: FabricSpec) -> str:
    """What to say before a build: empty, or that the fabric may not fit, or not reach the board's clock.

    Raises:
        DeviceError: it cannot fit: the model less its worst error, and the serial link, take more than there is.
    """
    area, room = area_of(spec), board.part.room
    doubts = []
    for what, most in room.items():
        wanted = getattr(area, what) + LINK[what]
        if least(area, what, board) + LINK[what] > most:
            raise DeviceError(
                f"the design does not fit on {board.part.name}: it takes about {wanted:,.0f} {SAID[what]} of {most:,} "
                f"by the area model; take a smaller fabric or a larger part, or build it all the same with --unchecked."
            )
        if wanted > most:
            doubts.append(f"about {wanted:,.0f} {SAID[what]} of {most:,}")
    return f"it may not fit: by the area model it takes {', '.join(doubts)}" if doubts else ""


def least(area: Area, what: str, board: Board) -> float:
    """The least of a quantity that the model allows for."""
    error = area.errors.get(what, 0.0)
    return getattr(area, what) * (1 - (error if board.part.family == "ecp5" else max(error, OTHER_FAMILY)))
