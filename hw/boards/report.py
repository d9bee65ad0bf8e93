"""What a build cost and how fast it runs, read from the tools' own reports."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from thermofab.hw.boards.part import Part
from thermofab.hw.boards.toolchain import TOOLCHAINS


@dataclass(frozen=True)
class Occupancy:
    """Places of one kind on the part, as nextpnr counts them after packing."""

    kind: str
    used: int
    available: int


@dataclass(frozen=True)
class Utilisation:
    """Cells after synthesis, and the places they take on the part.

    Attributes:
        lut4: look-up tables of four inputs. On the ECP5 carry cells and LUT RAM take more of the same places
            (``TRELLIS_COMB`` in ``places``): two a ``CCU2C``, four and two write ports a ``TRELLIS_DPR16X4``.
            Gowin's smaller tables, ``LUT1`` to ``LUT3``, are counted too: each takes a place.
        carry: carry cells: ``CCU2C``, of two bits each; ``SB_CARRY`` or ``ALU``, of one.
        flip_flops: flip-flops.
        lut_ram: ``TRELLIS_DPR16X4`` or ``RAM16SDP4``, 16 words of 4 bits; the iCE40 has none.
        block_ram: block memories: of 18 kbit (ECP5, Gowin), or of 4 kbit and, if any, of 256 kbit (iCE40).
        dsp: multipliers.
        wide_mux: ``PFUMX`` and ``L6MUX21``, or ``MUX2_LUT…``, which join look-up tables and take no place of their own.
        places: what the part holds of each kind, and how much is used; kinds of which nothing is used are left out.
    """

    lut4: int
    carry: int
    flip_flops: int
    lut_ram: int
    block_ram: int
    dsp: int
    wide_mux: int
    places: tuple[Occupancy, ...] = ()


@dataclass(frozen=True)
class ClockTiming:
    """One clock after routing: what was asked for and what the slowest path allows, in MHz."""

    clock: str
    asked_mhz: float
    achieved_mhz: float

    @property
    def met(self) -> bool:
        return self.achieved_mhz >= self.asked_mhz


@dataclass(frozen=True)
class BuildReport:
    """A finished build.

    Attributes:
        top: its top module.
        part: what it was built for.
        seed: of the placer.
        tools: the tools that made it, with their versions.
        utilisation: cells and places.
        clocks: timing of each clock, the slowest against its constraint first.
        seconds: wall time of each stage, in order.
        folder: where the files lie.
        bitstream: file name of the bitstream in that folder; empty if none was asked for.
        reused: the build was finished before and found; ``seconds`` are those of that time.
    """

    top: str
    part: Part
    seed: int
    tools: tuple[str, ...]
    utilisation: Utilisation
    clocks: tuple[ClockTiming, ...]
    seconds: tuple[tuple[str, float], ...]
    folder: str
    bitstream: str
    reused: bool = False

    @property
    def met(self) -> bool:
        """Every clock is as fast as asked."""
        return all(clock.met for clock in self.clocks)

    @property
    def wall_seconds(self) -> float:
        return sum(seconds for _, seconds in self.seconds)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met, "wall_seconds": self.wall_seconds}

    def __str__(self) -> str:
        use = self.utilisation
        lines = [
            f"{self.top} on {self.part.name}, seed {self.seed}; {', '.join(self.tools)}",
            f"  LUT4 {use.lut4}, carry {use.carry}, flip-flops {use.flip_flops}, LUT RAM {use.lut_ram}, "
            f"block RAM {use.block_ram}, DSP {use.dsp}",
        ]
        for place in use.places:
            lines.append(f"  {place.kind:<16} {place.used:>6} of {place.available:>6}  {_share(place)}")
        for clock in self.clocks:
            verdict = "met" if clock.met else "NOT MET"
            lines.append(
                f"  clock {clock.clock}: {clock.achieved_mhz:.2f} MHz, asked {clock.asked_mhz:.2f} MHz: {verdict}"
            )
        stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds)
        lines.append(f"  {stages}" + ("; found finished" if self.reused else ""))
        return "\n".join(lines)


def cell_counts(statistics: Mapping[str, Any]) -> dict[str, int]:
    """Cells by type from Yosys' ``stat -json``, over the flattened or the whole hierarchical design."""
    design = statistics["design"]
    return {kind: int(count) for kind, count in design["num_cells_by_type"].items()}


def utilisation_of(cells: Mapping[str, int], part: Part, report: Mapping[str, Any] | None = None) -> Utilisation:
    """From cells by type and, where there is one, nextpnr's report."""
    counts = {
        name: sum(count for kind, count in cells.items() if re.fullmatch(pattern, kind))
        for name, pattern in TOOLCHAINS[part.family].cells.items()
    }
    places = () if report is None else _places(report["utilization"])
    return Utilisation(**counts, places=places)


def clocks_of(report: Mapping[str, Any]) -> tuple[ClockTiming, ...]:
    """Timing of each clock in nextpnr's report, the one with the least slack first."""
    found = [
        ClockTiming(_plain(net), float(entry["constraint"]), float(entry["achieved"]))
        for net, entry in report["fmax"].items()
    ]
    return tuple(sorted(found, key=lambda clock: clock.achieved_mhz / clock.asked_mhz))


def _places(utilization: Mapping[str, Mapping[str, int]]) -> tuple[Occupancy, ...]:
    found = [Occupancy(kind, int(n["used"]), int(n["available"])) for kind, n in utilization.items()]
    return tuple(place for place in found if place.used)


def _plain(net: str) -> str:
    """A clock's net without what nextpnr adds to mark it as a global one."""
    return re.sub(r"_?\$(?:glb_clk|SB_IO_IN|TRELLIS_IO_IN).*", "", net.removeprefix("$glbnet$"))


def _share(place: Occupancy) -> str:
    return f"{100 * place.used / place.available:.1f}%" if place.available else ""
