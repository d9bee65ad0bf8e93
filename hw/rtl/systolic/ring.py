"""A ring: the spins of an element, turning by one place per clock, with fixed taps."""

from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.systolic.layout import WIDE_TAPS, View
from thermofab.hw.host.systolic.program import Select
from thermofab.hw.host.systolic.timing import TAP, Timing
from thermofab.hw.rtl.systolic.select import chosen

GROUP = 16  # taps of a wide view that one clock chooses from


class Ring(wiring.Component):
    """Place p holds the spin of the slot that is issued p clocks later.

    Ports:
        program: the program word of the slot issued two clocks ago.
        write, value: give the slot that is at its write stage a new spin.
        old, new: the spin of that slot before and after, in the same clock.
        view_k: the spin that view k shows, for the slot at its gather stage.
    """

    def __init__(self, n_slots: int, views: tuple[tuple[View, Select], ...], timing: Timing, program_bits: int) -> None:
        self._n_slots, self._views, self._timing = n_slots, views, timing
        super().__init__(
            {
                "program": In(max(1, program_bits)),
                "write": In(1),
                "value": In(1),
                "old": Out(1),
                "new": Out(1),
                **{f"view_{k}": Out(1) for k in range(len(views))},
            }
        )

    def built_with(self) -> dict[str, object]:
        return {"slots": self._n_slots, "views": len(self._views)}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        places = self._n_slots
        ring = Signal(places, reset_less=True)
        written = -self._timing.write % places
        m.d.comb += [
            self.old.eq(ring[written]),
            self.new.eq(Mux(self.write, self.value, self.old)),
        ]
        m.d.sync += [ring.eq(ring.rotate_right(1)), ring[(written - 1) % places].eq(self.new)]
        program = Signal.like(self.program, reset_less=True)
        m.d.sync += program.eq(self.program)
        for k, (view, select) in enumerate(self._views):
            if len(view.distances) > WIDE_TAPS:
                shown = self._wide(m, k, ring, program)
            else:
                shown = chosen([ring[(distance - TAP) % places] for distance in view.distances], select, program)
            view_shown = Signal(name=f"shown_{k}", reset_less=True)
            m.d.sync += view_shown.eq(shown)
            m.d.comb += getattr(self, f"view_{k}").eq(view_shown)
        return m

    def _wide(self, m: Module, k: int, ring: Signal, program: Signal) -> Value:
        """A choice among many taps in two clocks: the ring is tapped a clock earlier, where spins are a place further
        up, and the word that has just come chooses within every group of ``GROUP`` taps."""
        view, select = self._views[k]
        low = (GROUP - 1).bit_length()
        within, among = Select(select.columns[:low]), Select(select.columns[low:])
        groups: list[Value] = []
        for first in range(0, len(view.distances), GROUP):
            taps = [ring[(distance - TAP + 1) % self._n_slots] for distance in view.distances[first : first + GROUP]]
            kept = Signal(name=f"group_{k}_{first // GROUP}", reset_less=True)
            m.d.sync += kept.eq(chosen(taps, within, self.program))
            groups.append(kept)
        return Value.cast(chosen(groups, among, program))
