"""Tang Nano 20K with a GW2AR-18: 27 MHz oscillator, serial line through a BL616, six diodes, lit by a low level."""

from thermofab.hw.boards.board import Board, Pin
from thermofab.hw.boards.part import GW2A_18

_PULLED = "IO_TYPE=LVCMOS33 PULL_MODE=UP"
_FREE = "IO_TYPE=LVCMOS33 PULL_MODE=NONE"

TANG_NANO_20K = Board(
    name="tangnano20k",
    title="Tang Nano 20K with GW2AR-18 (Sipeed)",
    part=GW2A_18,
    oscillator_mhz=27.0,
    clock=Pin("4", _FREE),
    rx=Pin("70", _PULLED),
    tx=Pin("69", _PULLED),
    leds=(
        ("locked", Pin("15", _FREE, active_low=True)),
        ("busy", Pin("16", _FREE, active_low=True)),
        ("receiving", Pin("17", _FREE, active_low=True)),
        ("sending", Pin("18", _FREE, active_low=True)),
        ("error", Pin("19", _FREE, active_low=True)),
    ),
    default_mhz=27.0,
    loader="tangnano20k",
    source="pin tables of the maker's wiki, and constraint files of public projects for this board",
)
