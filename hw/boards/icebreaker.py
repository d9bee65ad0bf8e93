"""iCEBreaker: an iCE40UP5K with a 12 MHz oscillator on a PLL pad, and a serial line through an FT2232H."""

from thermofab.hw.boards.board import Board, Pin
from thermofab.hw.boards.part import ICE40_UP5K

ICEBREAKER = Board(
    name="icebreaker",
    title="iCEBreaker with iCE40UP5K (1BitSquared)",
    part=ICE40_UP5K,
    oscillator_mhz=12.0,
    clock=Pin("35"),
    rx=Pin("6", "-pullup yes"),
    tx=Pin("9"),
    leds=(("busy", Pin("37", active_low=True)), ("error", Pin("11", active_low=True))),
    default_mhz=18.0,
    loader="ice40_generic",
    source="icebreaker.pcf of the board's examples, board versions 1.0x",
)
