"""Monitors: how a fabric of each architecture shows its states, and who may not change, or not together."""

from typing import Protocol

import cocotb
from cocotb.triggers import FallingEdge

from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import FabricSpec, Topology
from thermofab.sim.cosim.bench.ports import DensePorts, RelayPorts, ShownPorts, SystolicPorts
from thermofab.sim.cosim.bench.scoreboard import Scoreboard
from thermofab.sim.cosim.draws import Draw, Drawing, Gathered, Gathering


class Monitor(Protocol):
    """What the bench asks of a monitor: an architecture of your own brings one."""

    watching: bool  # set by the bench: a run is on

    def begin(self, clamped: int, loaded: bool) -> None:
        """A run begins under these clamps; ``loaded``: from states that have just been loaded."""
        ...

    async def run(self) -> None:
        """Watch for ever, and give the scoreboard the state after every sweep."""
        ...


class Watch:
    """What monitors share: who may change together, and who may not at all."""

    def __init__(self, topology: Topology, scoreboard: Scoreboard) -> None:
        self.scoreboard = scoreboard
        self.clamped = 0
        self.watching = False
        self._neighbours = [0] * topology.n_sites
        for i, j in topology.edges.tolist():
            self._neighbours[i] |= 1 << j
            self._neighbours[j] |= 1 << i
        for row in topology.factors:
            for i in row:
                self._neighbours[i] |= sum(1 << j for j in row if j != i)

    def begin(self, clamped: int, loaded: bool) -> None:
        self.clamped, self.watching = clamped, True

    def check_change(self, changed: int) -> None:
        """``changed`` sites took another state in one clock."""
        assert not changed & self.clamped, "a clamped site never changes"
        rest = changed
        while rest:
            site = (rest & -rest).bit_length() - 1
            assert not self._neighbours[site] & changed, "no two coupled sites update together"
            rest &= rest - 1


class SpatialMonitor(Watch):
    """All sites are shown in every clock, and ``sweep_done`` marks the state after a sweep."""

    def __init__(self, dut: ShownPorts, spec: FabricSpec, scoreboard: Scoreboard) -> None:
        super().__init__(spec.topology, scoreboard)
        self._dut = dut

    async def run(self) -> None:
        dut, before = self._dut, None
        while True:
            await FallingEdge(dut.clk)
            if not self.watching:
                before = None
                continue
            state = int(dut.state.value)
            if before is not None and state != before:
                self.check_change(state ^ before)
            before = state
            if int(dut.sweep_done.value):
                self.swept(state)

    def swept(self, state: int) -> None:
        """The state after a sweep."""
        self.scoreboard.sweep(state)


class DenseMonitor(SpatialMonitor):
    """Beside the states: every draw of a sweep, in order."""

    def __init__(self, dut: DensePorts, spec: FabricSpec, scoreboard: Scoreboard) -> None:
        super().__init__(dut, spec, scoreboard)
        self._draw_ports = dut
        self._draws: list[Draw] = []

    def begin(self, clamped: int, loaded: bool) -> None:
        super().begin(clamped, loaded)
        self._draws = []

    async def run(self) -> None:
        cocotb.start_soon(super().run())
        dut = self._draw_ports
        while True:
            await FallingEdge(dut.clk)
            if self.watching and int(dut.draw.value):
                field = dut.draw_field.value.to_unsigned()
                self._draws.append((int(dut.draw_site.value), field, int(dut.draw_high.value)))

    def swept(self, state: int) -> None:
        super().swept(state)
        chain = self.scoreboard.chain
        assert isinstance(chain, Drawing)
        assert self._draws == chain.draws, f"sweep {self.scoreboard.sweeps - 1}: site, field and word of a draw differ"
        self._draws, chain.draws = [], []


class RelayMonitor(Watch):
    """Wires carry partial sums in a sweep, so states are looked at after it; beside them, every root's field."""

    def __init__(self, dut: RelayPorts, spec: FabricSpec, scoreboard: Scoreboard) -> None:
        super().__init__(spec.topology, scoreboard)
        self._dut, self._gathered = dut, Gathered(len(dut.draw_bits))

    async def run(self) -> None:
        dut = self._dut
        while True:
            await FallingEdge(dut.clk)
            if self.watching:
                self._gathered.clock(int(dut.draw_adding.value), known_bits(str(dut.draw_bits.value)))
                if int(dut.sweep_done.value):
                    self.scoreboard.sweep(int(dut.state.value))
                    chain = self.scoreboard.chain
                    assert isinstance(chain, Gathering)
                    self._gathered.check(chain.fields, chain.width)


class SystolicMonitor(Watch):
    """A bit per element is shown in every clock: its spin after a slot, and whether the slot's round is a sweep.

    Rounds that are no sweep show the state as it was, or, before the first sweep of a run, the states loaded.
    """

    def __init__(self, dut: SystolicPorts, spec: FabricSpec, scoreboard: Scoreboard) -> None:
        super().__init__(spec.topology, scoreboard)
        self._dut, layout = dut, layout_of(spec)
        self._sites = [[(e, int(s)) for e, s in enumerate(layout.sites[:, t]) if s >= 0] for t in range(layout.n_slots)]
        self._last = max(t for t, sites in enumerate(self._sites) if sites)
        self._known: int | None = None
        self._loaded: int | None = None

    def begin(self, clamped: int, loaded: bool) -> None:
        super().begin(clamped, loaded)
        if loaded:
            # A run without a sweep may have left either the states known or those loaded before.
            self._known = self._known if self._loaded is None else None
            self._loaded = self.scoreboard.state

    async def run(self) -> None:
        dut = self._dut
        while True:
            await FallingEdge(dut.clk)
            if not self.watching:
                continue
            slot, bits = int(dut.state_slot.value), int(dut.state.value)
            if int(dut.state_update.value):
                self._swept(slot, bits)
            elif self._known is not None:
                shown = [(site, bits >> e & 1) for e, site in self._sites[slot]]
                same = all(self._known >> site & 1 == bit for site, bit in shown)
                loads = self._loaded is not None and all(self._loaded >> site & 1 == bit for site, bit in shown)
                assert same or loads, f"spins changed in slot {slot} of a round that is no sweep"

    def _swept(self, slot: int, bits: int) -> None:
        if self._loaded is not None or self._known is None:
            self._known, self._loaded = self.scoreboard.state, None
        known, changed = self._known, 0
        for element, site in self._sites[slot]:
            changed |= ((bits >> element & 1) ^ (known >> site & 1)) << site
        self.check_change(changed)
        self._known = known ^ changed
        if slot == self._last:
            self.scoreboard.sweep(self._known)


def known_bits(text: str) -> int:
    """A value of four-state logic, unknown bits as 0: those of draw units that have not drawn yet."""
    return int("".join(bit if bit in "01" else "0" for bit in text), 2)
