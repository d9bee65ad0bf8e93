"""What each family's tools are called, which files they read and write, and what their cells are named.

A family is added by a line in :data:`TOOLCHAINS`, its PLL in ``pll.py`` and ``top.py``, its constraint file in
``board.py`` and its tools in ``tools.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from thermofab.hw.boards.part import Family, Part


@dataclass(frozen=True)
class Toolchain:
    """The tools of a family after Yosys.

    Attributes:
        nextpnr, packer: names of place and route, and of the bitstream writer.
        constraints: file name of the constraint file.
        routed: file name of the routed design, which the packer reads.
        bitstream: file name of the bitstream.
        cells: patterns over names of library cells after synthesis, by field of :class:`Utilisation`.
        logic, block_ram, dsp: nextpnr's name of the places that logic, block memories and multipliers take.
    """

    nextpnr: str
    packer: str
    constraints: str
    routed: str
    bitstream: str
    cells: Mapping[str, str]
    logic: str
    block_ram: str
    dsp: str


_NEVER = "(?!)"

TOOLCHAINS: dict[Family, Toolchain] = {
    "ecp5": Toolchain(
        nextpnr="nextpnr-ecp5",
        packer="ecppack",
        constraints="pins.lpf",
        routed="routed.config",
        bitstream="top.bit",
        cells={
            "lut4": "LUT4",
            "carry": "CCU2C",
            "flip_flops": "TRELLIS_FF",
            "lut_ram": "TRELLIS_DPR16X4",
            "block_ram": "P?DPW?16KD",
            "dsp": r"MULT\d+X\d+D|ALU\d+B",
            "wide_mux": "PFUMX|L6MUX21",
        },
        logic="TRELLIS_COMB",
        block_ram="DP16KD",
        dsp="MULT18X18D",
    ),
    "ice40": Toolchain(
        nextpnr="nextpnr-ice40",
        packer="icepack",
        constraints="pins.pcf",
        routed="routed.asc",
        bitstream="top.bin",
        cells={
            "lut4": "SB_LUT4",
            "carry": "SB_CARRY",
            "flip_flops": r"SB_DFF\w*",
            "lut_ram": _NEVER,
            "block_ram": r"SB_RAM40_4K\w*|SB_SPRAM256KA",
            "dsp": "SB_MAC16",
            "wide_mux": _NEVER,
        },
        logic="ICESTORM_LC",
        block_ram="ICESTORM_RAM",
        dsp="ICESTORM_DSP",
    ),
    "gowin": Toolchain(
        nextpnr="nextpnr-himbaechel",
        packer="gowin_pack",
        constraints="pins.cst",
        routed="routed.json",
        bitstream="top.fs",
        cells={
            "lut4": "LUT[1-4]",
            "carry": "ALU",
            "flip_flops": r"DFF\w*",
            "lut_ram": r"RAM16S\w+",
            "block_ram": "(?:SP|SDP|DP|SDPB|DPB|pROM)(?:X9)?B?",
            "dsp": r"MULT\d+X\d+|ALU54D|MULT(?:ADD)?ALU\w+",
            "wide_mux": r"MUX2_LUT\d",
        },
        logic="LUT4",
        block_ram="BSRAM",
        dsp="MULT18X18",
    ),
}


def place_arguments(part: Part, constrained: bool) -> list[str]:
    """Options of nextpnr that name the part, the constraint file if there is one, and the routed design."""
    tools = TOOLCHAINS[part.family]
    if part.family == "gowin":
        file = ["--vopt", f"cst={tools.constraints}"] if constrained else []
        return ["--device", part.package, "--vopt", f"family={part.device}", *file, "--write", tools.routed]
    made = [f"--{part.device}", "--package", part.package]
    if part.family == "ecp5":
        pins = ["--lpf", tools.constraints] if constrained else ["--lpf-allow-unconstrained"]
        return [*made, "--speed", str(part.speed), *pins, "--textcfg", tools.routed]
    return [*made, *(["--pcf", tools.constraints] if constrained else []), "--asc", tools.routed]


def pack_arguments(part: Part) -> list[str]:
    """Arguments of the bitstream writer."""
    tools = TOOLCHAINS[part.family]
    if part.family == "gowin":
        return ["-d", part.device, "-o", tools.bitstream, tools.routed]
    return [*(["--compress"] if part.family == "ecp5" else []), tools.routed, tools.bitstream]
