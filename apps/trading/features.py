"""FabricFeatures: what a Boltzmann machine on a fabric makes of a table, as features for a scikit-learn model.

Columns become thermometer bits, the visible units of a restricted Boltzmann machine trained by persistent contrastive
divergence with the fabric's samples. A row's features are means of hidden states that the fabric samples with the row
clamped, and the row's free energy. A row is a chain, so its sampled features depend on the rows around it.
"""

from typing import Any

import networkx
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from thermofab.compiler import compile as compile_program
from thermofab.hw.spec import Schedule, SpecError, fabric
from thermofab.models.boltzmann import BoltzmannMachine, FabricSampler, Training, free_energy, restricted
from thermofab.models.boltzmann import fit as fit_machine

WIDEST = 512  # visible units; a bipartite fabric has a weight for each and every hidden one


class FabricFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A scikit-learn transformer; the same seed gives the same features on every bit-exact device.

    Args:
        hidden: hidden units, a feature each; the free energy is one more.
        bits: of a column's thermometer: its quantiles at k/(bits + 1) are what it is compared with.
        steps: updates of training.
        batch: rows per update.
        replicas: negative chains.
        learning_rate: the first of a linear decay to a tenth.
        samples: of the hidden states, averaged per feature.
        device: what samples: a name for :func:`thermofab.open_device`.
        seed: of everything random.

    Attributes:
        thresholds_: float64 ``[columns, bits]``.
        machine_: the trained machine.
    """

    def __init__(
        self,
        hidden: int = 16,
        bits: int = 4,
        steps: int = 600,
        batch: int = 64,
        replicas: int = 128,
        learning_rate: float = 0.02,
        samples: int = 16,
        device: str = "jax",
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.bits = bits
        self.steps = steps
        self.batch = batch
        self.replicas = replicas
        self.learning_rate = learning_rate
        self.samples = samples
        self.device = device
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> "FabricFeatures":  # noqa: N803
        """Learn from a table float ``[n, columns]``, n ≥ 2; ``y`` is not used.

        Raises:
            SpecError: a size below 1, or more than 512 visible units.
        """
        for name in ("hidden", "bits", "samples"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise SpecError(f"{name} must be an integer of at least 1, got {getattr(self, name)!r}.")
        rows = np.asarray(validate_data(self, X, dtype=np.float64, ensure_min_samples=2))
        visible = rows.shape[1] * self.bits
        if visible > WIDEST:
            raise SpecError(
                f"{rows.shape[1]} columns of {self.bits} bits are {visible} visible units; at most {WIDEST} are "
                "allowed. Take fewer bits, or choose columns first."
            )
        self.thresholds_ = np.quantile(rows, np.arange(1, self.bits + 1) / (self.bits + 1), axis=0).T
        data = self._bits(rows)
        blank = BoltzmannMachine.random(restricted(visible, self.hidden), seed=self.seed, data=data)
        config = Training(
            method="pcd", steps=self.steps, batch=min(self.batch, len(data)), replicas=self.replicas,
            learning_rate=self.learning_rate, final_learning_rate=self.learning_rate / 10, weight_decay=1e-3, clip=2.0,
            seed=self.seed,
        )  # fmt: skip
        self.machine_ = fit_machine(blank, config, data, self._sampler()).machine
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Features float64 ``[n, hidden + 1]``: means of sampled hidden states in 0…1, and the free energy in nats."""
        check_is_fitted(self)
        data = self._bits(np.asarray(validate_data(self, X, dtype=np.float64, reset=False)))
        rows, where = np.unique(data, axis=0, return_inverse=True)
        states = self._sampler().sample(
            self.machine_, Schedule(1, self.samples), replicas=len(rows), seed=self.seed, visible=rows
        )
        hidden = states[:, :, self.machine_.connections.hidden].mean(axis=1)
        features = np.column_stack([hidden, free_energy(self.machine_, rows)])
        return features[where.reshape(-1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.hidden + 1

    def _bits(self, rows: np.ndarray) -> np.ndarray:
        return (rows[:, :, None] > self.thresholds_[None]).reshape(len(rows), -1)

    def _sampler(self) -> FabricSampler:
        visible = self.thresholds_.size
        graph = networkx.complete_bipartite_graph(visible, self.hidden)
        spec = fabric(graph, weight_bits=10, bias_bits=14, profile="fine")
        # Compiled from small weights and given the machine's later: with rows clamped, wells that a table could not
        # hold the balance between do not matter.
        template = BoltzmannMachine.random(restricted(visible, self.hidden), seed=self.seed).ising()
        return FabricSampler(compile_program(template, spec, keep_zero=True, verify=False), self.device)
