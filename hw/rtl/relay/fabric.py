"""The relay fabric: cells, draw units, and the memories that tell them what an image's trees are."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.plan import BIAS_WORDS, CLAMP_MASKS, COLOURS, EVENT_WORDS, RelayPlan
from thermofab.hw.host.relay.registers import relay_register_map
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.interfaces import PortGroup
from thermofab.hw.rtl.relay.arrays import LOADED, WRITES
from thermofab.hw.rtl.relay.bank import Banks
from thermofab.hw.rtl.relay.cell import Cell
from thermofab.hw.rtl.relay.draw import DrawUnit
from thermofab.hw.rtl.relay.steps import Steps, steering


class RelayFabric(wiring.Component):
    """All sites.

    Ports:
        go, level, mask, swept: of the sequencer; busy: a run goes on.
        last_colour, field_bits, shift: of the image; load, rewind, loading: see :class:`Steps`.
        write_data, index: of whichever of the strobes below is high: the data of a write and the entry of its array.
        heights_write, events_write, biases_write, seed_write, mask_word_write, masks_write, tables_write: strobes.
        draw_adding, draw_bits: to watch: a bit of every draw unit's F + (u mod 2^shift), lowest first.
        state: ``[N]``, the sites; between colours and between sweeps their states.
    """

    def __init__(self, plan: RelayPlan, hierarchy: Hierarchy | None = None) -> None:
        self._plan, self._hierarchy = plan, hierarchy or InPlace()
        spec, map_ = plan.spec, relay_register_map(plan.spec)
        super().__init__(
            {
                **steering(plan).members,
                "busy": In(1),
                "index": In(max(map_[name].index_bits for name in LOADED)),
                **WRITES.flip().members,
                "draw_adding": Out(1),
                "draw_bits": Out(len(plan.units)),
                "state": Out(spec.n_sites),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        plan, spec, source, m = self._plan, self._plan.spec, self._plan.source, Module()
        add = self._hierarchy.add
        steps = self._steps = add(m, "steps", "steps", lambda: Steps(plan, self._hierarchy))
        wiring.connect(m, PortGroup(self, "", steering(plan).flip()), PortGroup(steps, "", steering(plan)))

        # Held for a clock, as they go far.
        self._data = Signal(32, name="data_held", reset_less=True)
        self._index = Signal.like(self.index, name="index_held", reset_less=True)
        m.d.sync += [self._data.eq(self.write_data), self._index.eq(self.index)]
        self._strobes = {name: Signal(name=f"{name.lower()}_held") for name in LOADED}
        for name, strobe in self._strobes.items():
            m.d.sync += strobe.eq(getattr(self, f"{name.lower()}_write"))
        m.d.comb += [
            steps.height_write.eq(self._strobes["HEIGHTS"]),
            steps.height_index.eq(self._index),
            steps.write_data.eq(self._data),
        ]

        units = [
            add(
                m, f"unit_{k}", f"unit{len(sites)}",
                lambda sites=sites: DrawUnit(spec, source, len(sites), self._hierarchy),
            )
            for k, sites in enumerate(plan.units)
        ]  # fmt: skip
        cells = self._cells(m, units)
        self._draws(m, units, cells)
        self._tables(m, units)
        return m

    def _banks(self, m: Module, name: str, columns: int, depth: int, *, written: bool = False) -> Any:
        banks = self._hierarchy.add(
            m, f"{name.lower()}_banks", f"{name.lower()}_banks", lambda: Banks(columns, depth, written=written)
        )
        m.d.comb += [
            banks.host_write.eq(self._strobes[name]),
            banks.host_index.eq(self._index),
            banks.host_data.eq(self._data),
        ]
        return banks

    def _cells(self, m: Module, units: list[Any]) -> dict[int, Any]:
        """Cells, their events and their masks."""
        plan, spec, steps = self._plan, self._plan.spec, self._steps
        cells: dict[int, Any] = {}
        state, event = Signal(spec.n_sites, name="wires"), Signal(spec.n_sites, name="events")
        banks = self._banks(m, "EVENTS", spec.n_sites, CLAMP_MASKS * EVENT_WORDS)
        valid = Signal()
        m.d.comb += [banks.address.eq(steps.event_address), self.state.eq(state)]
        m.d.sync += [valid.eq(steps.event_read), event.eq(0)]
        with m.If(valid):
            m.d.sync += event.eq(banks.data)
        self._event = event

        unit_of = spec.draw_units
        for site, near in enumerate(plan.neighbours):
            cell = cells[site] = self._hierarchy.add(
                m, f"cell_{site}", f"cell{len(near)}",
                lambda near=near: Cell(len(near), spec.weight_bits, plan.address_bits, self._hierarchy),
            )  # fmt: skip
            m.d.comb += [
                state[site].eq(cell.state),
                cell.event.eq(event[site]),
                cell.taking.eq(steps.taking),
                cell.clear.eq(steps.clear),
                cell.drawn.eq(units[unit_of[site]].drawn),
            ]
            if near:
                m.d.comb += cell.neighbours.eq(Cat(state[j] for j in near))
        self._masks(m, cells)
        return cells

    def _masks(self, m: Module, cells: dict[int, Any]) -> None:
        """A mark goes from group to group with the words that are written; where it is, the last word stays."""
        plan, strobes = self._plan, self._strobes
        address = Signal(plan.address_bits, reset_less=True)
        data = Signal(32, reset_less=True)
        mark = Signal(len(plan.groups) + 1)
        with m.If(strobes["MASKS"]):
            m.d.sync += [mark.eq(mark << 1), data.eq(self._data)]
        with m.If(strobes["MASK_WORD"]):
            m.d.sync += [mark.eq(1), address.eq(self._data)]
        degree = plan.spec.topology.max_degree
        for number, group in enumerate(plan.groups):
            for lane, site in enumerate(group):
                if near := len(plan.neighbours[site]):
                    m.d.comb += [
                        cells[site].mask_write.eq(mark[number + 1]),
                        cells[site].mask_address.eq(address),
                        cells[site].mask_data.eq(data[lane * degree :][:near]),
                    ]

    def _draws(self, m: Module, units: list[Any], cells: dict[int, Any]) -> None:
        """Draw units, their biases and their generators' states."""
        plan, spec, source, steps = self._plan, self._plan.spec, self._plan.source, self._steps
        biases = self._banks(m, "BIASES", len(units), BIAS_WORDS)
        states = self._banks(m, "SEED", len(units) * source.bits, COLOURS * source.words, written=True)
        m.d.comb += [
            self.draw_adding.eq(steps.adding),
            self.draw_bits.eq(Cat(unit.bit for unit in units)),
            biases.address.eq(steps.bias_address),
            states.address.eq(steps.state_address),
            states.write_address.eq(steps.state_write_address),
            states.write.eq(steps.state_write),
            states.write_data.eq(Cat(unit.store for unit in units)),
        ]
        told: list[tuple[str, Value]] = [
            (name, getattr(steps, name)) for name in ("pick", "adding", "capture", "beyond", "fire")
        ]
        told += [("force", steps.clear), ("shift", steps.shift_word)]
        told += [("dithering", steps.dithering), ("place", steps.place)] if spec.dither_bits else []
        told += [] if source.taps else [("step", steps.step)]
        for k, (unit, sites) in enumerate(zip(units, plan.units)):
            m.d.comb += [getattr(unit, name).eq(value) for name, value in told]
            m.d.comb += [
                unit.wires.eq(Cat(cells[site].state for site in sites)),
                unit.events.eq(Cat(self._event[site] for site in sites)),
                unit.bias.eq(biases.data[k]),
                unit.stored.eq(states.data[k * source.bits :][: source.bits]),
            ]

    def _tables(self, m: Module, units: list[Any]) -> None:
        """The activation tables, one for two draw units, under the sign of ``a`` at the top of the index."""
        spec, steps = self._plan.spec, self._steps
        depth = spec.levels * spec.table_size
        host, level = Signal(spec.table_bits, name="host"), Signal(max(1, (spec.levels - 1).bit_length()), name="level")
        m.d.sync += host.eq(Mux(self.busy, 0, self.index ^ spec.table_size // 2))
        m.d.comb += level.eq(Mux(self.busy, steps.table_level, self._index[spec.table_bits :]))
        for first in range(0, len(units), 2):
            memory = m.submodules[f"tables_{first // 2}"] = Memory(
                shape=unsigned(spec.threshold_bits), depth=depth, init=[]
            )
            for k, unit in enumerate(units[first : first + 2]):
                read = memory.read_port()
                shared = Signal(len(read.addr), name=f"tables_address_{first + k}")
                m.d.comb += [
                    unit.host_address.eq(host),
                    shared.eq(Cat(unit.address, level)),
                    read.addr.eq(shared),
                    unit.threshold.eq(read.data),
                ]
                if k == 1:
                    # Enabled when nothing writes, or tools would add logic for what a collision reads.
                    m.d.comb += read.en.eq(self.busy)
                    continue
                # One address for reading and writing, so that both are one port of a block RAM.
                write = memory.write_port()
                m.d.comb += [
                    write.addr.eq(shared),
                    write.data.eq(self._data[: spec.threshold_bits]),
                    write.en.eq(self._strobes["TABLES"]),
                ]
