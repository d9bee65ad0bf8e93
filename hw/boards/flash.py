"""Loading a bitstream onto a board with openFPGALoader."""

import shutil
import subprocess
from pathlib import Path

from thermofab.hw.boards.board import Board
from thermofab.hw.spec import DeviceError, SpecError, ToolMissingError


def find_loader() -> str:
    """The program openFPGALoader.

    Raises:
        ToolMissingError: it is not on the path.
    """
    program = shutil.which("openFPGALoader")
    if program is None:
        raise ToolMissingError(
            "loading a bitstream onto a board needs the program openFPGALoader, and it is not on the path; "
            "install it with: apt install openfpgaloader (or brew install openfpgaloader)"
        )
    return program


def loader_command(board: Board, bitstream: Path, permanent: bool) -> list[str]:
    """openFPGALoader's command line: into the FPGA, or with ``permanent`` into the flash it starts from."""
    where = ["--write-flash"] if permanent else ["--write-sram"]
    return [find_loader(), "--board", board.loader, *where, str(bitstream)]


def flash(board: Board, bitstream: Path, permanent: bool) -> None:
    """Load ``bitstream``; the loader shows its own progress.

    Raises:
        SpecError: there is no such file.
        ToolMissingError: openFPGALoader is missing.
        DeviceError: it failed: the board may not be connected.
    """
    if not bitstream.is_file():
        raise SpecError(f"there is no bitstream {bitstream}; make one with: thermofab build --board {board.name}")
    command = loader_command(board, bitstream, permanent)
    status = subprocess.run(command).returncode
    if status:
        raise DeviceError(
            f"openFPGALoader ended with exit status {status}; check that the {board.name} is connected and that you "
            "may use its USB device."
        )
