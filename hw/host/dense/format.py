"""What the memories of a dense fabric hold: words of weights, bases and the order, as integers that the host makes."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from thermofab.hw.host.bits import WORD
from thermofab.hw.spec import Image
from thermofab.hw.spec.dense import ROW_BITS, DensePlan, dense_plan

LAST_OF_COLOUR = 1 << 16  # bit of an entry of the order, above the site and below the address of its row
ROW_AT = 17


@dataclass(frozen=True)
class RowFormat:
    """How the host addresses the words of weights.

    Attributes:
        words: of a chunk, or of a part of a row: a power of two.
        count: chunks, or parts of rows.
        lane_weights: weights in a word of a plain row; 0 for chunks.
    """

    words: int
    count: int
    lane_weights: int

    @property
    def index_bits(self) -> int:
        return (self.words - 1).bit_length()


@cache
def row_format(plan: DensePlan) -> RowFormat:
    """The format of a fabric's rows."""
    spec = plan.spec
    if not plan.masked:
        return RowFormat(1 << (plan.site_bits + plan.chunk), plan.terms, 0)
    lane_weights = WORD // spec.weight_bits
    lanes = -(-plan.width // lane_weights)
    return RowFormat(1 << (lanes - 1).bit_length(), spec.n_sites * plan.parts, lane_weights)


def matrix(image: Image) -> np.ndarray:
    """int64 ``[N, N]``: both ends of every edge have its weight, all else is 0."""
    top = image.fabric.topology
    i, j = top.edges.astype(np.int64).T
    full = np.zeros((top.n_sites, top.n_sites), dtype=np.int64)
    full[i, j] = full[j, i] = image.weights
    return full


def row_words(image: Image) -> tuple[np.ndarray, np.ndarray]:
    """Indices into WEIGHTS, and the words there, for the rows of all sites."""
    plan, full = dense_plan(image.fabric), matrix(image)
    form = row_format(plan)
    return _chunk_words(plan, form, full) if not plan.masked else _plain_words(plan, form, full)


def _chunk_words(plan: DensePlan, form: RowFormat, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Word ``[chunk, site, code]``: Σ w n of the chunk's columns, bit b of the code the state of its column b."""
    n, k = len(full), plan.chunk
    padded = np.zeros((n, plan.terms * k), dtype=np.int64)
    padded[:, :n] = full
    codes = np.arange(1 << k)
    bits = codes[:, None] >> np.arange(k) & 1
    words = np.einsum("sck,xk->csx", padded.reshape(n, plan.terms, k), bits)
    chunk, site = np.arange(plan.terms)[:, None, None], np.arange(n)[:, None]
    return (chunk * form.words + (site << k) + codes).reshape(-1), words.reshape(-1)


def _plain_words(plan: DensePlan, form: RowFormat, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Word ``[row · parts + part, lane]``: as many weights as a lane holds, the first lowest."""
    n, per_lane, bits = len(full), form.lane_weights, plan.spec.weight_bits
    lanes = -(-plan.width // per_lane)
    padded = np.zeros((n, plan.parts * plan.width), dtype=np.int64)
    padded[:, :n] = full
    parts = np.zeros((n * plan.parts, lanes * per_lane), dtype=np.int64)
    parts[:, : plan.width] = padded.reshape(n * plan.parts, plan.width)
    fields = (parts & ((1 << bits) - 1)).reshape(-1, lanes, per_lane) << bits * np.arange(per_lane)
    where = np.arange(n * plan.parts)[:, None] * form.words + np.arange(lanes)
    return where.reshape(-1), fields.sum(axis=-1).reshape(-1)


def bases(image: Image) -> np.ndarray:
    """int64 ``[N]``: b - Σ_j w_ij modulo 2^field_bits."""
    bits = dense_plan(image.fabric).field_bits
    return (image.biases - matrix(image).sum(axis=1)) & ((1 << bits) - 1)


def order_words(image: Image) -> np.ndarray:
    """int64 ``[M]``: the roots by colour, then site; each with the flag of the last of its colour, and where its row
    begins.
    """
    order, plan = image.order, dense_plan(image.fabric)
    assert order is not None
    roots = np.flatnonzero(order.is_root)
    roots = roots[np.argsort(order.colours[roots], kind="stable")]
    colours = order.colours[roots]
    last = np.append(colours[1:] != colours[:-1], True)
    return roots | last * LAST_OF_COLOUR | (roots * plan.parts) << ROW_AT


assert ROW_AT + ROW_BITS <= WORD
