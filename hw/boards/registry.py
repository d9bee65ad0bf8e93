"""The boards there are, by name. A board is added by a file of its own and a line here."""

from thermofab.hw.boards.board import Board
from thermofab.hw.boards.icebreaker import ICEBREAKER
from thermofab.hw.boards.tang_nano import TANG_NANO_20K
from thermofab.hw.boards.ulx3s import ULX3S_85F
from thermofab.hw.spec import DeviceError

BOARDS = {board.name: board for board in (ULX3S_85F, ICEBREAKER, TANG_NANO_20K)}


def find_board(name: str) -> Board:
    """The board called ``name``."""
    if name not in BOARDS:
        raise DeviceError(f"unknown board '{name}'; known are {', '.join(BOARDS)}.")
    return BOARDS[name]
