"""Chains that go up the levels: from coin flips at β = 0 through tables of rising β, loaded as many at a time as the
fabric holds, with the states carried over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.hw.spec import Image, Program, sigmoid_table
from thermofab.hw.spec.seeding import GOLDEN, MASK64, mix64, stream_word
from thermofab.sim.chains import Chains, Request
from thermofab.sim.holding import Holding, start_chains

# Indices in the seed's stream: loads take those from 0 on, pilots' loads and what the host draws take these.
PILOTS, COINS, COMBS = 2**21, 2**22, 2**23


@dataclass(frozen=True, eq=False)
class Climber:
    """What is run: a program on a device, with sites clamped.

    Attributes:
        program: whose tables are made.
        device: open, for the program's fabric.
        clamps: int8 ``[N]``, -1 for a free site.
        seed: of all loads.
        scale: κ at β = 1: an exponent is κ times an integer energy.
    """

    program: Program
    device: Holding
    clamps: np.ndarray
    seed: int
    scale: float

    def climb(self, betas: Sequence[float], replicas: int, first: int = 0) -> Iterator["Rung"]:
        """The chains at every β after the first, which is 0; they have not yet swept at it, and go on from wherever
        they are when the next one is asked for."""
        states = None
        for load, group in enumerate(self.loads(betas)):
            image = self.image(tuple(betas[k] for k in group))
            self.device.load(image)
            chains = self._start(replicas, self._word(first + load), states)
            for level, number in enumerate(group):
                yield Rung(number, level, chains, image)
            states = chains.states()

    def loads(self, betas: Sequence[float]) -> Iterator[list[int]]:
        """Which β are loaded together: as many as the fabric holds, of those that want one shift."""
        group: list[int] = []
        for k in range(1, len(betas)):
            if group and (
                len(group) == self.program.fabric.levels or self._shift(betas[k]) != self._shift(betas[group[0]])
            ):
                yield group
                group = []
            group.append(k)
        yield group

    def image(self, betas: Sequence[float]) -> Image:
        """The program's with the tables of these β, the last also at the levels that are over."""
        image, shift = self.program.image, self._shift(betas[0])
        padded = [*betas, *[betas[-1]] * (image.fabric.levels - len(betas))]
        return image.replace(
            tables=np.array([sigmoid_table(image.fabric, self.scale, shift, beta) for beta in padded]), shift=shift
        )

    def _shift(self, beta: float) -> int:
        """The program's shift, or the least at which no field is beyond the end of the table before the sigmoid is at
        its own: hot levels reach it later."""
        image, spec = self.program.image, self.program.fabric
        if beta == 1:
            return image.shift
        saturated = spec.threshold_bits * np.log(2) / (2 * beta * self.scale)
        reach = min(self._largest_field, saturated)
        half = spec.table_size // 2 - 1
        return next((k for k in range(image.shift, spec.dither_bits) if half << k >= reach), spec.dither_bits)

    @cached_property
    def _largest_field(self) -> int:
        image = self.program.image if self.program.image.order is None else self.program.image.merged.image
        top, weights = image.fabric.topology, np.abs(image.weights.astype(np.int64))
        fields = np.abs(image.biases.astype(np.int64))
        for end in top.edges.T:
            fields = fields + np.bincount(end, weights, top.n_sites).astype(np.int64)
        for start, row in zip(top.factor_starts.tolist(), top.factors):
            fields[list(row)] += 2 * int(np.abs(image.factors[start : start + 2 ** len(row)]).max())
        return int(fields.max())

    def coins(self, replicas: int, samples: int) -> np.ndarray:
        """Samples at β = 0: bool ``[R, S, N]``, fair coins at all sites but the clamped ones."""
        n = self.program.fabric.n_sites
        flips = self.uniforms(COINS, replicas * samples * n).reshape(replicas, samples, n) < 0.5
        return self.spread(flips)

    def spread(self, states: np.ndarray) -> np.ndarray:
        """``states`` with clamped values in place, and relays in their roots'."""
        if self.program.image.order is not None:
            states = states[..., self.program.image.order.roots]
        return np.where(self.clamps == -1, states, self.clamps == 1)

    def uniforms(self, index: int, count: int) -> np.ndarray:
        """Uniform numbers of [0, 1), fixed by the seed: float64 ``[count]``."""
        word = np.uint64(self._word(index))
        words = mix64(np.arange(count, dtype=np.uint64) ^ word, GOLDEN)
        return (words >> np.uint64(11)).astype(np.float64) / 2**53

    def _word(self, index: int) -> int:
        root = np.array([(self.seed + GOLDEN) & MASK64], dtype=np.uint64)
        return int(stream_word(root, index)[0])

    def _start(self, replicas: int, seed: int, states: np.ndarray | None) -> Chains:
        return start_chains(self.device, replicas=replicas, init=states, clamp=self.clamps, seed=seed)


@dataclass(frozen=True, eq=False)
class Rung:
    """Chains at a level.

    Attributes:
        number: of the β, 1 for the first above 0.
        level: of the table.
        chains: at it.
        image: that is loaded.
    """

    number: int
    level: int
    chains: Chains
    image: Image

    def sweep(self, sweeps: int) -> None:
        self.chains.advance(((sweeps, self.level),))

    def energies(self, sweeps: int, lead: int) -> np.ndarray:
        """Integer energies int64 ``[R, sweeps]`` after every sweep, ``lead`` sweeps before the first of them."""
        found = self.chains.sample(Request(sweeps, lead + 1, 1, self.level, energies=True)).energies
        assert found is not None
        return found
