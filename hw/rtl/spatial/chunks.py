"""How chunks of lanes are written: the interface between what fills them and the fabric."""

from typing import Protocol

from amaranth import Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from thermofab.hw.host.spatial.plan import LanePlan
from thermofab.hw.rtl.spatial.lane import word_width


class ChunkWrites(Protocol):
    """Attributes: ``write``, ``[lanes · chunks]``, a strobe each; ``index``, the states of the chunk's positions and,
    above them, the slot; ``data``, the word.
    """

    write: Signal
    index: Signal
    data: Signal


def chunk_signature(plan: LanePlan) -> wiring.Signature:
    """See :class:`ChunkWrites`."""
    return wiring.Signature(
        {
            "write": Out(len(plan.lanes) * plan.chunks),
            "index": Out(plan.slot_bits + plan.code_bits),
            "data": Out(widest_word(plan)),
        }
    )


def widest_word(plan: LanePlan) -> int:
    """Bits of the widest chunk's words."""
    return max(word_width(plan, plan.chunk_sizes(lane)) for lane in plan.lanes)
