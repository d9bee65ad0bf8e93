"""A trained network of p-bits that reads digits: its integers at a number of bits, and its answers for images."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.hw.spec import FREE, Image, SpecError, Topology, fabric, sigmoid_table
from thermofab.sim.chains import Request
from thermofab.sim.native.device import NativeDevice

LEVELS = 16  # activation tables of an annealed start, the last of them at the setting's β
MOST_READS = 1000
SATURATED = 10.0  # a table reaches at least fields x with 2βx = 10, where σ is within 5·10⁻⁵ of 1


@dataclass(frozen=True, eq=False)
class PixelNetwork:
    """E = -Σ J s s - Σ h s.

    Attributes:
        topology: its graph.
        couplings: float ``[E]``, in the order of the topology's edges.
        biases: float ``[N]``.
        pixels: int ``[P]``, the site of every pixel, images read by columns.
        labels: int ``[copies, classes]``.
    """

    topology: Topology
    couplings: np.ndarray
    biases: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray

    @staticmethod
    def of(
        edges: np.ndarray,
        couplings: np.ndarray,
        biases: np.ndarray,
        pixels: np.ndarray,
        labels: np.ndarray,
        colours: np.ndarray | None = None,
    ) -> "PixelNetwork":
        """From edges int ``[E, 2]`` in any order, and what belongs to each."""
        pairs = np.sort(edges.astype(np.int64), axis=1)
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        topology = Topology.from_edges("pixels", len(biases), pairs, colours=colours)
        return PixelNetwork(
            topology, couplings[order].astype(float), biases.astype(float), pixels.astype(int), labels.astype(int)
        )

    @staticmethod
    def load(folder: Path) -> "PixelNetwork":
        """That of ``folder``/weights.npz."""
        with np.load(folder / "weights.npz") as file:
            return PixelNetwork.of(
                file["edges"], file["J"], file["h"], file["pixels"], file["labels"], file["colour"].astype(int) - 1
            )


@dataclass(frozen=True)
class Setting:
    """How a network becomes integers, and how it is sampled.

    Attributes:
        bits: of a weight; biases have four more.
        clip: largest |J| kept; larger ones become it. 0 keeps all.
        beta: inverse temperature of the samples.
        start: of the first sweeps, raised to ``beta`` over ``rise`` of all sweeps; 0 starts at ``beta``.
        rise: share of the sweeps that anneal.
        wait: share of the sweeps, of these and those after them, before the first read.
    """

    bits: int = 8
    clip: float = 0.0
    beta: float = 1.0
    start: float = 0.0
    rise: float = 0.5
    wait: float = 0.2

    def image(self, network: PixelNetwork, seed: int = 0) -> Image:
        """Weights and biases rounded with one step, that of the largest weight; biases that do not fit are cut."""
        spec = fabric(network.topology, weight_bits=self.bits, bias_bits=self.bits + 4, levels=LEVELS)
        top = self.clip or float(np.abs(network.couplings).max())
        step = top / spec.weight_max
        shift = next(
            (s for s in range(spec.dither_bits) if 2 * self.beta * step * 2**s * spec.table_size / 2 >= SATURATED),
            spec.dither_bits,
        )
        betas = np.full(LEVELS, self.beta)
        if self.start:
            betas = np.linspace(self.start, self.beta, LEVELS)
        return Image(
            fabric=spec,
            weights=np.clip(np.rint(network.couplings / step), -spec.weight_max, spec.weight_max),
            biases=np.clip(np.rint(network.biases / step), -spec.bias_max, spec.bias_max),
            tables=np.stack([sigmoid_table(spec, step, shift, beta) for beta in betas]),
            shift=shift,
            clamps=np.full(spec.n_sites, FREE),
            seed=seed,
        )

    def phases(self, sweeps: int) -> tuple[tuple[tuple[int, int], ...], Request]:
        """The sweeps before the first read, and the reads; ``sweeps`` in all."""
        rising = int(self.rise * sweeps) // (LEVELS - 1) if self.start else 0
        phases = tuple((rising, level) for level in range(LEVELS - 1) if rising)
        waiting = max(0, int(self.wait * sweeps) - rising * (LEVELS - 1))
        left = sweeps - rising * (LEVELS - 1) - waiting
        steps = max(1, left // MOST_READS)
        reads = left // steps
        waiting += left - reads * steps
        if waiting:
            phases += ((waiting, LEVELS - 1),)
        return phases, Request(reads, steps, steps, LEVELS - 1)


def images_of(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The test images as pixels read by columns, bool ``[10000, 784]``, and their digits int ``[10000]``."""
    pixels = np.frombuffer(gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    digits = np.frombuffer(gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return pixels.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784) > 0, digits.astype(int)


def clamps_of(network: PixelNetwork, images: np.ndarray) -> np.ndarray:
    """Clamps int8 ``[images, N]`` of images bool ``[images, P]``."""
    if images.ndim != 2 or images.shape[1] != len(network.pixels):
        raise SpecError(f"images must be [images, {len(network.pixels)}], got {images.shape}.")
    clamp = np.full((len(images), network.topology.n_sites), FREE, dtype=np.int8)
    clamp[:, network.pixels] = images
    return clamp


def means(
    network: PixelNetwork, setting: Setting, sweeps: int, images: np.ndarray, first: int, device: NativeDevice
) -> np.ndarray:
    """Mean of every class over its copies and all reads, float ``[images, classes]``.

    Image k is chain ``first + k`` of the loaded image, so its samples do not depend on those beside it.
    """
    chains = device.start(replicas=range(first, first + len(images)), clamp=clamps_of(network, images))
    phases, reads = setting.phases(sweeps)
    wanted = Request(reads.samples, reads.lead, reads.steps, reads.level, network.labels.reshape(-1))
    states = chains.sample(wanted, phases=phases).states
    assert states is not None
    return states.mean(axis=1).reshape(len(images), *network.labels.shape).mean(axis=1)
