"""Imperfect fabrics: how much variation an application tolerates. Opt-in, named in every report, off by default.

    device = open_device("jax", spec, noise=NoiseModel(offset=4.0, gain=0.05, dead=0.01))

What a fabrication run varies is drawn once a site from ``seed`` and is the same for every replica and run; what varies
in time has streams of its own, so that a model with all deviations zero gives the exact device's bits. A site computes

    F' = ((F · g_i) >> 14) + o_i,          g_i = 2^14 (1 + gain·ξ_i),   o_i = offset·η_i,   ξ, η standard normal,
    n  = 1 if draw < T'[address(F')],      T' = T under the sigmoid-shape error,

and draws words whose bits are 1 with probability (1 + bias)/2 and which repeat the site's last word with probability
exp(-1/relaxation): draws k updates apart then have correlation exp(-k/relaxation), as those of a physical source
sampled faster than it relaxes. A dead site is stuck at 0, 1, or its initial state, and its neighbours feel it there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import FabricSpec, RunPlan, SpecError, UnsupportedError, generator
from thermofab.hw.spec.seeding import site_keys
from thermofab.sim.functional.kernel import Kernel, Parameters
from thermofab.sim.functional.randomness import Stepper, stepper

ONE = 2**14  # gains are fixed-point with 14 fraction bits
DIGITS = 12  # binary digits of the share of bits that a bias forces
_NOT_PURE = "the generators of a noisy fabric are not the contract's; run it as a device."
STUCK = ("0", "1", "initial")


@dataclass(frozen=True)
class NoiseModel:
    """Deviations of a fabric from the contract; zeros are none.

    Attributes:
        offset: standard deviation of a site's field offset, in units of an integer weight.
        gain: relative standard deviation of a site's field gain.
        shape: cubic error of the sigmoid: a table's logit x becomes x·(1 + shape·(x/4)²), the same at every site;
            negative values flatten its tails.
        skew: even error of the sigmoid: x becomes x + skew·(x/4)².
        bias: of a random bit: P(1) = (1 + bias)/2; -1…1.
        relaxation: of the random source, in updates; 0 is white.
        dead: share of sites that never update.
        stuck: where dead sites are: ``"0"``, ``"1"`` or ``"initial"``.
        seed: of everything drawn.
    """

    offset: float = 0.0
    gain: float = 0.0
    shape: float = 0.0
    skew: float = 0.0
    bias: float = 0.0
    relaxation: float = 0.0
    dead: float = 0.0
    stuck: str = "initial"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("offset", 0.0, 2.0**20),
            ("gain", 0.0, 1.0),
            ("shape", -1.0, 10.0),
            ("skew", -10.0, 10.0),
            ("bias", -1.0, 1.0),
            ("relaxation", 0.0, 1e9),
            ("dead", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
                raise SpecError(f"{name} of a noise model must be a number from {low:g} to {high:g}, got {value!r}.")
        if self.stuck not in STUCK:
            raise SpecError(f"stuck must be one of {', '.join(STUCK)}, got {self.stuck!r}.")

    def __str__(self) -> str:
        """What deviates, for reports."""
        said = [
            f"{f.name}={getattr(self, f.name):g}"
            for f in fields(self)
            if f.name not in ("stuck", "seed") and getattr(self, f.name)
        ]
        if self.dead:
            said.append(f"stuck={self.stuck}")
        return f"noise({', '.join([*said, f'seed={self.seed}'])})"

    def gains_and_offsets(self, n_sites: int) -> tuple[np.ndarray, np.ndarray]:
        """int32 ``[N]`` each."""
        rng = np.random.default_rng([self.seed, 1])
        gains = np.round(ONE * (1 + self.gain * rng.standard_normal(n_sites)))
        offsets = np.round(self.offset * rng.standard_normal(n_sites))
        return np.maximum(gains, 0).astype(np.int32), offsets.astype(np.int32)

    def dead_sites(self, n_sites: int) -> np.ndarray:
        """bool ``[N]``, a whole number of sites nearest to the share."""
        order = np.random.default_rng([self.seed, 2]).permutation(n_sites)
        return np.isin(np.arange(n_sites), order[: round(self.dead * n_sites)])

    def tables(self, spec: FabricSpec, tables: np.ndarray) -> np.ndarray:
        """Tables under the shape error; entries stay in 1…2^t-1."""
        if not (self.shape or self.skew):
            return tables
        top = 2**spec.threshold_bits
        x = np.log(tables / (top - tables))
        bent = x * (1 + self.shape * (x / 4) ** 2) + self.skew * (x / 4) ** 2
        return np.clip(np.round(top / (1 + np.exp(-bent))), 1, top - 1).astype(np.int32)

    def applied(self, plan: RunPlan) -> RunPlan:
        """The plan with dead sites clamped where they are stuck, and the tables bent."""
        image = plan.image.replace(tables=self.tables(plan.image.fabric, plan.image.tables))
        dead = self.dead_sites(image.fabric.n_sites) & ~plan.clamped
        init = plan.init.copy()
        if self.stuck != "initial":
            init[:, dead] = self.stuck == "1"
        return replace(plan, image=image, clamped=plan.clamped | dead, start=init)


class _Extra(NamedTuple):
    """Per group: ``gain`` and ``offset`` int32 ``[*shape, 1]``."""

    gain: list[jax.Array]
    offset: list[jax.Array]


class NoisyStepper:
    """A generator whose words are biased and repeat; ``rotation`` 1.

    Its state is that of the exact stepper, that of a second generator of the same kind for what deviates, and the last
    word.
    """

    rotation = 1

    def __init__(self, spec: FabricSpec, noise: NoiseModel) -> None:
        self._exact: Stepper = stepper(spec)
        self._spec, self._noise = spec, noise
        self._repeat = float(np.exp(-1 / noise.relaxation)) if noise.relaxation else 0.0

    def seed(self, keys: np.ndarray) -> list[np.ndarray]:
        return self._exact.seed(keys)

    def start(self, keys: np.ndarray) -> list[np.ndarray]:
        """State arrays ``[R, N]``, the exact generator's first."""
        replicas, n = keys.shape
        # Streams of their own: keyed by the noise's seed and by what the replica's first site was seeded with.
        other = np.concatenate([site_keys(self._noise.seed ^ int(key), [1], n) for key in keys[:, 0]])
        word = np.uint16 if self._spec.word_bits == 16 else np.uint32
        # The word before the first: drawn like any other, from the second generator's seed.
        last = seed_words(generator(self._spec.rng), other ^ np.uint64(0x5DEECE66D))[..., 0].astype(word)
        return [*self._exact.seed(keys), *self._exact.seed(other), last]

    def planes(self, words: jax.Array) -> list[jax.Array]:
        raise UnsupportedError(_NOT_PURE)

    def words(self, planes: Sequence[jax.Array]) -> jax.Array:
        raise UnsupportedError(_NOT_PURE)

    def step(self, state: Sequence[jax.Array]) -> tuple[list[jax.Array], jax.Array]:
        size = (len(state) - 1) // 2
        exact, other, last = list(state[:size]), list(state[size:-1]), state[-1]
        exact, word = self._exact.step(exact)
        if self._noise.bias:
            mask = jnp.zeros_like(word)
            # A bit of the mask is 1 with probability |bias|: digits from the lowest, a fresh random word each.
            digits = round(abs(self._noise.bias) * 2**DIGITS)
            for k in range(DIGITS):
                other, drawn = self._exact.step(other)
                mask = (mask | drawn) if digits >> k & 1 else (mask & drawn)
            mask = jnp.full_like(word, -1) if digits == 2**DIGITS else mask
            word = word | mask if self._noise.bias > 0 else word & ~mask
        if self._repeat:
            other, drawn = self._exact.step(other)
            share = min(2**self._spec.word_bits - 1, round(self._repeat * 2**self._spec.word_bits))
            word = jnp.where(drawn < jnp.asarray(share, drawn.dtype), last, word)
        return [*exact, *other, word], word


