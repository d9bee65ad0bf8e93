"""The spatial fabric: its arithmetic is exact, its loader writes the words it should, and of a whole small fabric only
free sites of the slot in hand change.
"""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

from dataclasses import replace
from typing import Any

import networkx
from amaranth import Array, Cat, Elaboratable, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume

from tests.formal.formal_parts import AnyWords, drive
from tests.formal.prove import Fault, Proof
from thermofab.hw.host.spatial.plan import NONE, LanePlan, plan_lanes
from thermofab.hw.rtl.common.datapath import shift_bits
from thermofab.hw.rtl.spatial.coefficients import CoefficientLoader, loader_rows
from thermofab.hw.rtl.spatial.fabric import SpatialFabric
from thermofab.hw.rtl.spatial.lane import Lane
from thermofab.hw.spec import fabric

SMALL = {"weight_bits": 3, "bias_bits": 4, "table_bits": 3, "threshold_bits": 3, "dither_bits": 2, "levels": 2,
         "rng": "lfsr32"}  # fmt: skip
TINY = {**SMALL, "weight_bits": 2, "bias_bits": 2, "table_bits": 2, "threshold_bits": 2, "dither_bits": 1}
ALL_TO_ALL = fabric("complete-4", **SMALL)
RING = fabric(networkx.cycle_graph(8), elements=2, **SMALL)
SQUARE = fabric(networkx.cycle_graph(4), **TINY)


class UpdateIsExact(Elaboratable):
    """An update, issued at any time among others, gives the table the address

        A + clip((b + Σ ±w + (u mod 2^shift)) >> shift, -A, A-1),

    and its site, unless clamped, the state (u >> (W-t)) < T; for all weights, biases, states of the neighbours, words,
    shifts and thresholds, where the chunks hold b + Σ ±w of the neighbours' states (see :class:`LoaderIsExact`).

    Args:
        plan: of the lane.
        chunk: positions a chunk.
    """

    def __init__(self, plan: LanePlan, chunk: int) -> None:
        self._plan, self._positions = replace(plan, chunk=chunk), max(len(lane.sources) for lane in plan.lanes)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan, spec, positions = self._plan, self._plan.spec, self._positions
        words = AnyWords(32, spec.word_bits)
        lane = m.submodules.lane = Lane(plan, positions, words)
        sizes = [min(plan.chunk, positions - k) for k in range(0, positions, plan.chunk)]

        # The update that is followed: of this slot, issued in this clock, its neighbours in these states.
        slot, start, near = (Signal(bits, name=name) for name, bits in (("its_slot", plan.slot_bits), ("start", 3),
                                                                        ("near", positions)))  # fmt: skip
        bias, shift = Signal(signed(spec.bias_bits)), Signal(spec.dither_bits.bit_length())
        m.d.comb += [each.eq(AnyConst(len(each))) for each in (slot, start, near, bias, shift)]
        m.d.comb += [Assume(~ResetSignal()), Assume(slot < plan.slots), Assume(start >= len(sizes)), Assume(start < 6)]
        m.d.comb += [Assume(shift >= spec.min_shift), Assume(shift <= spec.dither_bits)]
        clock = Signal(5)
        m.d.sync += clock.eq(clock + (clock != 31))

        # Its chunk words are written in the first clocks, and anything elsewhere at any time.
        field, first = Signal(signed(spec.field_bits + 1)), 0
        m.d.comb += field.eq(0)
        total: Value = bias
        index, data = Signal(len(lane.coefficient_index)), Signal(len(lane.coefficient_data))
        write = Signal(len(sizes))
        m.d.comb += [index.eq(AnySeq(len(index))), data.eq(AnySeq(len(data))), write.eq(AnySeq(len(write)))]
        for number, size in enumerate(sizes):
            part: Value = bias if number == 0 else Signal(signed(1), name="nothing")
            for k in range(size):
                weight = Signal(signed(spec.weight_bits), name=f"weight_{first + k}")
                m.d.comb += [weight.eq(AnyConst(spec.weight_bits)), Assume(weight >= -spec.weight_max)]
                part = part + Mux(near[first + k], weight, -weight)
                total = total + Mux(near[first + k], weight, -weight)
            own = Cat(near[first : first + size], *[0] * (plan.chunk - size), slot)
            with m.If(clock == number):
                m.d.comb += [Assume(write == 1 << number), Assume(index == own), Assume(data.as_signed() == part)]
            with m.Else():
                held = Cat(index[:size], index[plan.chunk :])
                m.d.comb += Assume(~write[number] | (held != Cat(near[first : first + size], slot)))
            first += size
        m.d.comb += [Assume(bias >= -spec.bias_max), field.eq(total)]

        # Where a colour has one slot a lane, the next update comes when this one has been compared.
        issue, since = Signal(), Signal(4, init=15)
        m.d.comb += [issue.eq(AnySeq(1)), Assume((clock != start) | issue)]
        m.d.sync += since.eq(Mux(issue, 1, since + (since != 15)))
        if plan.fold == 1:
            m.d.comb += Assume(~issue | (since >= plan.colour_clocks))
        valid, commits, its_commit = [issue], Signal(plan.slots), Signal()
        for k in range(1, plan.latency):
            later = Signal(name=f"valid_{k}")
            m.d.sync += later.eq(valid[-1])
            valid.append(later)
        asked = Signal(plan.slot_bits)
        read, table = start + plan.read_stage, start + plan.table_stage
        m.d.comb += [
            asked.eq(AnySeq(plan.slot_bits)),
            Assume(asked < plan.slots),
            Assume((clock != read) | (asked == slot)),
            commits.eq(AnySeq(plan.slots)),
            its_commit.eq(clock == table + 1),
            Assume(~its_commit | (commits == 1 << slot)),
        ]
        given: dict[str, Any] = {f"neighbour_{k}": Mux(clock == read, near[k], AnySeq(1)) for k in range(positions)}
        if shift_bits(spec):
            given["extra_shift"] = shift - spec.min_shift
        drive(m, lane, valid=Cat(valid), slot=asked, commit=commits, coefficient_write=write, coefficient_index=index,
              coefficient_data=data, dither_mask=(1 << shift) - 1, seed_shift=0, **given)  # fmt: skip

        # The specification.
        u, half = Signal(spec.word_bits), spec.table_size // 2
        with m.If(clock == start):
            m.d.sync += u.eq(words.generator.word)
        dithered, address = Signal(signed(spec.field_bits + 2)), Signal(signed(spec.field_bits + 2))
        m.d.comb += [dithered.eq(field + (u & ((1 << shift) - 1))), address.eq(dithered >> shift)]
        clipped = Mux(address < -half, -half, Mux(address > half - 1, half - 1, address))
        with m.If(clock == table):
            m.d.comb += Assert(lane.address == (clipped + half)[: spec.table_bits])
        states, expected = Array(lane.state[s] for s in range(plan.slots)), Signal()
        loads, values = (Array(member[s] for s in range(plan.slots)) for member in (lane.state_load, lane.state_value))
        clamps = Array(lane.clamped[s] for s in range(plan.slots))
        threshold = Signal(spec.threshold_bits)
        m.d.comb += threshold.eq(~lane.threshold)
        new = u[spec.word_bits - spec.threshold_bits :] < threshold
        with m.If(its_commit):
            m.d.sync += expected.eq(Mux(loads[slot], values[slot], Mux(clamps[slot], states[slot], new)))
        with m.If(clock == start + plan.latency):
            m.d.comb += Assert(states[slot] == expected)
        return m


