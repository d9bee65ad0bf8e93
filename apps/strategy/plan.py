"""A joint plan sampled on a fabric: several symbols, several days ahead, at a temperature.

The plan is a THRML program (``CategoricalEBMFactor``), compiled onto a fabric and sampled by any device. A symbol's day
is a cell of three sites on a ``pdit8`` grid, whose factors hold any table of two neighbouring cells: a plan of one or
two symbols has a factor for every table, no hidden sites and no embedding. Dense and relay fabrics have pairs of sites
only, on which the same plan takes ten times the sites (``benchmarks/strategy/plan.py`` measures it); for three symbols
and more the fabric is made to the program, :func:`thermofab.compiler.fabric_of`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.plan_exact import MOST_SYMBOLS, ExactPlan, exact_plan
from thermofab.apps.strategy.plan_problem import PlanProblem
from thermofab.hw.spec import Device, FabricSpec, Program, Schedule, SpecError, fabric, open_device
from thermofab.hw.spec.report import Distance

SHOWN = 8  # samples that travel in a message
WARM_UP, SAMPLES, APART = 100, 8, 8


@dataclass(frozen=True, eq=False)
class Plan:
    """Samples of a plan, and what they say.

    Attributes:
        problem: what was asked.
        fabric, device: where it was sampled, by name.
        replicas: chains.
        samples: plans int64 ``[N, S, D]``.
        spins: a few samples as states of sites, bool ``[≤ 8, sites]``.
        site_marginals: P(state = 1) of every site, float64 ``[sites]``.
        marginals: of every strategy, float64 ``[S, D, 8]``.
        chosen: of the sampled plans the one of lowest energy, int64 ``[S, D]``.
        chosen_share: how many of the samples are that plan.
        spread: standard deviation over samples of the mean share of equity.
        exact: the distribution without a fabric; ``None`` for more than three symbols.
        compiled: distance of the compiled program's distribution from the plan's, and how it is known.
    """

    problem: PlanProblem
    fabric: str
    device: str
    replicas: int
    samples: np.ndarray
    spins: np.ndarray
    site_marginals: np.ndarray
    marginals: np.ndarray
    chosen: np.ndarray
    chosen_share: float
    spread: float
    exact: ExactPlan | None
    compiled: Distance

    @property
    def marginal_tv(self) -> float | None:
        """Largest total variation, over (symbol, day), between sampled and exact marginals."""
        if self.exact is None:
            return None
        return float(np.abs(self.marginals - self.exact.marginals).sum(axis=2).max() / 2)

    def to_message(self) -> dict[str, Any]:
        """The ``plan`` of a prediction's message (``apps/serve/schemas/trm_prediction.schema.json``).

        ``allocation`` has an entry for every (symbol, day): the chosen strategy and its marginal probability.
        """
        rows = [(s, d) for s in range(len(self.problem.symbols)) for d in range(self.problem.days)]
        message: dict[str, Any] = {
            "device": self.device,
            "fabric": self.fabric,
            "replicas": self.replicas,
            "temperature": float(self.problem.terms.temperature),
            "spins": self.spins.astype(int).tolist(),
            "marginals": self.site_marginals.round(4).tolist(),
            "allocation": [
                {
                    "label": f"{self.problem.symbols[s]} day +{d + 1}: {STRATEGIES[self.chosen[s, d]]}",
                    "probability": round(float(self.marginals[s, d, self.chosen[s, d]]), 4),
                }
                for s, d in rows
            ],
            "chosen_share": round(self.chosen_share, 4),
            "spread": round(self.spread, 4),
        }
        if self.marginal_tv is not None:
            message["marginal_tv"] = round(self.marginal_tv, 4)
        return message


class PlanSampler:
    """Plans of one shape on one fabric and device; compiled once, then given other weights.

    Args:
        symbols, days: the shape.
        device: a name for :func:`~thermofab.hw.spec.open_device`, such as ``jax`` or ``serial:///dev/ttyUSB0``, or an
            open device, which stays open.
        spec: the fabric; by default a ``pdit8`` grid of the shape, or for three symbols and more the program's own.
        replicas: chains.
        schedule: of every chain.

    Raises:
        SpecError: no symbol or day.
    """

    def __init__(
        self,
        symbols: int = 1,
        days: int = 3,
        *,
        device: str | Device = "jax",
        spec: FabricSpec | None = None,
        replicas: int = 256,
        schedule: Schedule | None = None,
    ) -> None:
        from thrml.pgm import CategoricalNode

        if symbols < 1 or days < 1:
            raise SpecError(f"a plan has at least one symbol and one day; got {symbols} and {days}.")
        self.symbols, self.days, self.replicas = symbols, days, replicas
        self.schedule = schedule or Schedule(WARM_UP, SAMPLES, APART)
        self.nodes = [CategoricalNode() for _ in range(symbols * days)]
        self._spec, self._device_name = spec, device if isinstance(device, str) else device.info().name
        self._device: Device | None = None if isinstance(device, str) else device
        self._program: Program | None = None

    def program(self, problem: PlanProblem) -> Program:
        """The plan, compiled.

        Raises:
            SpecError: a problem of another shape.
        """
        from thermofab.compiler import compile, fabric_of

        if (len(problem.symbols), problem.days) != (self.symbols, self.days):
            raise SpecError(
                f"this sampler is for {self.symbols} symbols and {self.days} days; the problem has "
                f"{len(problem.symbols)} and {problem.days}."
            )
        source = problem.factors(self.nodes)
        if self._program is None:
            if self._spec is None:
                grid = f"pdit8-{self.symbols}x{self.days}"
                self._spec = fabric(grid) if self.symbols <= 2 else fabric_of(source)
            # Tables of weight 0 keep their place, for the next problem may charge for what this one does not.
            self._program = compile(source, self._spec, seed=0, keep_zero=True)
        else:
            self._program = self._program.with_weights(source)
        return self._program

    def sample(self, problem: PlanProblem, seed: int = 0) -> Plan:
        """Sample the plan; the same seed gives the same bits on every bit-exact device."""
        program = self.program(problem)
        if self._device is None:
            self._device = open_device(self._device_name, program.fabric)
        run = program.sample(self.schedule, replicas=self.replicas, seed=seed, device=self._device)
        plans = np.asarray(run.node_states, dtype=np.int64).reshape(-1, self.symbols, self.days)
        sites = run.sites.reshape(len(plans), -1)
        marginals = (plans[..., None] == np.arange(len(STRATEGIES))).mean(axis=0)
        chosen = plans[int(problem.log_weights(plans).argmax())]
        shown = np.linspace(0, len(sites) - 1, min(SHOWN, len(sites))).astype(int)
        return Plan(
            problem,
            program.fabric.topology.name,
            self._device_name,
            self.replicas,
            plans,
            sites[shown],
            sites.mean(axis=0),
            marginals,
            chosen,
            float((plans == chosen).all(axis=(1, 2)).mean()),
            float(problem.equity(plans).mean(axis=(1, 2)).std()),
            exact_plan(problem) if self.symbols <= MOST_SYMBOLS else None,
            program.report.end_to_end,
        )