class NoisyKernel(Kernel):
    """The kernel of one imperfect fabric."""

    def __init__(self, spec: FabricSpec, noise: NoiseModel) -> None:
        super().__init__(spec)
        self.noise = noise
        self.stepper = self._noisy = NoisyStepper(spec, noise)
        gains, offsets = noise.gains_and_offsets(spec.n_sites)
        self._extra = _Extra(
            [jnp.asarray(part[..., None]) for part in self.layout.scatter(gains)],
            [jnp.asarray(part[..., None]) for part in self.layout.scatter(offsets)],
        )

    def seeds(self, keys: np.ndarray) -> list[np.ndarray]:
        return self._noisy.start(keys)

    def _update(
        self, p: Parameters, g: int, table: jax.Array, mask: jax.Array, near: list[jax.Array], word: jax.Array
    ) -> jax.Array:
        field = self._field_of(p, g, mask, near).astype(jnp.int32)
        # In two parts, for 32 bits do not hold the product of a wide field and a gain.
        gain = self._extra.gain[g]
        scaled = (field >> 7) * gain + (((field & 127) * gain) >> 7)
        field = (scaled >> 7) + self._extra.offset[g]
        limit = jnp.iinfo(self._field).max - 2**self.spec.dither_bits
        return self.fire(p, g, table, mask, jnp.clip(field, -limit, limit).astype(self._field), word)
