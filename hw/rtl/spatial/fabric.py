"""The spatial fabric: lanes side by side, each serving a site of every colour, and the activation tables.

All lanes work in step: the sequencer issues a slot, and its number, table and clamps travel down one pipeline beside
the lanes. Two lanes share a table memory with two ports; between runs the host has the first port of each.
"""

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.plan import NONE, LanePlan
from thermofab.hw.rtl.common.datapath import shift_bits
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.interfaces import Array, array_signature
from thermofab.hw.rtl.spatial.chunks import ChunkWrites, chunk_signature
from thermofab.hw.rtl.spatial.lane import Lane
from thermofab.hw.spec import Image


class SpatialFabric(wiring.Component):
    """All sites, their generators, and the activation tables.

    Args:
        plan: the lanes.
        image: weights and biases fixed at elaboration; None for chunks that are written.
        ghosts: sites that always keep their state, which comes from outside.

    Ports:
        issue, slot, level, mask: an update begins, of which slot, with which table and which of the two clamps.
        busy: a run goes on.
        shift: table address shift, min_shift…dither_bits.
        clamps: ``[2 N]``, the clamps of either mask; state: ``[N]``.
        tables: the tables, for the host, between runs.
        write_data: 32 bits for whichever of the strobes below is high.
        states_write: ``[ceil(N/32)]``, one strobe per word of states.
        seed_write: a word for the chains of generators; seed_clear: the next one is a state's first.
        chunks: the chunks, for the loader.
        ghost_load, ghost_value: a strobe and a state for each of the ghosts.
    """

    tables: Array
    chunks: ChunkWrites

    def __init__(
        self,
        plan: LanePlan,
        hierarchy: Hierarchy | None = None,
        image: Image | None = None,
        ghosts: Sequence[int] = (),
    ) -> None:
        self._plan, self._image, self._ghosts = plan, image, {site: k for k, site in enumerate(ghosts)}
        self._hierarchy = hierarchy or InPlace()
        spec = plan.spec
        ports: dict[str, Any] = {
            "issue": In(1),
            "slot": In(plan.slot_bits),
            "level": In((spec.levels - 1).bit_length()),
            "mask": In(1),
            "busy": In(1),
            "shift": In(spec.dither_bits.bit_length()),
            "clamps": In(2 * spec.n_sites),
            "state": Out(spec.n_sites),
            "write_data": In(32),
            "tables": In(array_signature(spec.levels * spec.table_size)),
            "states_write": In((spec.n_sites + 31) // 32),
            "seed_write": In(1),
            "seed_clear": In(1),
            "ghost_load": In(len(ghosts)),
            "ghost_value": In(len(ghosts)),
        }
        if image is None:
            ports["chunks"] = In(chunk_signature(plan))
        super().__init__({name: member for name, member in ports.items() if member.is_signature or member.shape != 0})

    def elaborate(self, platform: Any) -> Module:
        plan, spec, m = self._plan, self._plan.spec, Module()
        lanes = [self._lane(m, number) for number in range(len(plan.lanes))]

        state_of: dict[int, Value] = {}
        for described, lane in zip(plan.lanes, lanes):
            state_of |= {site: lane.state[slot] for slot, site in enumerate(described.sites) if site != NONE}
        m.d.comb += self.state.eq(Cat(state_of[site] for site in range(spec.n_sites)))

        valid, slot, commit, mask = self._pipeline(m)
        clamped = Signal(spec.n_sites)
        m.d.comb += clamped.eq(Mux(mask, self.clamps[spec.n_sites :], self.clamps[: spec.n_sites]))
        # The shift does not change in a run, nor in the clocks before its first update.
        dither_mask = Signal(spec.dither_bits, reset_less=True)
        extra_shift = Signal(shift_bits(spec), reset_less=True)
        if spec.dither_bits:
            m.d.sync += dither_mask.eq((1 << self.shift) - 1)
        if shift_bits(spec):
            m.d.sync += extra_shift.eq(self.shift - spec.min_shift)
        for described, lane in zip(plan.lanes, lanes):
            m.d.comb += [lane.valid.eq(valid), lane.slot.eq(slot), lane.commit.eq(commit)]
            for k, sources in enumerate(described.sources):
                m.d.comb += getattr(lane, f"neighbour_{k}").eq(self._chosen(slot, sources, state_of))
            for s, site in enumerate(described.sites):
                if site in self._ghosts:
                    self._ghost(m, lane, s, site)
                elif site != NONE:
                    m.d.comb += [
                        lane.clamped[s].eq(clamped[site]),
                        lane.state_load[s].eq(self.states_write[site // 32]),
                        lane.state_value[s].eq(self.write_data[site % 32]),
                    ]
            if spec.dither_bits:
                m.d.comb += lane.dither_mask.eq(dither_mask)
            if shift_bits(spec):
                m.d.comb += lane.extra_shift.eq(extra_shift)
        self._seeds(m, lanes)
        self._tables(m, lanes)
        return m

    def _ghost(self, m: Module, lane: Any, slot: int, site: int) -> None:
        """A site that keeps its state, unless the host or whoever has the ghost's site writes it."""
        number = self._ghosts[site]
        arrived = self.ghost_load[number]
        m.d.comb += [
            lane.clamped[slot].eq(1),
            lane.state_load[slot].eq(self.states_write[site // 32] | arrived),
            lane.state_value[slot].eq(Mux(arrived, self.ghost_value[number], self.write_data[site % 32])),
        ]

    def _lane(self, m: Module, number: int) -> Any:
        plan, lane, image = self._plan, self._plan.lanes[number], self._image
        positions = len(lane.sources)
        if image is not None:
            constants = plan.contents(image, lane)
            return self._hierarchy.add(
                m, f"lane_{number}", f"lane_{number}",
                lambda: Lane(plan, positions, self._hierarchy, constants, lane.widths),
            )  # fmt: skip
        kind = f"lane_degree{positions}" + "".join(f"_factor{width}" for width in lane.widths)
        made = self._hierarchy.add(
            m, f"lane_{number}", kind, lambda: Lane(plan, positions, self._hierarchy, widths=lane.widths)
        )
        start = number * plan.chunks
        m.d.comb += [
            made.coefficient_write.eq(self.chunks.write[start : start + len(plan.chunk_sizes(lane))]),
            made.coefficient_index.eq(self.chunks.index),
            made.coefficient_data.eq(self.chunks.data),
        ]
        return made

    def _pipeline(self, m: Module) -> tuple[Value, Value, Value, Value]:
        """What travels beside the lanes: ``valid``; the slot at ``read_stage``; ``commit`` and the mask at the end."""
        plan, spec = self._plan, self._plan.spec
        ways = {"slot": (self.slot, plan.slot_bits), "mask": (self.mask, 1)}
        if spec.levels > 1:
            ways["level"] = (self.level, (spec.levels - 1).bit_length())
        self._at: dict[str, list[Value]] = {name: [start] for name, (start, _) in ways.items()}
        valid = [self.issue]
        for k in range(1, plan.latency):
            for name, (_, width) in ways.items():
                held = Signal(width, name=f"{name}_{k}", reset_less=True)
                m.d.sync += held.eq(self._at[name][-1])
                self._at[name].append(held)
            ahead = Signal(name=f"valid_{k}")
            m.d.sync += ahead.eq(valid[-1])
            valid.append(ahead)
        commit = Signal(plan.slots)
        m.d.sync += commit.eq(Cat(valid[-2] & (self._at["slot"][-2] == s) for s in range(plan.slots)))
        return Value.cast(Cat(valid)), self._at["slot"][plan.read_stage], commit, self._at["mask"][-1]

    def _chosen(self, slot: Value, sources: tuple[int, ...], state_of: dict[int, Value]) -> Value:
        """The state of the slot's source; a slot without one may see any, as its weights there are zero."""
        real = dict.fromkeys(source for source in sources if source != NONE)
        if len(real) == 1:
            return state_of[next(iter(real))]
        spare = next(iter(real))
        states = Cat(state_of[spare if source == NONE else source] for source in sources)
        return Value.cast(states.bit_select(slot, 1))

    def _seeds(self, m: Module, lanes: list[Any]) -> None:
        """The chains through which generator states come in, each entered at its last lane."""
        plan = self._plan
        words = max(1, plan.seed_bits // 32)
        shift, data = Signal(name="shift"), Signal(max(32, plan.seed_bits), name="data")
        if words == 1:
            m.d.comb += [shift.eq(self.seed_write), data.eq(self.write_data)]
        else:
            early, count = Signal(32 * (words - 1), name="early"), Signal(range(words), name="count")
            m.d.comb += [data.eq(Cat(early, self.write_data)), shift.eq(self.seed_write & (count == words - 1))]
            with m.If(self.seed_write):
                m.d.sync += [early.eq(data[32:]), count.eq(Mux(count == words - 1, 0, count + 1))]
            with m.If(self.seed_clear):
                m.d.sync += count.eq(0)
        # Held for a clock, as it goes to every generator there is; a run's first update is later still.
        shift_held, data_held = Signal(name="shift_held"), Signal(len(data), reset_less=True, name="data_held")
        m.d.sync += [shift_held.eq(shift), data_held.eq(data)]
        for number, chain in enumerate(plan.seed_chains):
            entering = data_held[number * plan.seed_bits :][: plan.seed_bits]
            for lane in reversed(chain):
                m.d.comb += [lanes[lane].seed_shift.eq(shift_held), lanes[lane].seed_in.eq(entering)]
                entering = lanes[lane].seed_out

    def _tables(self, m: Module, lanes: list[Any]) -> None:
        """The activation tables, which hold 2^t - 1 - T: a lane gets its entry a clock after its address."""
        plan, spec = self._plan, self._plan.spec
        depth = spec.levels * spec.table_size
        for first in range(0, len(lanes), 2):
            memory = m.submodules[f"tables_{first // 2}"] = Memory(
                shape=unsigned(spec.threshold_bits), depth=depth, init=[]
            )
            for k, lane in enumerate(lanes[first : first + 2]):
                read, address = memory.read_port(), lane.address
                if spec.levels > 1:
                    address = Cat(address, self._at["level"][plan.table_stage])
                m.d.comb += lane.threshold.eq(read.data)
                if k == 1:
                    # Enabled when nothing writes, or tools would add logic for what a collision reads.
                    m.d.comb += [read.addr.eq(address), read.en.eq(self.busy)]
                    continue
                # One address for reading and writing, so that both are one port of a block RAM; and never disabled,
                # which such a port cannot be without logic behind its slow output.
                shared, write = Signal(len(read.addr), name=f"tables_address_{first // 2}"), memory.write_port()
                m.d.comb += [
                    shared.eq(Mux(self.busy, address, self.tables.index)),
                    read.addr.eq(shared),
                    write.addr.eq(shared),
                    write.data.eq(~self.tables.write_data[: spec.threshold_bits]),
                    write.en.eq(self.tables.write),
                ]
                if first == 0:
                    m.d.comb += self.tables.read_data.eq((~read.data)[: spec.threshold_bits])
