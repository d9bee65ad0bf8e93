"""Sample sink: takes sample words, ready in a random share of the clocks, and checks that none is lost on the way."""

import random

import numpy as np
from cocotb.triggers import FallingEdge

from thermofab.hw.host.loading import Loading
from thermofab.sim.cosim.bench.ports import FabricPorts
from thermofab.sim.cosim.coverage import Coverage


class SampleSink:
    """A word on offer stays until it is taken; the last word of a sample is marked.

    Attributes:
        ready_share: of the clocks.
        dropping: set around an abort, which may take away a word on offer.
        raw: words are no samples, but what ``words`` is to keep.
        samples: those that came, each as one integer, bit k for site k.
    """

    def __init__(self, dut: FabricPorts, loading: Loading, rng: random.Random, coverage: Coverage) -> None:
        self.dut, self.loading, self.rng, self.coverage = dut, loading, rng, coverage
        self.ready_share = 1.0
        self.dropping = self.raw = False
        self.samples: list[int] = []
        self.words: list[int] = []
        self._offered: int | None = None

    def clear(self) -> None:
        self.samples, self.words, self._offered = [], [], None

    async def run(self) -> None:
        dut = self.dut
        dut.sample_ready.value = 0
        while True:
            await FallingEdge(dut.clk)
            if self.dropping:
                self.clear()
                dut.sample_ready.value = 0
                continue
            ready = self.rng.random() < self.ready_share
            dut.sample_ready.value = int(ready)
            if not int(dut.sample_valid.value):
                assert self._offered is None, "nothing is lost on read-out: a word went away before it was taken"
                continue
            word = int(dut.sample_payload.value)
            assert self._offered in (None, word), "nothing is lost on read-out: a word changed before it was taken"
            self.coverage.hit("read-out: a word waits for its reader", not ready)
            self._offered = None if ready else word
            if ready:
                self.words.append(word)
                if not self.raw:
                    self._sample(bool(int(dut.sample_last.value)))

    def _sample(self, last: bool) -> None:
        assert last == (len(self.words) == self.loading.sample_words), "the last word of a sample is marked as such"
        if last:
            self.samples.append(mask_of(self.loading.samples(np.array([self.words], dtype=np.uint32))[0]))
            self.words = []


def mask_of(bits: np.ndarray) -> int:
    """Bits as one integer, bit k for site k."""
    return sum(1 << k for k in np.flatnonzero(bits).tolist())
