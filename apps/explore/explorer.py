"""ThermodynamicArchitectureExplorer: a topology, a strength and a temperature in; exact error and mixing out."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.apps.explore.energies import EnergyFunction, graph_of, model_of, model_on
from thermofab.apps.explore.evaluate import built_clocks
from thermofab.apps.explore.metrics import autocorrelation_time, distance_from
from thermofab.hw.spec import Schedule, SpecError, fabric
from thermofab.hw.spec.mixing import effective_of, observables

log = logging.getLogger("thermofab.explore")
_PILOT = Schedule(200, 400, 1)
_EXACT = 20  # nodes up to which distributions are enumerated
_LONGEST = 100_000  # sweeps of an adaptive run


class ThermodynamicArchitectureExplorer:
    """Topologies compared by programs of their own graph, one site per spin.

    Args:
        device: a name for :func:`thermofab.open_device`.
        replicas: chains, at least 8.
        seed: of couplings and runs.

    Attributes:
        results: of every exploration so far, in order.

    Raises:
        SpecError: too few replicas.
    """

    def __init__(self, device: str = "native", replicas: int = 64, seed: int = 0) -> None:
        if replicas < 8:
            raise SpecError(f"mixing is measured by the spread of at least 8 chains, got replicas={replicas}.")
        self.device, self.replicas, self.seed = device, replicas, seed
        self.results: list[dict[str, Any]] = []

    def explore_topology(
        self,
        num_nodes: int = 16,
        topology: str = "grid",
        coupling_strength: float = 0.5,
        temperature: float = 1.0,
        *,
        energy_fn: EnergyFunction | None = None,
        couplings: str = "random",
        architecture: str = "spatial",
        weight_bits: int = 8,
        profile: str = "default",
        schedule: Schedule | None = None,
        target_ess: float = 1000.0,
    ) -> dict[str, Any]:
        """Compile, run, and measure.

        Args:
            num_nodes: spins.
            topology: ``"grid"``, ``"fully_connected"``, or a family such as ``"g12"``, ``"king"``, ``"z1"``.
            coupling_strength: ``"random"`` couplings are N(0, strength²/d) with d the mean degree, ``"uniform"`` ones
                strength/d.
            temperature: T; P ∝ exp(-E/T).
            energy_fn: instead of drawn couplings: from states int8 ±1 ``[K, n]`` to energies float ``[K]``, with
                terms of at most two spins. It decides which spins are coupled, and ``topology`` is not used.
            couplings: ``"random"`` or ``"uniform"``.
            architecture, weight_bits, profile: of the fabric.
            schedule: of the run; by default one made for a pilot's autocorrelation time, 20 of which warm up.
            target_ess: effective samples that such a run is to give, of all chains together.

        Returns:
            ``num_nodes``, ``edges``, ``degree``, ``colours``, ``architecture``; ``exact_error``, the total variation
            distance of the integer program from what was asked for, enumerated (``None`` above 20 spins);
            ``measured_error`` and ``measured_error_se`` of the run; ``ess``, ``ess_per_sweep``, ``ess_per_cycle``;
            ``clocks_per_sweep``, ``tau`` (sweeps); ``mean_energy``, ``exact_energy``; ``schedule``; ``energies`` of the
            first chain; ``standings`` of these numbers.

        Raises:
            SpecError: an argument outside its range.
        """
        from thermofab.compiler import compile, exact, fabric_of

        if energy_fn is not None:
            model, graph = model_of(energy_fn, num_nodes, temperature), None
        else:
            graph = graph_of(topology, num_nodes)
            model = model_on(graph, coupling_strength, temperature, couplings, self.seed)
        widths: dict[str, Any] = {"architecture": architecture, "weight_bits": weight_bits, "profile": profile}
        spec = fabric_of(model, **widths) if graph is None else fabric(graph, **widths)
        program = compile(model, spec, tolerance=1.0, seed=self.seed, verify=num_nodes <= _EXACT)
        log.info("%s of %d nodes: %s", topology, num_nodes, program.report.end_to_end)
        options: dict[str, Any] = {"replicas": self.replicas, "seed": self.seed, "device": self.device}
        asked = schedule
        if asked is None:
            asked = self._adapted(program.sample(_PILOT, discard=False, **options).energies(), target_ess)
        run = program.sample(asked, discard=False, **options)
        sweeps = (asked.n_samples - 1) * asked.steps_per_sample + 1
        effective = effective_of(observables(model, run.node_states), run.kept)
        clocks = built_clocks(program)
        found: dict[str, Any] = {
            "topology": "energy_fn" if graph is None else topology,
            "num_nodes": num_nodes,
            "edges": spec.topology.n_edges,
            "degree": spec.topology.max_degree,
            "colours": spec.topology.n_colours,
            "architecture": architecture,
            "coupling_strength": coupling_strength,
            "temperature": temperature,
            "exact_error": program.report.end_to_end_tv,
            "ess": effective * self.replicas,
            "ess_per_sweep": effective / sweeps,
            "ess_per_cycle": effective / sweeps / clocks,
            "clocks_per_sweep": clocks,
            "tau": autocorrelation_time(run.energies()) * asked.steps_per_sample,
            "mean_energy": float(run.energies().mean()),
            "schedule": asked.to_json(),
            "energies": run.energies()[0].tolist(),
            "standings": {
                "exact_error": "enumerated", "measured_error": "measured", "ess": "measured",
                "ess_per_sweep": "measured", "ess_per_cycle": "modelled", "clocks_per_sweep": "modelled",
                "tau": "measured", "mean_energy": "measured", "exact_energy": "enumerated",
            },
        }  # fmt: skip
        if num_nodes <= _EXACT:
            truth = exact(model)
            tv, error = distance_from(run.node_states, run.kept, truth.probabilities, truth.shape)
            found |= {"measured_error": tv, "measured_error_se": error}
            found["exact_energy"] = float(truth.probabilities @ truth.energies)
        self.results.append(found)
        log.info(
            "%s: %.3g effective samples a sweep, %.3g a clock", topology, effective / sweeps, found["ess_per_cycle"]
        )
        return found

    def _adapted(self, energies: np.ndarray, target: float) -> Schedule:
        """A schedule for a pilot's autocorrelation time."""
        if not target > 0:
            raise SpecError(f"target_ess is above 0, got {target!r}.")
        tau = autocorrelation_time(energies)
        tau = tau if np.isfinite(tau) else 0.5
        warmup = int(np.clip(np.ceil(20 * tau), 50, _LONGEST))
        samples = int(np.clip(np.ceil(2 * tau * target / self.replicas), 200, _LONGEST))
        log.info("pilot: autocorrelation time %.3g sweeps, so %d to warm up and %d samples", tau, warmup, samples)
        return Schedule(warmup, samples, 1)

    def plot(self, path: Path, results: Sequence[dict[str, Any]] | None = None) -> Path:
        """Energy traces, and exact error beside effective samples a clock, of all results so far, as a picture.

        Raises:
            SpecError: there is nothing to draw.
        """
        from thermofab.apps.pages.palette import LIGHT
        from thermofab.apps.pages.theme import picture, plain

        shown = self.results if results is None else list(results)
        if not shown:
            raise SpecError("nothing was explored yet; call explore_topology first.")
        with picture(Path(path), (11, 4.2)) as figure:
            trace, bars = figure.subplots(1, 2)
            names = [f"{one['topology']}, {one['num_nodes']}, {one['architecture']}" for one in shown]
            for one, name in zip(shown, names):
                trace.plot(one["energies"][:200], lw=0.8, label=name)
            trace.set(xlabel="sample", ylabel="energy, units of kT", title="Energy of the first chain")
            trace.legend(fontsize=8)
            plain(trace)
            place = np.arange(len(shown))
            bars.bar(place, [one["ess_per_cycle"] for one in shown], color=LIGHT.accent, alpha=0.75)
            errors = [one["exact_error"] for one in shown]
            for k, error in enumerate(errors):
                bars.text(
                    k, shown[k]["ess_per_cycle"], "" if error is None else f"TV {error:.1e}", ha="center", va="bottom"
                )
            bars.set_xticks(place, names, rotation=20, ha="right", fontsize=7)
            bars.set(ylabel="effective samples per clock cycle", title="Yield; TV: distance to the exact distribution")
            bars.margins(y=0.15)
            plain(bars)
        return path
