"""Rounding a layout to integers at a given step, and what that does to the model over the nodes."""

from dataclasses import dataclass

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.wires import composite, log_tanh
from thermofab.hw.spec.fabric import FabricSpec


@dataclass(frozen=True, eq=False)
class Rounded:
    """Integers at one step.

    Attributes:
        segments, trunks, biases: int64, of the layout's segments and trunks and of the nodes.
        couplings: float64 ``[m]``, the couplings that the integer wires carry.
        fields: float64 ``[n]``, the biases.
        entries: int64, of the tables that factors hold.
        tables: float64, the terms of log P that they make.
        saturated: values cut at the end of their range.
    """

    segments: np.ndarray
    trunks: np.ndarray
    biases: np.ndarray
    couplings: np.ndarray
    fields: np.ndarray
    saturated: int
    entries: np.ndarray
    tables: np.ndarray

    @property
    def parameters(self) -> np.ndarray:
        """float64 ``[m + n + entries]``: couplings, fields and tables."""
        return np.concatenate([self.couplings, self.fields, self.tables])


def round_layout(
    layout: Layout,
    segments: np.ndarray,
    biases: np.ndarray,
    step: float,
    spec: FabricSpec,
    tables: np.ndarray | None = None,
    cut: float = np.inf,
) -> Rounded:
    """Nearest integers; along a wire of several segments as many are rounded up as brings Π tanh closest.

    ``segments`` float64 ``[k]`` are the couplings of the layout's segments, ``biases`` float64 ``[n]`` of its nodes,
    ``tables`` the terms of log P on factors: an entry V is the term 2·step·V. Segments and trunks are cut at the end of
    the range of weights, or at the coupling ``cut`` where that is less.
    """
    most = int(min(spec.weight_max, max(np.floor(cut / step), 1.0)))
    starts = np.flatnonzero(layout.crossing)
    whole = np.round(np.abs(segments) / step)
    long = layout.wire_lengths[layout.wire_of] > 1
    if np.any(long):
        whole = np.where(long, _wire_integers(layout, np.abs(segments), step, starts), whole)
    trunks = np.round(layout.trunk_couplings / step)
    fields = np.round(biases / step)
    entries = np.round((np.zeros(0) if tables is None else tables) / (2 * step))
    saturated = sum(
        int(np.sum(np.abs(values) > top))
        for values, top in ((whole, most), (trunks, most), (fields, spec.bias_max),
                            (entries, spec.weight_max))
    )  # fmt: skip
    signed = np.sign(segments) * np.minimum(whole, most)
    fields = np.clip(fields, -spec.bias_max, spec.bias_max)
    entries = np.clip(entries, -spec.weight_max, spec.weight_max)
    return Rounded(
        segments=signed.astype(np.int64),
        trunks=np.minimum(trunks, most).astype(np.int64),
        biases=fields.astype(np.int64),
        couplings=composite(step * signed, starts),
        fields=step * fields,
        saturated=saturated,
        entries=entries.astype(np.int64),
        tables=2 * step * entries,
    )


def _wire_integers(layout: Layout, magnitudes: np.ndarray, step: float, starts: np.ndarray) -> np.ndarray:
    low = np.floor(magnitudes / step)
    below, above = log_tanh(low * step), log_tanh((low + 1) * step)
    lengths = layout.wire_lengths[layout.wire_of]
    with np.errstate(invalid="ignore"):
        ups = np.round(lengths * (log_tanh(magnitudes) - below) / (above - below))
    # A wire with a segment of 0 carries nothing: near 0 all segments round alike.
    ups = np.where(low == 0, np.where(magnitudes / step >= 0.5, lengths, 0), ups)
    place = np.arange(len(magnitudes)) - starts[layout.wire_of]
    return low + (place < ups)
