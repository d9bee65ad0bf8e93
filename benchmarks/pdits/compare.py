"""Categories and terms of higher order three ways: effective samples a clock, and a clock and LUT.

    python benchmarks/pdits/compare.py            # about ten minutes, most of them Yosys

* *hidden spins*: bits, and the compiler's exact gadgets on pairs, on a fabric that is the resulting graph itself (no
  copies: a real fabric would only be worse);
* *factor sites*: the same bits on the fabric's tables (``fab.compiler.fabric_of``);
* *p-dits*: a cell a variable, drawn whole (``benchmarks/pdits/cell.py``, whose draws ``check.py`` tests), two colours.

``ess`` are effective samples of the model's own terms, E[log P's term] of every factor, per million clocks, from the
spread of the means of 64 chains over 4,000 sweeps after 2,000, on the native simulator (p-dits: heat bath in floating
point). Clocks a sweep are those of the RTL. ``LUT`` are places of logic on an ECP5 (``TRELLIS_COMB``, Yosys) of all
lanes, or cells, without what is shared: tables, sequencer, host. Weights are 8 bits, loadable.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import networkx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cell import CLOCKS_A_STATE, LATENCY, PditCell
from timing import machine

import thermofab as fab
from thermofab.compiler import fabric_of
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.boards.synthesis import synthesise
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.rtl.emit import rtlil_of
from thermofab.hw.rtl.spatial.lane import Lane
from thermofab.hw.spec import FabricSpec, Schedule
from thermofab.hw.spec.discrete import DiscreteModel, factor_of

CHAINS, WARM_UP, SWEEPS = 64, 2000, 4000


@dataclass(frozen=True)
class Way:
    """One row: chains' states of the model's nodes, and what a sweep and the hardware cost."""

    name: str
    states: np.ndarray
    clocks: int
    sites: int
    luts: int


def potts(q: int, side: int, coupling: float) -> DiscreteModel:
    table = coupling * np.eye(q)[None]
    return _grid(q, side, lambda draw: table, 0.0)


def tables(q: int, side: int, deviation: float) -> DiscreteModel:
    return _grid(q, side, lambda draw: deviation * draw.normal(size=(1, q, q)), 0.3)


def plaquettes(side: int, coupling: float) -> DiscreteModel:
    """Four spins around every square of a grid, of random sign, in weak fields."""
    draw, number = np.random.default_rng(1), np.arange(side * side).reshape(side, side)
    squares = zip(
        *(part.reshape(-1).tolist() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]))
    )
    rows = [list(square) for square in squares]
    factors = [factor_of([row], [[]], coupling * draw.choice([-1.0, 1.0], 1)) for row in rows]
    factors += [factor_of([[k]], [[]], 0.2 * draw.normal(size=1)) for k in range(side * side)]
    return DiscreteModel(tuple(range(side * side)), np.zeros(side * side, dtype=np.int64), tuple(factors))


def _grid(q: int, side: int, table, field: float) -> DiscreteModel:
    draw, number = np.random.default_rng(q), np.arange(side * side).reshape(side, side)
    pairs = [*zip(number[:, :-1].flat, number[:, 1:].flat), *zip(number[:-1].flat, number[1:].flat)]
    factors = [factor_of([[]], [[int(i), int(j)]], table(draw)) for i, j in pairs]
    factors += [factor_of([[]], [[k]], field * draw.normal(size=(1, q))) for k in range(side * side)]
    return DiscreteModel(tuple(range(side * side)), np.full(side * side, q), tuple(factors))


MODELS = {
    "Potts, 4 states, 6x6, J = 0.8": potts(4, 6, 0.8),
    "random tables, 4 states, 6x6": tables(4, 6, 1.0),
    "random tables, 8 states, 3x3": tables(8, 3, 0.7),
    "four spins a square, 6x6, |K| = 0.7": plaquettes(6, 0.7),
}


def compiled(name: str, model: DiscreteModel, spec: FabricSpec) -> Way:
    program = fab.compile(model, spec, verify=False)
    samples = program.sample(Schedule(WARM_UP, SWEEPS, 1), replicas=CHAINS, seed=1, device="native")
    plan = plan_lanes(spec)
    return Way(name, samples.node_states, plan.sweep_clocks, program.report.sites, lanes_luts(spec))


def pair_fabric(model: DiscreteModel) -> FabricSpec:
    """The graph that hidden spins make of a model."""
    paired = HigherOrder()(Categorical()(Canonicalise()(Source(lower(model, 1.0), fab.fabric("complete-2000")))))
    graph = networkx.empty_graph(paired.n)
    graph.add_edges_from(paired.edges.tolist())
    return fab.fabric(graph, weight_bits=8, bias_bits=12)


def lanes_luts(spec: FabricSpec) -> int:
    """Of all lanes; lanes of one kind are synthesised once."""
    plan = plan_lanes(spec)
    kinds = Counter((len(lane.sources), lane.widths) for lane in plan.lanes)
    total = 0
    for (positions, widths), count in sorted(kinds.items()):
        text = rtlil_of(lambda h, p=positions, w=widths: Lane(plan, p, h, widths=w), "lane")
        total += count * logic(text, "lane")
    return total


def logic(text: str, top: str) -> int:
    used = synthesise(text, top, ECP5_85).utilisation
    # A carry cell takes two places, a LUT RAM four and two for its write port.
    return used.lut4 + 2 * used.carry + 6 * used.lut_ram


def p_dits(model: DiscreteModel, q: int, side: int) -> Way:
    """Heat bath over whole variables, black cells and white in turn; the RTL's cells are all busy in either."""
    draw, number = np.random.default_rng(2), np.arange(side * side).reshape(side, side)
    pair = {
        (int(f.categories[0, 0]), int(f.categories[0, 1])): f.weights[0] for f in model.factors if f.weights.ndim == 3
    }
    single = {int(f.categories[0, 0]): f.weights[0] for f in model.factors if f.weights.ndim == 2}
    near = {int(k): [] for k in number.flat}
    for (i, j), table in pair.items():
        near[i].append((j, table))
        near[j].append((i, table.T))
    x = draw.integers(0, q, (CHAINS, side * side))
    out = np.empty((CHAINS, SWEEPS, side * side), dtype=np.int64)
    order = sorted(near, key=lambda k: ((k // side + k % side) % 2, k))
    for sweep in range(-WARM_UP, SWEEPS):
        for k in order:
            field = single[k] + sum(table[:, x[:, j]].T for j, table in near[k])
            # Gumbel's maximum: a draw from the soft-max.
            x[:, k] = np.argmax(field - np.log(draw.exponential(size=field.shape)), axis=1)
        if sweep >= 0:
            out[:, sweep] = x
    bits = (q - 1).bit_length()
    spec = fab.fabric("g4-4x4")
    cells = logic(rtlil_of(lambda h: PditCell(spec, bits, 4), "cell"), "cell") * side * side
    # A cell serves one variable: half of them wait while the others update.
    return Way("p-dits", out, 2 * (CLOCKS_A_STATE * q + LATENCY), side * side, cells)


def effective(model: DiscreteModel, states: np.ndarray) -> float:
    """Effective samples a sweep and chain of the mean terms of the factors over several nodes."""
    values = []
    for factor in model.factors:
        for spins, variables, weights in zip(factor.spins, factor.categories, factor.weights):
            if len(spins) + len(variables) < 2:
                continue
            sign = np.prod(2.0 * states[:, :, spins] - 1, axis=2)
            values.append(sign * (weights[tuple(states[:, :, k] for k in variables)] if len(variables) else weights))
    own = sum(float(np.var(value)) for value in values)
    between = sum(float(np.var(value.mean(axis=1), ddof=1)) for value in values)
    return own / (between * states.shape[1])


def main() -> None:
    print(machine())
    print(
        f"\n{'':<36}{'':<16}{'sites':>6}{'clocks':>8}{'ess/sweep':>11}{'ess/Mclk':>10}{'LUT':>9}{'ess/Mclk/kLUT':>15}"
    )
    for title, model in MODELS.items():
        ways = [compiled("hidden spins", model, pair_fabric(model)), compiled("factor sites", model, fabric_of(model))]
        q, side = int(model.categories[0]), int(model.n_nodes**0.5)
        ways += [p_dits(model, q, side)] if q else []
        for way in ways:
            rate = effective(model, way.states)
            a_clock = 1e6 * rate / way.clocks
            print(f"{title:<36}{way.name:<16}{way.sites:>6}{way.clocks:>8}{rate:>11.4f}{a_clock:>10.0f}{way.luts:>9}"
                  f"{1e3 * a_clock / way.luts:>15.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