class LoaderIsExact(Elaboratable):
    """Once the weights and biases are there and a run is started, every word of every chunk is written, as the bias,
    in the first chunk, and plus or minus the weights, and nothing else is.
    """

    def __init__(self, plan: LanePlan) -> None:
        self._plan = plan

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan, spec = self._plan, self._plan.spec
        loader = m.submodules.loader = CoefficientLoader(plan)
        n_edges, n_sites = spec.topology.n_edges, spec.n_sites
        clock = Signal(10)
        m.d.sync += clock.eq(clock + 1)
        weights = [Signal(signed(spec.weight_bits), name=f"weight_{e}") for e in range(n_edges)]
        biases = [Signal(signed(spec.bias_bits), name=f"bias_{i}") for i in range(n_sites)]
        m.d.comb += [each.eq(AnyConst(len(each))) for each in (*weights, *biases)]
        m.d.comb += [Assume(each != -(1 << (len(each) - 1))) for each in (*weights, *biases)]
        m.d.comb += Assume(~ResetSignal())
        begin = n_edges + n_sites  # the weights are written first, then the biases
        writing_weight, writing_bias, value = clock < n_edges, (clock >= n_edges) & (clock < begin), Signal(32)
        with m.Switch(clock):
            for k, each in enumerate((*weights, *biases)):
                with m.Case(k):
                    m.d.comb += value.eq(each)
        drive(m, loader, start=clock == begin, abort=0, weights__write_data=value, biases__write_data=value,
              weights__read=0, biases__read=0, weights__write=writing_weight, weights__index=clock,
              biases__write=writing_bias, biases__index=clock - n_edges)  # fmt: skip

        rows, per_row = loader_rows(plan), 1 << plan.chunk
        target, slots = Signal(len(loader.chunks.write)), len(plan.lanes[0].sites)
        code, slot = loader.chunks.index[: plan.chunk], loader.chunks.index[plan.chunk :]
        m.d.comb += target.eq(loader.chunks.write)
        followed, written, twice = Signal(range(len(rows) * per_row)), Signal(), Signal()
        m.d.comb += [followed.eq(AnyConst(len(followed))), Assume(followed < len(rows) * per_row)]
        for number, (edges, site) in enumerate(rows):
            with m.If(target[number // slots] & (slot == number % slots)):
                total: Value = biases[site] if site != NONE else Signal(signed(1), name=f"nothing_{number}")
                for k, edge in enumerate(edges):
                    if edge != NONE:
                        total = total + Mux(code[k], weights[edge], -weights[edge])
                expected = Signal(signed(len(loader.chunks.data)), name=f"expected_{number}")
                m.d.comb += [expected.eq(total), Assert(loader.chunks.data.as_signed() == expected)]
                with m.If(followed == number * per_row + code):
                    m.d.sync += [written.eq(1), twice.eq(written)]
        m.d.comb += [Assert((target & (target - 1)) == 0), Assert(~twice), Assert((target == 0) | (slot < slots))]
        bound = begin + len(rows) * (plan.chunk + per_row + 4) + 4
        with m.If(clock > bound):
            m.d.comb += [Assert(~loader.busy), Assert(written)]
        return m


class OnlyFreeSitesOfTheSlot(Elaboratable):
    """In a whole fabric, whatever is issued, loaded and clamped: a site changes ``latency`` clocks after its own slot
    was issued if it was free under the mask issued with it, or when it is loaded, and at no other time; so no two
    coupled sites ever change together but in a load.
    """

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, plan = SQUARE, plan_lanes(SQUARE)
        whole = m.submodules.fabric = SpatialFabric(plan)
        drive(m, whole)
        n = spec.n_sites
        slot_of = {site: slot for lane in plan.lanes for slot, site in enumerate(lane.sites) if site != NONE}
        assert len(slot_of) == n and spec.topology.n_colours == plan.slots == 2 and len(plan.lanes) > 1
        m.d.comb += Assume(~ResetSignal())
        issued, slots, masks = whole.issue, whole.slot, whole.mask
        age = Signal(range(plan.latency + 2))
        m.d.sync += age.eq(age + (age != plan.latency + 1))
        for k in range(plan.latency):
            later = [Signal(len(value), name=f"{name}_{k}") for name, value in (("issued", issued), ("slots", slots),
                                                                               ("masks", masks))]  # fmt: skip
            m.d.sync += [signal.eq(value) for signal, value in zip(later, (issued, slots, masks))]
            if k == plan.latency - 1:
                break
            issued, slots, masks = later
        # Now the values of latency - 1 clocks ago: their update shows in the next clock.
        clamped = Mux(masks, whole.clamps[n:], whole.clamps[:n])
        before, may, loaded, value = (Signal(n, name=name) for name in ("before", "may", "loaded", "value"))
        m.d.sync += [before.eq(whole.state), loaded.eq(whole.states_write[0].replicate(n)), value.eq(whole.write_data)]
        m.d.sync += may.eq(Cat(issued & (slots == slot_of[i]) & ~clamped[i] for i in range(n)))
        changed = Signal(n)
        m.d.comb += changed.eq(before ^ whole.state)
        with m.If(age == plan.latency + 1):
            m.d.comb += [Assert((changed & ~may & ~loaded) == 0), Assert((loaded & (whole.state ^ value)) == 0)]
            for i, j in spec.topology.edges.tolist():
                m.d.comb += Assert(~(changed[i] & changed[j]) | loaded[0])
        return m


PROOFS = [
    *(
        Proof(
            f"update, {name}", "address A + clip((b + Σ ±w + (u mod 2^shift)) >> shift) and state (u >> (W-t)) < T, for all "
            "weights, biases, states, words, shifts and thresholds", design, "bmc", depth,
            Fault("hw/rtl/common/datapath.py", old, new),
        )
        for name, design, depth, old, new in (
            ("3 neighbours in 2 chunks", lambda: UpdateIsExact(plan_lanes(ALL_TO_ALL), 2), 12,
             "Mux(sign, ~above.all(), above.any())", "Mux(sign, ~above.any(), above.any())"),
            ("3 neighbours in 3 chunks", lambda: UpdateIsExact(plan_lanes(ALL_TO_ALL), 1), 12,
             "max(len(row[k]), len(row[k + 1])) + 1)", "max(len(row[k]), len(row[k + 1])))"),
            ("2 neighbours, block RAM, several slots a colour", lambda: UpdateIsExact(replace(plan_lanes(RING), block=True), 2), 13,
             "as_unsigned() ^ spec.table_size // 2)", "as_unsigned() ^ spec.table_size // 2 - 1)"),
        )
    ),
    Proof(
        "loader", "every chunk word is written once, as b + Σ ±w, for all weights and biases of a fabric of three sites",
        lambda: LoaderIsExact(plan_lanes(fabric("complete-3", **TINY))), "bmc", 60,
        Fault("hw/rtl/spatial/coefficients.py", "minus.eq(~emitting | ~to_one)", "minus.eq(~emitting | to_one)"),
    ),
    Proof(
        "whole spatial fabric", "of four sites in two colours, a site changes only when its own slot was issued and it was "
        "free, or in a load; coupled sites never together", OnlyFreeSitesOfTheSlot, "prove", 8,
        Fault("hw/rtl/spatial/fabric.py", "lane.clamped[s].eq(clamped[site])", "lane.clamped[s].eq(clamped[0])"),
    ),
]  # fmt: skip
