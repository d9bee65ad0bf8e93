"""What a fabric takes of an FPGA, out of context: LUT4, flip-flops, block RAM, DSP, MHz, and the time the tools took.

    python benchmarks/area.py                  # all, hours on two cores
    python benchmarks/area.py ecp5 loadable    # those whose line has all these words; the other rows are kept

Yosys and nextpnr, as ``thermofab.hw.boards.out_of_context`` calls them: every input and output is kept, and what the
wrapper takes is taken off. ``LUT4`` are places that logic, carry chains and LUT RAM occupy, so nothing is left out of
them: ``TRELLIS_COMB`` on the ECP5, ``ICESTORM_LC`` (a LUT, a flip-flop or both) on the iCE40, ``LUT4`` on Gowin. Where
a design does not fit, there is no clock to report, and the row says which kind of place is short. Updates per clock are
of sites, while sweeps follow each other without waiting.

Writes docs/results/area.json, a row per configuration with the commit it was measured at, in this order.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from results import commit, keep_row

from thermofab.hw.boards.out_of_context import WATCHED_ONLY, measure
from thermofab.hw.boards.part import ECP5_85, GW2A_18, ICE40_UP5K, Part
from thermofab.hw.boards.recipe import recipe_of
from thermofab.hw.boards.toolchain import TOOLCHAINS
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.spec import FREE, DeviceError, FabricSpec, Image, fabric


@dataclass(frozen=True)
class Case:
    """A fabric on a part, with a clock to aim at; ``constant`` builds weights and biases in."""

    part: Part
    spec: FabricSpec
    constant: bool
    megahertz: float

    @property
    def line(self) -> str:
        spec = self.spec
        how = "block-ram" if spec.architecture in ("systolic", "dense") else "constant" if self.constant else "loadable"
        said = [self.part.family, spec.architecture, spec.topology.name, how]
        for name in ("rng", "elements", "tile", "levels", "min_shift", "moment_bits"):
            if getattr(spec, name) != getattr(TORUS, name):
                said.append(f"{name}={getattr(spec, name)}")
        return " ".join(said)

    def build(self, hierarchy: Any) -> Any:
        """The top; built-in weights and biases are drawn over their full range."""
        return fabric_top(self.spec, hierarchy, random_weights(self.spec) if self.constant else None)


def random_weights(spec: FabricSpec) -> Image:
    rng = np.random.default_rng(0)
    return Image(
        fabric=spec,
        weights=rng.integers(-spec.weight_max, spec.weight_max + 1, spec.topology.n_edges),
        biases=rng.integers(-spec.bias_max, spec.bias_max + 1, spec.n_sites),
        tables=np.ones((spec.levels, spec.table_size)),
        shift=spec.dither_bits,
        clamps=np.full(spec.n_sites, FREE),
    )


TORUS = fabric("g4-8x8-torus")
FEW = fabric(TORUS, elements=4, rng="lfsr32", levels=1, min_shift=4)
SYSTOLIC = fabric("g12-70x70-torus", architecture="systolic")
CASES = (
    Case(ECP5_85, TORUS, False, 100.0),
    Case(ECP5_85, TORUS, True, 100.0),
    Case(ECP5_85, fabric(TORUS, moment_bits=16), False, 100.0),
    Case(GW2A_18, fabric("g4-4x4-torus"), False, 80.0),
    Case(GW2A_18, TORUS, False, 80.0),
    Case(ICE40_UP5K, FEW, False, 24.0),
    Case(ICE40_UP5K, FEW, True, 24.0),
    Case(ECP5_85, fabric("g12-16x16-torus", architecture="systolic"), False, 120.0),
    Case(ECP5_85, SYSTOLIC, False, 115.0),
    Case(ECP5_85, fabric(SYSTOLIC, elements=18, moment_bits=18), False, 110.0),
    Case(ECP5_85, fabric("g12-256x70-torus", architecture="systolic"), False, 85.0),
    Case(ECP5_85, fabric("z1-256x62", architecture="systolic"), False, 75.0),
    Case(ECP5_85, fabric("g8-8x8", architecture="relay"), False, 150.0),
    Case(ECP5_85, fabric("g8-8x8", architecture="relay", tile=1), False, 140.0),
    Case(ECP5_85, fabric("g8-24x24", architecture="relay"), False, 120.0),
    Case(ECP5_85, fabric("complete-64", architecture="dense"), False, 110.0),
    Case(ECP5_85, fabric("complete-256", architecture="dense"), False, 100.0),
    Case(ECP5_85, fabric("complete-512", architecture="dense", elements=64), False, 95.0),
    Case(GW2A_18, fabric("g12-16x16-torus", architecture="systolic"), False, 100.0),
    Case(GW2A_18, fabric("complete-64", architecture="dense"), False, 100.0),
    Case(ICE40_UP5K, fabric("g12-16x16-torus", architecture="systolic", elements=1, levels=1), False, 30.0),
    Case(ICE40_UP5K, fabric("g4-8x8-torus", architecture="systolic", elements=1, levels=1), False, 24.0),
)


def measured(case: Case) -> dict[str, Any]:
    """The row of a case."""
    spec, tools = case.spec, TOOLCHAINS[case.part.family]
    row: dict[str, Any] = {
        "configuration": case.line,
        "part": case.part.name,
        "sites": spec.n_sites,
        "updates_per_clock": spec.n_sites / loading_of(spec).sweep_clocks,
        "commit": commit(),
    }
    try:
        recipe = recipe_of(spec, case.part)
        report, wrapper = measure(
            case.build, case.part, case.megahertz, ignore=WATCHED_ONLY, options=recipe.options,
            place_options=recipe.place_options, floorplan=recipe.floorplan,
        )  # fmt: skip
    except DeviceError as refusal:
        return row | {"refused": " ".join(str(refusal).split())}
    places = {place.kind: place.used for place in report.utilisation.places}
    # On the iCE40 a wrapper's LUT shares a place with the flip-flop behind it; its other flip-flops take one each.
    taken = wrapper.flip_flops if case.part.family == "ice40" else wrapper.lut4
    return row | {
        "lut4": places[tools.logic] - taken,
        "flip_flops": report.utilisation.flip_flops - wrapper.flip_flops,
        "block_ram": places.get(tools.block_ram, 0),
        "dsp": places.get(tools.dsp, 0),
        "megahertz": round(min(clock.achieved_mhz for clock in report.clocks), 1),
        "seconds": round(report.wall_seconds),
        "tools": list(report.tools),
    }


def main() -> None:
    for case in CASES:
        if all(word in case.line.split() for word in sys.argv[1:]):
            row = measured(case)
            print(row, flush=True)
            keep(row)


def keep(row: dict[str, Any]) -> None:
    keep_row("area", row, ("configuration",), [(case.line,) for case in CASES])


if __name__ == "__main__":
    main()
