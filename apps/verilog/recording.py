"""What a driver writes to run an image, kept as steps that any other host can play: the driver itself makes them."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.hw.host import registers as rm
from thermofab.hw.host.bits import WORD
from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.host.loading import Loading
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import FabricSpec, Image, RunPlan


@dataclass(frozen=True)
class Step:
    """Writes in order; then ``words`` words of the stream are taken; then the host waits until the fabric is idle.

    Attributes:
        addresses, data: int64 ``[writes]``, word addresses and the 32 bits written there.
        words: of the stream.
    """

    addresses: np.ndarray
    data: np.ndarray
    words: int


class RecordingBus:
    """A register bus without a fabric: it keeps what is written, and answers as a fabric that has done its run."""

    def __init__(self, registers: RegisterMap) -> None:
        self._status = registers["STATUS"].at()
        self._written: list[tuple[np.ndarray, np.ndarray]] = []
        self._words = 0
        self.steps: list[Step] = []

    def write(self, addresses: Sequence[int] | np.ndarray, data: Sequence[int] | np.ndarray) -> None:
        pair = np.asarray(addresses, dtype=np.int64).reshape(-1), np.asarray(data, dtype=np.int64).reshape(-1)
        self._written.append((pair[0], pair[1] & 0xFFFFFFFF))

    def read(self, address: int) -> int:
        return rm.DONE if address == self._status else 0

    def collect(self, words: int) -> np.ndarray:
        self._words += words
        return np.zeros(words, dtype=np.uint32)

    def wait(self) -> None:
        addresses, data = (np.concatenate(column) for column in zip(*self._written))
        self.steps.append(Step(addresses, data, self._words))
        self._written, self._words = [], 0


def recorded_steps(loading: Loading, spec: FabricSpec, plan: RunPlan, built_in: Image | None = None) -> list[Step]:
    """All that a host does to run a plan of one replica: the first step ends an old run, each other one ends with the
    start of a run, of which there are several where the schedule has more phases than the fabric holds.

    Args:
        loading: of the fabric.
        spec: the fabric.
        plan: the checked run.
        built_in: the image built into the fabric, if one is.

    Raises:
        DeviceError: the fabric cannot hold the image, or run the schedule.
    """
    bus = RecordingBus(loading.map)
    driver = FabricDriver(spec, bus, built_in)
    driver.load(plan.image)
    driver.prepare(plan, 0)
    driver.run(plan.schedule)
    return bus.steps


def bits_of_sites(loading: Loading, n_sites: int) -> np.ndarray:
    """int64 ``[N]``: the bit of a sample that shows each site, bit b of word w being 32·w + b.

    It is found by reading samples in which every bit says a digit of its own number.
    """
    width = WORD * loading.sample_words
    digits = np.arange(width) >> np.arange(max(1, (width - 1).bit_length()))[:, None] & 1
    words = np.packbits(digits.astype(np.uint8), axis=1, bitorder="little").view("<u4").astype(np.uint32)
    shown = np.asarray(loading.samples(words))[:, :n_sites].astype(np.int64)
    return (shown << np.arange(len(shown))[:, None]).sum(axis=0)


def words_of_states(loading: Loading, states: np.ndarray) -> np.ndarray:
    """The stream's words uint32 ``[S, sample_words]`` of states bool ``[S, N]``."""
    bits = np.zeros((len(states), WORD * loading.sample_words), dtype=np.uint8)
    bits[:, bits_of_sites(loading, states.shape[1])] = states
    return np.packbits(bits, axis=1, bitorder="little").view("<u4").astype(np.uint32)


def mask_of_sites(loading: Loading, n_sites: int) -> np.ndarray:
    """uint32 ``[sample_words]``: the bits of a sample that show a site; the others read as anything."""
    return words_of_states(loading, np.ones((1, n_sites), dtype=np.uint8))[0]


class RegisterNames:
    """Names of addresses, ``WEIGHTS[12]`` in an array."""

    def __init__(self, registers: RegisterMap) -> None:
        self._registers = sorted(registers.registers, key=lambda register: register.base)
        self._bases = [register.base for register in self._registers]

    def __getitem__(self, address: int) -> str:
        register = self._registers[bisect_right(self._bases, address) - 1]
        return register.name if register.count == 1 else f"{register.name}[{address - register.base}]"
