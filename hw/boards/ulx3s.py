"""ULX3S with an LFE5U-85F: 25 MHz oscillator, serial line through an FT231X, eight diodes."""

from thermofab.hw.boards.board import Board, Pin
from thermofab.hw.boards.part import ECP5_85

_INPUT = "PULLMODE=UP IO_TYPE=LVCMOS33"
_OUTPUT = "PULLMODE=NONE IO_TYPE=LVCMOS33 DRIVE=4"

ULX3S_85F = Board(
    name="ulx3s-85f",
    title="ULX3S with LFE5U-85F (Radiona)",
    part=ECP5_85,
    oscillator_mhz=25.0,
    clock=Pin("G2", "PULLMODE=NONE IO_TYPE=LVCMOS33"),
    rx=Pin("M1", _INPUT),
    tx=Pin("L4", "PULLMODE=UP IO_TYPE=LVCMOS33 DRIVE=4"),
    leds=(
        ("locked", Pin("B2", _OUTPUT)),
        ("busy", Pin("C2", _OUTPUT)),
        ("receiving", Pin("C1", _OUTPUT)),
        ("sending", Pin("D2", _OUTPUT)),
        ("error", Pin("H3", _OUTPUT)),
    ),
    # A low level here lets the board's ESP32 reboot the board.
    ties=(("wifi_gpio0", Pin("L2", "PULLMODE=NONE IO_TYPE=LVCMOS33 DRIVE=4"), 1),),
    default_mhz=50.0,
    loader="ulx3s",
    preface=(
        "BLOCK RESETPATHS;",
        "BLOCK ASYNCPATHS;",
        "SYSCONFIG CONFIG_IOVOLTAGE=3.3 COMPRESS_CONFIG=ON MCCLK_FREQ=62 SLAVE_SPI_PORT=DISABLE "
        "MASTER_SPI_PORT=ENABLE SLAVE_PARALLEL_PORT=DISABLE;",
    ),
    source="ulx3s_v20.lpf of the board's repository, board versions 2.x and 3.0.x",
)
