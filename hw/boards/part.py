"""FPGA parts as data: what synthesis, placement and the bitstream writer are told about the silicon."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from thermofab.hw.spec import SpecError

Family = Literal["ecp5", "ice40", "gowin"]


@dataclass(frozen=True)
class Part:
    """One FPGA, in one package and speed grade.

    Attributes:
        name: as printed on the part.
        family: ``"ecp5"``, ``"ice40"`` or ``"gowin"``; fixes the tools.
        device: nextpnr's name for the silicon: an option without its dashes (``"85k"``, ``"up5k"``), or Gowin's series.
        package: nextpnr's name for the package; Gowin's ordering code, which holds package and speed grade.
        speed: ECP5 speed grade 6, 7 or 8; 0 for the others, whose names imply it.
        synthesis: further options of the family's synthesis command.
        room: how many ``lut4``, ``flip_flops`` and ``block_ram`` it has; the last of 18 kbit, left out where smaller.
        pins: pins for the ports of a design without a board, where nextpnr does not choose any itself.
    """

    name: str
    family: Family
    device: str
    package: str
    speed: int = 0
    synthesis: tuple[str, ...] = ()
    room: Mapping[str, int] = field(default_factory=dict, hash=False)
    pins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.family not in get_args(Family):
            known = ", ".join(map(repr, get_args(Family)))
            raise SpecError(f"the family of a part is one of {known}; got {self.family!r} for {self.name}.")
        if self.speed not in ((6, 7, 8) if self.family == "ecp5" else (0,)):
            right = "6, 7 or 8" if self.family == "ecp5" else "0, as its device name implies it"
            raise SpecError(f"the speed grade of an {self.family} part is {right}; got {self.speed!r} for {self.name}.")


ECP5_85 = Part(
    "LFE5U-85F-6BG381C", "ecp5", "85k", "CABGA381", 6, room={"lut4": 83_640, "flip_flops": 83_640, "block_ram": 208}
)
ECP5_25 = Part(
    "LFE5U-25F-6BG381C", "ecp5", "25k", "CABGA381", 6, room={"lut4": 24_288, "flip_flops": 24_288, "block_ram": 56}
)
ICE40_UP5K = Part(
    "iCE40UP5K-SG48", "ice40", "up5k", "sg48",
    synthesis=("-device", "u", "-dsp"), room={"lut4": 5_280, "flip_flops": 5_280},
)  # fmt: skip
GW2A_18 = Part(
    "GW2AR-LV18QN88C8/I7", "gowin", "GW2A-18C", "GW2AR-LV18QN88C8/I7",
    synthesis=("-family", "gw2a"), room={"lut4": 20_736, "flip_flops": 15_552, "block_ram": 46},
    pins=("4", "15", "16", "17"),
)  # fmt: skip
PARTS = {"ecp5-85k": ECP5_85, "ecp5-25k": ECP5_25, "ice40-up5k": ICE40_UP5K, "gowin-18k": GW2A_18}
