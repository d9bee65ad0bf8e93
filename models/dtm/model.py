r"""The denoising thermodynamic model: T Boltzmann machines in a row on one fabric (arXiv:2510.23972).

    P(x^0) = Σ P(x^T) Π_t P_θt(x^{t-1} | x^t),   x^T fair coin flips.

    model = DenoisingModel.fresh(spec, n_pixels=64, steps=4, compile=thermofab.compile)
    model = model.trained(images, LayerTraining())
    made = model.generate(100, Generation(sweeps=200), seed=1)

With ``steps=1`` it is the monolithic machine (MEBM): one layer, no input. Every layer runs on the whole fabric, one
after another; nothing is embedded, since a layer has one node per site.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermofab.hw.spec import FabricSpec, Ledger, Schedule, SpecError
from thermofab.hw.spec.device import Device
from thermofab.models.boltzmann.machine import BoltzmannMachine
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.dtm.forward import ForwardChain
from thermofab.models.dtm.layer import Layer
from thermofab.models.dtm.roles import Roles
from thermofab.models.dtm.training import LayerState, LayerTraining, start_layer, train_epoch
from thermofab.models.seeds import derived

PLACES = ("beside", "grid")


@dataclass(frozen=True)
class Generation:
    """How a layer is run in generation.

    Attributes:
        sweeps: of each layer.
        levels: β levels, indices into the model's ``betas``, each for an equal share of the sweeps; the last also
            takes what division leaves.
    """

    sweeps: int = 200
    levels: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if self.sweeps < len(self.levels) or not self.levels:
            raise SpecError(f"{self.sweeps} sweeps cannot be shared among {len(self.levels)} β levels; raise sweeps.")

    def schedule(self) -> Schedule:
        share = self.sweeps // len(self.levels)
        before = tuple((share, level) for level in self.levels[:-1])
        return Schedule(self.sweeps - share * len(before), 1, anneal=before, level=self.levels[-1])


@dataclass(frozen=True, eq=False)
class Generated:
    """What generation gave.

    Attributes:
        images: bool ``[count, v]``, x^0.
        steps: bool ``[T + 1, count, v]``: x^T first, x^0 last.
        states: a bool ``[count, N]`` a layer, all sites at the end of its run, layer T first.
        ledger: of all layers together.
    """

    images: np.ndarray
    steps: np.ndarray
    states: tuple[np.ndarray, ...]
    ledger: Ledger


@dataclass(frozen=True, eq=False)
class DenoisingModel:
    """Layers t = 1…T (``layers[t-1]``), their samplers, and the forward chain.

    Attributes:
        chain: the forward chain.
        layers: the layers.
        samplers: of the layers; their templates are compiled once.
        betas: β levels of the templates, the first 1.
    """

    chain: ForwardChain
    layers: tuple[Layer, ...]
    samplers: tuple[FabricSampler, ...]
    betas: tuple[float, ...]

    @staticmethod
    def fresh(
        spec: FabricSpec,
        n_pixels: int,
        steps: int,
        compile: Callable[..., Any],
        *,
        inputs: str = "beside",
        conditioning: str = "all",
        betas: Sequence[float] = (1.0,),
        scale: float = 0.02,
        device: Device | str = "jax",
        seed: int = 0,
    ) -> "DenoisingModel":
        """An untrained model.

        Args:
            spec: the fabric; any graph will do.
            n_pixels: of an image.
            steps: T; 1 for the monolithic machine.
            compile: :func:`thermofab.compile`.
            inputs: ``"beside"``: a site more a pixel for its input; ``"grid"``: sites of the fabric itself, which must
                then hold a matching of ``n_pixels`` pairs.
            conditioning: ``"all"`` edges of inputs in the grid trained, or ``"pairs"`` (:mod:`.layer`).
            betas: β levels, the first 1.
            scale: standard deviation of the first couplings.
            device: a name, or an open device, that all layers run on.
            seed: of roles and couplings.
        """
        if not betas or betas[0] != 1.0:
            raise SpecError(f"betas are the β levels, the first of which is 1, got {tuple(betas)}.")
        chain = ForwardChain(steps)
        if inputs not in PLACES:
            raise SpecError(f"inputs must be one of {', '.join(PLACES)}, got {inputs!r}.")
        roles = (Roles.beside if inputs == "beside" else Roles.random)(spec.topology, n_pixels, seed)
        layers = tuple(
            Layer.fresh(
                roles if t < steps else roles.without_inputs(spec.topology),
                chain.coupling(t),
                conditioning,
                scale,
                derived(seed, t),
            )
            for t in range(1, steps + 1)
        )
        samplers = tuple(
            FabricSampler(layer.template(replace(spec, topology=layer.roles.topology), compile, betas), device)
            for layer in layers
        )
        return DenoisingModel(chain, layers, samplers, tuple(betas))

    @property
    def machines(self) -> tuple[BoltzmannMachine, ...]:
        return tuple(layer.machine for layer in self.layers)

    def on(self, device: Any) -> "DenoisingModel":
        """The same model on another device."""
        return replace(self, samplers=tuple(FabricSampler(one.template, device) for one in self.samplers))

    def with_layer(self, t: int, layer: Layer) -> "DenoisingModel":
        """The model with layer ``t`` of 1…T replaced."""
        return replace(self, layers=(*self.layers[: t - 1], layer, *self.layers[t:]))

    def start(self, t: int, config: LayerTraining, images: np.ndarray) -> LayerState:
        """The state before the first epoch of layer ``t`` of 1…T."""
        return start_layer(self.layers[t - 1], config, self._checked(images))

    def epoch(self, t: int, state: LayerState, config: LayerTraining, images: np.ndarray) -> LayerState:
        """One epoch of layer ``t``."""
        return train_epoch(state, config, self.chain, t, self._checked(images), self.samplers[t - 1])

    def trained(
        self,
        images: np.ndarray,
        config: LayerTraining,
        progress: Callable[[int, LayerState], None] | None = None,
    ) -> "DenoisingModel":
        """All layers trained, one after another; ``progress(t, state)`` is called after every epoch."""
        model = self
        for t in range(1, self.chain.steps + 1):
            state = self.start(t, config, images)
            while state.epoch < config.epochs:
                state = self.epoch(t, state, config, images)
                if progress is not None:
                    progress(t, state)
            model = model.with_layer(t, state.layer)
        return model

    def generate(self, count: int, how: Generation = Generation(), seed: int = 0) -> Generated:
        """Images from coin flips, through the layers T…1; each layer starts from coin flips of its own."""
        v = len(self.layers[0].roles.pixels)
        x = np.random.default_rng(derived(seed, 0)).random((count, v)) < 0.5
        steps, states, spent = [x], [], None
        for t in range(self.chain.steps, 0, -1):
            layer, sampler = self.layers[t - 1], self.samplers[t - 1]
            clamp = layer.clamps(count, x)
            sites, ledger = layer.sampled(
                sampler, sampler.holding(layer.machine), how.schedule(), clamp, derived(seed, t)
            )
            x = sites[:, -1, layer.roles.pixels]
            steps.append(x)
            states.append(sites[:, -1])
            spent = ledger if spent is None else spent.plus(ledger)
        assert spent is not None
        return Generated(x, np.array(steps), tuple(states), spent)

    def _checked(self, images: np.ndarray) -> np.ndarray:
        rows, v = np.asarray(images), len(self.layers[0].roles.pixels)
        if rows.ndim != 2 or rows.shape[1] != v or rows.dtype != np.bool_ or not len(rows):
            raise SpecError(f"images must be bool of shape (N, {v}), got {rows.dtype} {rows.shape}; see to_bits.")
        return rows
