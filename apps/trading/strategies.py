"""EnergyBasedStrategyModel: which strategy records are typical, by a restricted Boltzmann machine on a fabric.

Records in bits (:mod:`~thermofab.apps.trading.records`) are the visible units. Training is persistent contrastive
divergence with the fabric's samples; the energy of a record is its free energy, hidden units summed out; *typical* is a
free energy no higher than 95 of 100 held-out records have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx
import numpy as np

from thermofab.apps.trading.records import BITS, FEATURES, NAMES, Thermometer, features_of
from thermofab.compiler import compile as compile_program
from thermofab.hw.spec import Schedule, SpecError, fabric
from thermofab.hw.spec.device import Device
from thermofab.models.boltzmann import BoltzmannMachine, FabricSampler, Training, free_energy, restricted
from thermofab.models.boltzmann import fit as fit_machine

TYPICAL = 95.0  # percentile of held-out free energies up to which a record is typical
FEWEST = 40
VISIBLE = BITS * len(FEATURES)


@dataclass(eq=False)
class EnergyBasedStrategyModel:
    """See the head of this file.

    Args:
        hidden: hidden units.
        device: what samples: a name for :func:`thermofab.open_device`.
        seed: of everything random.
        training: how to train; by default 600 updates of persistent contrastive divergence.
    """

    hidden: int = 16
    device: Device | str = "jax"
    seed: int = 0
    training: Training | None = None
    machine: BoltzmannMachine | None = None
    code: Thermometer | None = None
    held_out: np.ndarray | None = None
    _sampler: FabricSampler | None = None

    def train(self, strategies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Learn from records; a fifth of them, every fifth, is held out.

        Raises:
            SpecError: fewer than 40 records, or a malformed one.
        """
        if len(strategies) < FEWEST:
            raise SpecError(f"a strategy model learns from {FEWEST} records at least, got {len(strategies)}.")
        table = np.stack([features_of(record) for record in strategies])
        aside = np.arange(len(table)) % 5 == 4
        self.code = Thermometer.of(table[~aside])
        data = self.code.encode(table[~aside])
        connections = restricted(VISIBLE, self.hidden)
        blank = BoltzmannMachine.random(connections, seed=self.seed, data=data)
        spec = fabric(networkx.complete_bipartite_graph(VISIBLE, self.hidden), weight_bits=10, bias_bits=14)
        self._sampler = FabricSampler(compile_program(blank.ising(), spec, keep_zero=True, verify=False), self.device)
        config = self.training or Training(
            method="pcd", steps=600, batch=64, replicas=128, learning_rate=0.02, weight_decay=1e-3, clip=2.0,
            seed=self.seed,
        )  # fmt: skip
        self.machine = fit_machine(blank, config, data, self._sampler).machine
        self.held_out = np.sort(free_energy(self.machine, self.code.encode(table[aside])))
        return {
            "num_strategies": len(strategies),
            "num_held_out": int(aside.sum()),
            "updates": config.steps,
            "mean_free_energy": float(self.held_out.mean()),
            "typical_below": float(np.percentile(self.held_out, TYPICAL)),
            "device": self.device if isinstance(self.device, str) else self.device.info().name,
        }

    def evaluate(self, strategy: Mapping[str, Any]) -> dict[str, Any]:
        """``energy``, the record's free energy; ``probability_score``, the share of held-out records with as high a one
        or higher; ``is_typical`` and ``interpretation``.

        Raises:
            SpecError: nothing was learnt yet, or the record is malformed.
        """
        machine, code, held_out = self._needed()
        energy = float(free_energy(machine, code.encode(features_of(strategy)[None]))[0])
        score = float(np.mean(held_out >= energy))
        typical = energy <= float(np.percentile(held_out, TYPICAL))
        return {
            "energy": energy,
            "probability_score": score,
            "is_typical": bool(typical),
            "interpretation": (
                f"typical: {score:.0%} of held-out records have an energy as high"
                if typical
                else f"rare: only {score:.1%} of held-out records have an energy as high"
            ),
        }

    def rank(self, strategies: Sequence[Mapping[str, Any]], *, typical_only: bool = False) -> list[dict[str, Any]]:
        """Records by energy, the most typical first, each with what :meth:`evaluate` says of it.

        Args:
            strategies: records.
            typical_only: leave out those that are rare.

        Raises:
            SpecError: nothing was learnt yet, or a record is malformed.
        """
        judged = [{**record, **self.evaluate(record)} for record in strategies]
        kept = [record for record in judged if record["is_typical"] or not typical_only]
        return sorted(kept, key=lambda record: record["energy"])

    def sample_strategies(self, num_samples: int, seed: int | None = None) -> list[dict[str, Any]]:
        """New records from the fabric, ``backtested`` False: their figures are drawn, not earned.

        Raises:
            SpecError: nothing was learnt yet, or fewer than one sample.
        """
        machine, code, _ = self._needed()
        if isinstance(num_samples, bool) or int(num_samples) != num_samples or num_samples < 1:
            raise SpecError(f"num_samples must be an integer of at least 1, got {num_samples!r}.")
        assert self._sampler is not None
        seed = self.seed if seed is None else seed
        states = self._sampler.sample(machine, Schedule(500, 1), replicas=int(num_samples), seed=seed)[:, -1]
        bits = np.asarray(states)[:, machine.connections.visible].astype(bool)
        figures = code.decode(bits, np.random.default_rng([seed, 5]).random((len(bits), len(FEATURES))))
        # The energy is of the record as it is read back: a thermometer with a gap is closed by decoding.
        energies = free_energy(machine, code.encode(figures))
        return [
            {
                "name": f"thrml_sample_{k}",
                "thrml_energy": float(energy),
                "features": dict(zip(NAMES, row.tolist())),
                "backtested": False,
                **dict(zip(NAMES, row.tolist())),
            }
            for k, (row, energy) in enumerate(zip(figures, energies))
        ]

    def _needed(self) -> tuple[BoltzmannMachine, Thermometer, np.ndarray]:
        if self.machine is None or self.code is None or self.held_out is None:
            raise SpecError("this strategy model has not learnt anything yet; call train(records) first.")
        return self.machine, self.code, self.held_out
