"""A lane: the datapath that a few sites share, with their states and their generators.

An update runs down a pipeline, one clock per line, where ``+k`` are clocks after the slot's issue and the names are
those of :class:`thermofab.hw.host.spatial.plan.LanePlan`:

    +0             the generator of the slot steps
    +read_stage    neighbours' states and the slot address the chunks; the partial sums and the dither are added
    +table_stage   shift and clip: the address of a table entry
    +table_stage+1 the threshold has come; compared with the word, it gives the state, shown from the next clock on

The generators of a lane's sites stand in a queue, the next slot's at its head: a step takes the head and puts its
successor at the end, so that no multiplexer chooses among them.
"""

from collections.abc import Sequence
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.plan import LEVELS_A_STAGE, LEVELS_WITH_MEMORY, LanePlan, chunk_sizes
from thermofab.hw.rtl.common.datapath import high_bits, pipelined_sum, shift_bits, table_address
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.spec import generator


def word_width(plan: LanePlan, sizes: Sequence[int]) -> int:
    """Width of the widest chunk of a lane with chunks of ``sizes`` positions."""
    return max(plan.chunk_bits(k == 0, size) for k, size in enumerate(sizes))


class Lane(wiring.Component):
    """A lane with ``positions`` inputs. Loadable lanes with the same number of inputs share one module.

    Args:
        plan: of the whole fabric.
        positions: neighbours a slot has at most, and positions of factors.
        widths: of these, positions of each chunk that is a factor's; they come last.
        constants: the words of each chunk, fixed at elaboration; None for memories that the host fills.

    Ports:
        valid: ``[latency]``, bit k: an update was issued k clocks ago.
        slot: of the update issued ``read_stage`` clocks ago.
        neighbour_k: the state of that slot's neighbour at position k.
        dither_mask: 2^shift - 1; extra_shift: shift - min_shift.
        address, threshold: to the activation table; and from it, a clock later, 2^t - 1 - T of the entry.
        commit: ``[slots]``, one-hot: the slot whose update ends in this clock; clamped: slots that keep their state.
        state_load, state_value, state: ``[slots]``, overwrite and show the states.
        seed_shift, seed_in, seed_out: the queues of generators form chains, ``seed_bits`` wide.
        coefficient_write: ``[chunks]``; coefficient_index, coefficient_data: write a chunk's word.
    """

    def __init__(
        self,
        plan: LanePlan,
        positions: int,
        hierarchy: Hierarchy | None = None,
        constants: Sequence[Sequence[int]] | None = None,
        widths: tuple[int, ...] = (),
    ) -> None:
        spec = plan.spec
        self._plan, self._spec, self._positions, self._constants = plan, spec, positions, constants
        self._hierarchy = hierarchy or InPlace()
        self._sizes = chunk_sizes(positions - sum(widths), plan.chunk) + widths
        ports: dict[str, Any] = {
            "valid": In(plan.latency),
            "slot": In(plan.slot_bits),
            "address": Out(spec.table_bits),
            "threshold": In(spec.threshold_bits),
            "commit": In(plan.slots),
            "clamped": In(plan.slots),
            "state_load": In(plan.slots),
            "state_value": In(plan.slots),
            "state": Out(plan.slots),
            "seed_shift": In(1),
            "seed_in": In(plan.seed_bits),
            "seed_out": Out(plan.seed_bits),
        }
        for k in range(positions):
            ports[f"neighbour_{k}"] = In(1)
        if spec.dither_bits:
            ports["dither_mask"] = In(spec.dither_bits)
        if shift_bits(spec):
            ports["extra_shift"] = In(shift_bits(spec))
        if constants is None:
            ports |= {
                "coefficient_write": In(len(self._sizes)),
                "coefficient_index": In(plan.slot_bits + plan.code_bits),
                "coefficient_data": In(word_width(plan, self._sizes)),
            }
        super().__init__(ports)

    def built_with(self) -> dict[str, object]:
        return {"positions": self._positions, "slots": self._plan.slots, "chunks of positions": self._sizes}

    def elaborate(self, platform: Any) -> Module:
        spec, plan, m = self._spec, self._plan, Module()
        word = self._generators(m)

        terms = self._chunks(m)
        if spec.dither_bits:
            dither = word[: spec.dither_bits] & self.dither_mask
            terms.append(self._delayed(m, dither, 1, int(plan.block)) if plan.block else dither)
        terms = [Cat(term, 0).as_signed() if not term.shape().signed else term for term in terms]
        first = LEVELS_A_STAGE if plan.block else LEVELS_WITH_MEMORY
        levels = [first] + [LEVELS_A_STAGE] * (plan.adder_stages - 1)
        start = plan.read_stage + plan.block
        advance = [self.valid[start + k] for k in range(plan.adder_stages)]
        dithered = pipelined_sum(m, terms, levels, advance, spec.field_bits)
        extra = self.extra_shift if shift_bits(spec) else None
        m.d.comb += self.address.eq(table_address(m, spec, dithered, extra))

        compared = high_bits(spec, word)
        if plan.fold > 1:  # the next slot's word comes before this one's has been compared
            compared = self._delayed(m, compared, 1, plan.table_stage)
        # u < T when u + (2^t - 1 - T) + 1 gives no carry. Where a subtraction of T would put an inverter behind the
        # table's slow output, the host, which has time, gets it.
        carried, new = Signal(spec.threshold_bits + 2, name="carried"), Signal(name="new")
        m.d.comb += [carried.eq(Cat(1, compared) + Cat(1, self.threshold)), new.eq(~carried[-1])]
        # Kept, or the host's decoder is merged into the logic between the comparison and the states.
        load = Signal(plan.slots, attrs={"keep": 1})
        m.d.comb += load.eq(self.state_load)
        for slot in range(plan.slots):
            # Not reset: the host loads states, and a reset net to every site costs routing.
            state = Signal(name=f"state_{slot}", reset_less=True)
            m.d.comb += self.state[slot].eq(state)
            with m.If(load[slot] | (self.commit[slot] & ~self.clamped[slot])):
                m.d.sync += state.eq(Mux(load[slot], self.state_value[slot], new))
        return m

    def _generators(self, m: Module) -> Value:
        """The queue of generators; the word drawn at an update's issue, from the next clock on."""
        spec, plan = self._spec, self._plan
        rng = generator(spec.rng)
        module = spec.rng.replace("+", "p")
        step = self._hierarchy.add(m, "generator", module, lambda: rng.create(spec.word_bits), clocked=False)
        bits, shifted = 32 * rng.state_words, plan.seed_bits
        queue = [Signal(bits, name=f"generator_{k}", reset_less=True) for k in range(plan.slots)]
        m.d.comb += [step.state.eq(queue[0]), self.seed_out.eq(queue[0][:shifted])]
        # Of a window generator only the word differs between a step and a load; of others, the whole state.
        last = Cat(queue[0][shifted:], Mux(self.seed_shift, self.seed_in, step.next[bits - shifted :]))
        with m.If(self.valid[0] | self.seed_shift):
            m.d.sync += [entry.eq(after) for entry, after in zip(queue, [*queue[1:], last])]
        if shifted == spec.word_bits and rng.window:
            return Value.cast(queue[-1][bits - shifted :])
        word = Signal(spec.word_bits, reset_less=True)
        with m.If(self.valid[0]):
            m.d.sync += word.eq(step.word)
        return word

    def _delayed(self, m: Module, value: Value, first: int, clocks: int) -> Value:
        """``value`` of ``first`` clocks after issue, so many clocks later."""
        for k in range(clocks):
            held = Signal(len(value), name=f"held_{first + k}_{len(value)}", reset_less=True)
            with m.If(self.valid[first + k]):
                m.d.sync += held.eq(value)
            value = held
        return value

    def _chunks(self, m: Module) -> list[Value]:
        """The partial sums: of the slot and neighbours of this clock, or of the last one where they are block RAMs."""
        plan, sums, start = self._plan, [], 0
        for number, size in enumerate(self._sizes):
            near = [getattr(self, f"neighbour_{start + k}") for k in range(size)]
            slot = self.slot if plan.slots > 1 else Const(0, 1)
            address, bits = Value.cast(Cat(near, slot)), plan.chunk_bits(number == 0, size)
            depth = max(2, plan.slots << size)
            start += size
            if self._constants is not None:
                sums.append(self._constant(m, number, address, bits, depth))
                continue
            memory = m.submodules[f"chunk_{number}"] = Memory(shape=bits, depth=depth, init=[])
            read = memory.read_port(domain="sync" if plan.block else "comb")
            write = memory.write_port()
            m.d.comb += [
                read.addr.eq(address),
                write.en.eq(self.coefficient_write[number]),
                write.addr.eq(Cat(self.coefficient_index[:size], self.coefficient_index[plan.code_bits :])),
                write.data.eq(self.coefficient_data[:bits]),
            ]
            if plan.block:
                m.d.comb += read.en.eq(self.valid[plan.read_stage])
            sums.append(read.data.as_signed())
        return sums

    def _constant(self, m: Module, number: int, address: Value, bits: int, depth: int) -> Value:
        """A chunk as logic, or as a block RAM that nothing writes."""
        assert self._constants is not None
        plan, words = self._plan, [word % 2**bits for word in self._constants[number]]
        words += [0] * (depth - len(words))
        if plan.block:
            memory = m.submodules[f"chunk_{number}"] = Memory(shape=bits, depth=depth, init=words)
            read = memory.read_port()
            m.d.comb += [read.addr.eq(address), read.en.eq(self.valid[plan.read_stage])]
            return read.data.as_signed()
        words += [0] * (2 ** len(address) - depth)
        chosen = Signal(bits, name=f"chunk_{number}")
        m.d.comb += chosen.eq(Array([Const(word, bits) for word in words])[address])
        return chosen.as_signed()
