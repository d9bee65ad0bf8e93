"""A board as data: its part, its oscillator, its pins, and how to reach it; and its constraint file."""

from dataclasses import dataclass

from thermofab.hw.boards.part import Part
from thermofab.hw.spec import SpecError

# What a light-emitting diode can show.
ROLES = ("locked", "busy", "error", "receiving", "sending")


@dataclass(frozen=True)
class Pin:
    """A pin of the package.

    Attributes:
        site: its name there.
        attributes: of its buffer, as the family's constraint file writes them.
        active_low: a 0 on the pin means "on".
    """

    site: str
    attributes: str = ""
    active_low: bool = False


@dataclass(frozen=True)
class Board:
    """One board.

    Attributes:
        name: what ``--board`` takes.
        title: the board's and the maker's name.
        part: its FPGA.
        oscillator_mhz, clock: the oscillator and its pin.
        rx, tx: the serial line, as seen from the FPGA: ``rx`` receives.
        leds: pins of the diodes, by what they show (one of :data:`ROLES`).
        ties: outputs with a constant level, by a name of their own.
        default_mhz: clock of the fabric unless another is asked for.
        loader: openFPGALoader's name of the board.
        preface: lines at the head of the constraint file.
        source: where the pins come from.
    """

    name: str
    title: str
    part: Part
    oscillator_mhz: float
    clock: Pin
    rx: Pin
    tx: Pin
    leds: tuple[tuple[str, Pin], ...]
    default_mhz: float
    loader: str
    ties: tuple[tuple[str, Pin, int], ...] = ()
    preface: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        unknown = [role for role, _ in self.leds if role not in ROLES]
        if unknown:
            raise SpecError(f"a diode of a board shows one of {', '.join(ROLES)}; got {unknown[0]!r} on {self.name}.")
        sites = [pin.site for _, pin in self.pins]
        twice = next((site for site in sites if sites.count(site) > 1), None)
        if twice is not None:
            raise SpecError(f"board {self.name} uses pin {twice} twice.")

    @property
    def pins(self) -> tuple[tuple[str, Pin], ...]:
        """All ports of the board's top module, and their pins."""
        return (
            ("clock", self.clock),
            ("rx", self.rx),
            ("tx", self.tx),
            *((f"led_{role}", pin) for role, pin in self.leds),
            *((name, pin) for name, pin, _ in self.ties),
        )


def constraints(board: Board) -> str:
    """The board's LPF (ECP5), PCF (iCE40) or CST (Gowin) file: where each port goes, and how fast the oscillator is.

    The tools carry the oscillator's frequency through the PLL; a CST has no frequencies.
    """
    lines = list(board.preface)
    if board.part.family == "ecp5":
        for port, pin in board.pins:
            lines.append(f'LOCATE COMP "{port}" SITE "{pin.site}";')
            lines.append(f'IOBUF PORT "{port}" {pin.attributes};')
        lines.append(f'FREQUENCY PORT "clock" {board.oscillator_mhz:.6f} MHZ;')
    elif board.part.family == "gowin":
        for port, pin in board.pins:
            lines.append(f'IO_LOC "{port}" {pin.site};')
            lines.append(f'IO_PORT "{port}" {pin.attributes};')
    else:
        lines += [" ".join(filter(None, ("set_io", pin.attributes, port, pin.site))) for port, pin in board.pins]
        lines.append(f"set_frequency clock {board.oscillator_mhz:g}")
    return "\n".join(lines) + "\n"
