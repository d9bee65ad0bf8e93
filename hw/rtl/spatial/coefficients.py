"""The coefficient loader: keeps the weights and biases the host writes, and fills the lanes' chunks from them.

The host sees one weight per edge and one bias per site. When a run starts after any of them was written, the loader
first goes through all chunks and slots (a *row* each), reads the row's k weights and its bias, and writes the 2^k words

    base + Σ_k (state of neighbour k ? w_k : -w_k)

in Gray code, so that one adder makes one word per clock by adding or taking off 2·w_k. The words of a factor's row the
host has written as they are. Which edges, site and factor make a row stands in a memory that is fixed at elaboration.
A row takes k + 2^k + 4 clocks, its *ticks*:

    0           the row addresses the memory of rows
    1           its edges and site come out of block RAM, slowly, and go into registers
    2 … k+1     one edge per clock is chosen, and the site addresses the biases
    3 … k+2     the edge addresses the weights
    4 … k+3     one weight per clock comes, and the first word adds up
    k+4 …       one word per clock is written
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.plan import NONE, LanePlan
from thermofab.hw.rtl.common.interfaces import Array, array_signature
from thermofab.hw.rtl.spatial.chunks import ChunkWrites, chunk_signature, widest_word


def loader_rows(plan: LanePlan) -> list[tuple[tuple[int, ...], int]]:
    """``(edges, site)`` of each row, in order of lane, chunk, slot; :data:`NONE` where there is none."""
    rows = []
    for lane in plan.lanes:
        pairs = len(lane.sources) - sum(lane.widths)
        for number in range(plan.chunks):
            inside = range(number * plan.chunk, min((number + 1) * plan.chunk, pairs))
            for slot, site in enumerate(lane.sites):
                edges = [lane.edges[p][slot] for p in inside]
                rows.append((tuple(edges + [NONE] * (plan.code_bits - len(edges))), NONE if number else site))
    return rows


CHOSEN, COME = 2, 4  # ticks in which a row's first edge is chosen, and its weight has come


class CoefficientLoader(wiring.Component):
    """See the head of this file.

    Ports:
        start: go, if anything was written since the last time; abort: stop, and go again at the next start.
        busy: from the clock after ``start`` until the chunks are full.
        weights, biases, factors: the host's arrays.
        chunks: the lanes' side, one-hot.
    """

    chunks: ChunkWrites

    def __init__(self, plan: LanePlan) -> None:
        spec = plan.spec
        self._plan = plan
        self._bits = widest_word(plan)
        self._arrays = {
            "weights": (spec.topology.n_edges, spec.weight_bits),
            "biases": (spec.n_sites, spec.bias_bits),
            "factors": (len(plan.factor_rows) << plan.code_bits, spec.weight_bits + 1),
        }
        self._arrays = {name: array for name, array in self._arrays.items() if array[0]}
        ports: dict[str, Any] = {
            "start": In(1),
            "abort": In(1),
            "busy": Out(1),
            "chunks": Out(chunk_signature(plan)),
        }
        ports |= {name: In(array_signature(count)) for name, (count, _) in self._arrays.items()}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan, size = self._plan, self._plan.code_bits
        rows = loader_rows(plan)
        row, tick = Signal(range(len(rows) + 1), name="row"), Signal(range(COME + size + 2**size + 1), name="tick")
        edges, has_edge, site, has_site, factor, has_factor = self._row(m, rows, row)

        wanted = Signal(range(max(2, plan.spec.topology.n_edges)))
        for k in range(size):
            with m.If(tick == CHOSEN + k):
                m.d.sync += wanted.eq(edges[k])
        weight = self._array(m, "weights", wanted)
        bias = self._array(m, "biases", site)
        weights = [Signal(signed(plan.spec.weight_bits), name=f"weight_{k}") for k in range(size)]
        read = Signal(signed(plan.spec.weight_bits))  # the weight that has come in this clock
        m.d.comb += read.eq(0)
        for k in range(size):
            with m.If(tick == COME + k):
                m.d.comb += read.eq(Mux(has_edge[k], weight, 0))
                m.d.sync += weights[k].eq(read)

        # Words are complete from tick COME + size on, in Gray code: one state changes from each to the next.
        count, following, code, code_after = (
            Signal(size, name=name) for name in ("count", "next", "code", "code_next")
        )
        emitting, written = Signal(name="emitting"), Signal(name="written")
        m.d.comb += [
            count.eq(tick - (COME + size)),
            following.eq(count + 1),
            code.eq(count ^ (count >> 1)),
            code_after.eq(following ^ (following >> 1)),
        ]
        flipped, to_one = weights[-1], code_after[-1]
        for k in reversed(range(size - 1)):
            flipped, to_one = Mux(following[k], weights[k], flipped), Mux(following[k], code_after[k], to_one)
        word, start, step = (Signal(signed(self._bits), name=name) for name in ("word", "start_word", "step_word"))
        minus = Signal()
        m.d.comb += [
            start.eq(Mux(tick == COME, Mux(has_site, bias, 0), word)),
            step.eq(Mux(emitting, flipped << 1, read)),
            minus.eq(~emitting | ~to_one),
        ]
        # start ± step through one carry chain: the lowest bit makes the carry of the complement.
        m.d.sync += word.eq((Cat(1, start) + Cat(minus, step ^ minus.replicate(self._bits)))[1 : self._bits + 1])
        # The clock before the first word, code_after is its code too: the count has not begun.
        table = self._array(m, "factors", Value.cast(Cat(code_after, factor)))
        slot, slot_then = Signal(plan.slot_bits, name="slot"), Signal(plan.slot_bits, name="slot_then")
        target = Signal(len(self.chunks.write), init=1)  # one-hot: lane and chunk
        target_then = Signal.like(target)
        code_then = Signal(size)
        last_tick = Signal()
        m.d.comb += [
            emitting.eq(tick >= COME + size),
            last_tick.eq(tick == COME + size + 2**size - 1),
            self.chunks.index.eq(Cat(code_then, slot_then)),
            self.chunks.write.eq(Mux(written, target_then, 0)),
        ]
        m.d.sync += [
            written.eq(self.busy & emitting),
            self.chunks.data.eq(Mux(has_factor, table, word)),
            code_then.eq(code),
            slot_then.eq(slot),
            target_then.eq(target),
        ]
        stale = Signal(init=1)
        with m.If(self.busy):
            m.d.sync += tick.eq(tick + 1)
            with m.If(last_tick):
                m.d.sync += [tick.eq(0), row.eq(row + 1), slot.eq(slot + 1)]
                with m.If(slot == plan.slots - 1):
                    m.d.sync += [slot.eq(0), target.eq(target.rotate_left(1))]
            with m.If(row == len(rows)):  # the last word is on its way
                m.d.sync += self.busy.eq(0)
        with m.If(self.start & stale):
            m.d.sync += [self.busy.eq(1), stale.eq(0), row.eq(0), tick.eq(0), slot.eq(0), target.eq(1)]
        with m.If(self.abort & self.busy):
            m.d.sync += [self.busy.eq(0), stale.eq(1)]
        for name in self._arrays:
            with m.If(self._host(name).write):
                m.d.sync += stale.eq(1)
        return m

    def _row(self, m: Module, rows: list, row: Value) -> tuple[list[Value], list[Value], Value, Value, Value, Value]:
        """Edges, site and factor row of ``row``, two clocks later, and whether they exist."""
        plan = self._plan
        edge_bits = max(1, (plan.spec.topology.n_edges - 1).bit_length())
        site_bits = max(1, (plan.spec.n_sites - 1).bit_length())
        factor_bits = max(1, (len(plan.factor_rows) - 1).bit_length())
        fields = [edge_bits] * plan.code_bits + [site_bits] + ([factor_bits] if plan.factor_rows else [])
        factor_of = {chunk * plan.slots + slot: k for k, (chunk, slot, _) in enumerate(plan.factor_rows)}
        words = []
        for number, (edges, site) in enumerate(rows):
            word = place = 0
            for index, bits in zip([*edges, site, factor_of.get(number, NONE)], fields):
                if index != NONE:
                    word |= (index << 1 | 1) << place
                place += bits + 1
            words.append(word)
        memory = m.submodules.rows = Memory(
            shape=sum(fields) + len(fields), depth=max(2, len(words)), init=words, attrs={"ram_style": "block"}
        )
        read = memory.read_port()
        held = Signal(len(read.data), name="row_held", reset_less=True)
        m.d.comb += read.addr.eq(row)
        m.d.sync += held.eq(read.data)
        parts, place = [], 0
        for bits in fields:
            parts.append((held[place + 1 : place + 1 + bits], held[place]))
            place += bits + 1
        near, (site, has_site) = parts[: plan.code_bits], parts[plan.code_bits]
        factor, has_factor = parts[-1] if plan.factor_rows else (Const(0), Const(0))
        return [p[0] for p in near], [p[1] for p in near], site, has_site, factor, has_factor

    def _host(self, name: str) -> Array:
        """The host's side of an array."""
        return getattr(self, name)

    def _array(self, m: Module, name: str, index: Value) -> Value:
        """Entry ``index`` of what the host has written, a clock later; the host reads through the same port."""
        if name not in self._arrays:
            return Const(0)
        host, (count, bits) = self._host(name), self._arrays[name]
        memory = m.submodules[name] = Memory(shape=signed(bits), depth=max(2, count), init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(host.index),
            write.data.eq(host.write_data[:bits]),
            write.en.eq(host.write),
            read.addr.eq(Mux(self.busy, index, host.index)),
            read.en.eq(self.busy | host.read),
            host.read_data.eq(read.data),
        ]
        return read.data
