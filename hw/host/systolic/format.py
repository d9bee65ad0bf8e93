"""How an element's coefficients are packed into the entry of a slot, and what a lane of it is for the host.

An entry holds the weights, input 0 lowest, then the bias. The host writes it a lane at a time; lanes have 36 bits, the
width of a block RAM, where that saves a lane over 32.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.host.systolic.layout import NONE, SystolicLayout
from thermofab.hw.spec import FabricSpec, Image


@dataclass(frozen=True)
class CoefficientFormat:
    """Attributes: ``bits`` of an entry, ``bias_at`` its lowest bit of the bias, ``lanes`` of ``lane_bits`` bits."""

    bits: int
    bias_at: int
    lanes: int
    lane_bits: int


def coefficient_format(spec: FabricSpec, n_inputs: int) -> CoefficientFormat:
    """The format of a fabric's entries."""
    bias_at = n_inputs * spec.weight_bits
    bits = bias_at + spec.bias_bits
    lane_bits = 36 if -(-bits // 36) < -(-bits // 32) else 32
    return CoefficientFormat(bits, bias_at, -(-bits // lane_bits), lane_bits)


def entry_words(spec: FabricSpec, layout: SystolicLayout, image: Image) -> list[list[int]]:
    """``[E][P]``: the entries of an image as every element holds them, 0 where a slot has no site."""
    form = coefficient_format(spec, layout.n_weights)
    lanes = packed(form, spec, input_weights(layout, image), image.biases)
    words = [[0] * layout.n_slots for _ in range(layout.n_elements)]
    for site, (element, slot) in enumerate(zip(layout.element_of.tolist(), layout.slot_of.tolist())):
        words[element][slot] = sum(int(lane) << (form.lane_bits * k) for k, lane in enumerate(lanes[site]))
    return words


def factor_words(layout: SystolicLayout, image: Image) -> np.ndarray:
    """int ``[N, F, 2^K]``: what each factor of a site adds, by the states of K others, those beyond its own idle."""
    inputs = image.fabric.topology.factor_inputs
    codes, which = np.arange(1 << layout.factor_states), layout.factors[..., None]
    if not layout.n_factors:
        return np.zeros((*layout.factors.shape, len(codes)), dtype=np.int64)
    words = image.differences[inputs.starts[which] + codes % (1 << inputs.widths[which])].astype(np.int64)
    return np.where(which == NONE, 0, words)


def factor_entries(layout: SystolicLayout, image: Image) -> list[list[list[int]]]:
    """``[E][F]``: the words of every factor memory, by slot, then by states; 0 where a slot has no site."""
    words, bits = factor_words(layout, image), image.fabric.weight_bits + 1
    made = [[[0] * (layout.n_slots << len(places)) for places in layout.places] for _ in range(layout.n_elements)]
    for site, (element, slot) in enumerate(zip(layout.element_of.tolist(), layout.slot_of.tolist())):
        for f, places in enumerate(layout.places):
            size = 1 << len(places)
            own = (words[site, f, :size] & (1 << bits) - 1).tolist()
            made[element][f][slot * size : (slot + 1) * size] = own
    return made


def input_weights(layout: SystolicLayout, image: Image) -> np.ndarray:
    """``[N, D]``: the weight at every input, 0 where it has no neighbour."""
    edges = layout.edges
    return np.where(edges == NONE, 0, image.weights[edges] if len(image.weights) else 0)


def packed(layout: CoefficientFormat, spec: FabricSpec, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Entries as lanes, uint64 ``[N, lanes]``, from weights ``[N, D]`` and biases ``[N]``."""
    n, n_inputs = weights.shape
    fields = np.concatenate(
        [_bits(weights, spec.weight_bits).reshape(n, n_inputs * spec.weight_bits), _bits(biases, spec.bias_bits)],
        axis=1,
    )
    padded = np.zeros((n, layout.lanes * layout.lane_bits), dtype=np.uint64)
    padded[:, : layout.bits] = fields
    powers = np.uint64(1) << np.arange(layout.lane_bits, dtype=np.uint64)
    return padded.reshape(n, layout.lanes, layout.lane_bits) @ powers


def _bits(values: np.ndarray, width: int) -> np.ndarray:
    return (np.asarray(values)[..., None] >> np.arange(width)) & 1
