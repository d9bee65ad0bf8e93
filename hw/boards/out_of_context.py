"""Area and f_max of a design by itself: few pins, and nothing optimised away.

Every input bit is driven by a stage of one long shift register that a pin feeds, so no input is constant and no two
are alike. Every output bit is captured in a flip-flop, and these are folded by XOR, four to one a clock, down to one
pin. Paths into and out of the design start and end in flip-flops beside it. The wrapper takes

    flip-flops = inputs + outputs + ceil(outputs/4) + ceil(outputs/16) + … + 1,   LUT4 = the same but for the first two,

which :func:`overhead` counts, so that they can be taken off.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.boards.part import Part
from thermofab.hw.boards.recipe import recipe_of
from thermofab.hw.boards.report import BuildReport
from thermofab.hw.boards.synthesis import Floorplan, Progress, SynthesisOptions, place_and_route, silent
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.rtl.common.hierarchy import Hierarchy
from thermofab.hw.rtl.emit import rtlil_of
from thermofab.hw.spec import FabricSpec, SpecError

# Only for watching a simulation: registers and stream show the same.
WATCHED_ONLY = (
    *("state", "sweep_done", "state_slot", "state_update"),
    *("draw", "draw_site", "draw_field", "draw_high"),
    *("draw_adding", "draw_bits"),
)


PORTS = ("clk", "rst", "scan_in", "scan_out")


@dataclass(frozen=True)
class Overhead:
    """What the wrapper takes by itself."""

    flip_flops: int
    lut4: int


def overhead(inputs: int, outputs: int) -> Overhead:
    """The wrapper of a design with so many input and output bits."""
    folding, width = 0, outputs
    while width > 1:
        width = -(-width // 4)
        folding += width
    return Overhead(inputs + outputs + folding, folding)


class Wrapper(wiring.Component):
    """A design between a shift register and a tree of XORs.

    Args:
        build: makes the component, given the hierarchy for its parts.
        hierarchy: through which it is added.
        ignore: outputs left open.
    """

    scan_in: Signal
    scan_out: Signal

    def __init__(self, build: Callable[[Hierarchy], Any], hierarchy: Hierarchy, ignore: Iterable[str] = ()) -> None:
        super().__init__({"scan_in": In(1), "scan_out": Out(1)})
        self._build, self._hierarchy, self._ignore = build, hierarchy, frozenset(ignore)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        inner = self._hierarchy.add(m, "design", "design", lambda: self._build(self._hierarchy))
        inputs, outputs = [], []
        for path, member, port in inner.signature.flatten(inner):
            if member.flow == wiring.In:
                inputs.append(port)
            elif path[0] not in self._ignore:
                outputs.append(port)
        if not inputs or not outputs:
            raise SpecError("a design measured out of context needs an input and an output.")
        self.overhead = overhead(len(Cat(inputs)), len(Cat(outputs)))
        self._scan(m, inputs)
        self._fold(m, outputs)
        return m

    def _scan(self, m: Module, inputs: list[Any]) -> None:
        scan = Signal(len(Cat(inputs)), reset_less=True)
        m.d.sync += scan.eq(Cat(self.scan_in, scan))
        joined: Any = Cat(inputs)
        m.d.comb += joined.eq(scan)

    def _fold(self, m: Module, outputs: list[Any]) -> None:
        level: Any = Signal(len(Cat(outputs)), reset_less=True, name="captured")
        m.d.sync += level.eq(Cat(outputs))
        stage = 0
        while len(level) > 1:
            folded = Signal(-(-len(level) // 4), reset_less=True, name=f"folded_{stage}")
            m.d.sync += folded.eq(Cat(level[k : k + 4].xor() for k in range(0, len(level), 4)))
            level, stage = folded, stage + 1
        m.d.comb += self.scan_out.eq(level)


def measure(
    build: Callable[[Hierarchy], Any],
    part: Part,
    frequency: float,
    *,
    name: str = "measured",
    ignore: Iterable[str] = (),
    seed: int = 1,
    options: SynthesisOptions | None = None,
    place_options: tuple[str, ...] = (),
    floorplan: Floorplan | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> tuple[BuildReport, Overhead]:
    """Place and route a component by itself.

    Args:
        build: makes the component, given the hierarchy for its parts.
        part, frequency, seed, options, place_options, floorplan, folder, progress: see
            :func:`thermofab.hw.boards.synthesis.place_and_route`.
        name: of the top module.
        ignore: outputs left open.

    Returns:
        The report of the whole, wrapper included, and what the wrapper takes of it.
    """
    wrappers: list[Wrapper] = []

    def wrapped(hierarchy: Hierarchy) -> Wrapper:
        wrappers.append(Wrapper(build, hierarchy, ignore))
        return wrappers[0]

    source = rtlil_of(wrapped, name)
    constraints = "".join(f'IO_LOC "{port}" {pin};\n' for port, pin in zip(PORTS, part.pins, strict=False))
    report = place_and_route(
        source, name, part, frequency, constraints=constraints, seed=seed, options=options, place_options=place_options,
        floorplan=floorplan, folder=folder, progress=progress,
    )  # fmt: skip
    return report, wrappers[0].overhead


def measure_fabric(spec: FabricSpec, part: Part, frequency: float, **arguments: Any) -> tuple[BuildReport, Overhead]:
    """Place and route a fabric of any architecture by itself, in the way that suits it (:func:`recipe_of`); the rest is
    as for :func:`measure`.
    """
    recipe = recipe_of(spec, part)
    arguments = {"options": recipe.options, "place_options": recipe.place_options, "floorplan": recipe.floorplan,
                 **arguments}  # fmt: skip
    return measure(lambda hierarchy: fabric_top(spec, hierarchy), part, frequency, ignore=WATCHED_ONLY, **arguments)
