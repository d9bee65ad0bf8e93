"""Which architecture suits a program: clocks of a sweep and area, side by side.

What counts is effective samples per second and area. Mixing is the graph's own on a fabric of that graph, with relays
and on a dense fabric; copies that draw mix more slowly, by a factor that nobody knows without a run. So rates of sweeps
are compared only where mixing is the same, or where the other architecture's is at least as good.
"""

from dataclasses import dataclass, replace

import numpy as np

from thermofab.compiler.ir.stages import Paired, Quantised
from thermofab.compiler.placement.trees import hosting
from thermofab.hw.spec.clocks import order_clocks, spatial_clocks, sweep_clocks
from thermofab.hw.spec.colouring import compact_colours, graph_colouring
from thermofab.hw.spec.costs import AREA_MODELS
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.order import Order
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.topology import Topology

# How many times the rate of sweeps per area must be for another architecture to be named.
_WORTH = 1.2


@dataclass(frozen=True)
class Suit:
    """A program on an architecture.

    Attributes:
        architecture: as in ``FabricSpec``.
        sites: that carry it.
        clocks: of a sweep, as built.
        lut4: of the sites that carry it, host included, on an ECP5.
        rate: sweeps per second and thousand LUT4.
        own_mixing: whether chains mix as on the program's own graph; copies that draw mix more slowly.
    """

    architecture: str
    sites: int
    clocks: int
    lut4: float
    rate: float
    own_mixing: bool

    def __str__(self) -> str:
        return (
            f"{self.architecture}: {self.sites} sites, {self.clocks} clocks per sweep, {self.lut4:,.0f} LUT4, "
            f"{self.rate:,.0f} sweeps per second and kLUT"
        )


def suits(program: Program, draft: Quantised) -> tuple[Suit, ...]:
    """The architecture that the program is compiled for, and the others that are known to hold it, as far as no search
    is needed: relays where its copies are, a dense fabric where one is large enough, a spatial one where every node has
    one site.
    """
    spec, image = program.fabric, program.image
    degree, single = spec.topology.max_degree, program.report.longest_copy == 1
    made: dict[str, Suit] = {}
    if image.order is None or spec.has_relays and single:
        clocks = spatial_clocks(spec.topology.n_colours, degree)
        made["spatial"] = _suit("spatial", program.report.sites, degree, clocks, single)
    if image.order is not None:
        made[spec.architecture] = _suit(spec.architecture, program.report.sites, degree, sweep_clocks(image), True)
    elif not single:
        made["relay"] = _on_relays(program, draft)
    if "dense" not in made and draft.n <= AREA_MODELS["dense"].largest:
        made["dense"] = _suit("dense", draft.n, 0, _dense_clocks(draft), True)
    first = "spatial" if image.order is None else spec.architecture
    return (made.pop(first), *sorted(made.values(), key=lambda one: -one.rate))


def with_suits(program: Program, draft: Quantised) -> Program:
    """The program whose report names the architecture that would suit it better, if one is known to."""
    if program.fabric.architecture == "systolic" or program.fabric.topology.factors:
        return program  # no figures to compare with
    here, *others = suits(program, draft)
    return program.replace(report=replace(program.report, suits=_better(program, draft, here, others)))


def _better(program: Program, draft: Quantised, here: Suit, others: list[Suit]) -> str:
    if here.architecture == "relay" and program.report.longest_copy > 1 and _most_neighbours(draft) <= 3:
        return "spatial: graphs of at most 3 neighbours per node embed exactly with wires, and sweep in a few clocks"
    faster = [one for one in others if one.rate > _WORTH * here.rate and one.own_mixing]
    if faster:
        return f"{faster[0]}; here {here.rate:,.0f}"
    relays = [one for one in others if one.architecture == "relay"]
    if relays and program.report.certificate.tv != 0.0 or program.checks and relays:
        return f"{relays[0]}, with the mixing of the graph itself and no copies that may disagree"
    return ""


def _on_relays(program: Program, draft: Quantised) -> Suit:
    """The same copies as relays."""
    spec = replace(program.fabric, architecture="relay", elements=0, tile=0)
    stage = Paired(
        draft.lowered, spec, draft.edges, draft.couplings, draft.biases, draft.clamped, draft.names, draft.readings,
        draft.tables,
    )  # fmt: skip
    host = hosting(stage, program.copies)
    clocks = order_clocks(spec, host.order, program.fabric.bias_bits + 2)
    return _suit("relay", sum(map(len, host.trees)), spec.topology.max_degree, clocks, True)


def _dense_clocks(draft: Quantised) -> int:
    """Of a dense fabric of as many sites as there are spins, updated in as few colours as are found."""
    colours = compact_colours(graph_colouring(draft.n, draft.edges))
    graph = Topology.from_edges("spins", draft.n, draft.edges, colours=colours)
    return order_clocks(FabricSpec(graph, architecture="dense"), Order.of_roots(colours), 0)


def _most_neighbours(draft: Quantised) -> int:
    return int(np.bincount(draft.edges.reshape(-1), minlength=1).max())


def _suit(architecture: str, sites: int, degree: int, clocks: int, own_mixing: bool) -> Suit:
    model = AREA_MODELS[architecture]
    return Suit(
        architecture, sites, clocks, model.lut4(sites, degree), model.rate(sites, degree, clocks), own_mixing
    )  # fmt: skip
