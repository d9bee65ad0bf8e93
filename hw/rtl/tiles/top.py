"""A tile: a spatial fabric of its sites and ghosts, and an end of a line for each neighbouring tile.

A colour begins when every neighbour's frame of the colour before has come, so the bits are those of one chip. Tiles
need no clock in common.
"""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.rtl.common.bus import top_ports
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.spatial.top import SpatialTop
from thermofab.hw.rtl.tiles.plan import NUMBER_BITS, SESSION_BITS, End, TilePlan
from thermofab.hw.rtl.tiles.receiver import Receiver
from thermofab.hw.rtl.tiles.sender import Sender


class Endpoint(wiring.Component):
    """One end of a line: a :class:`Sender` and a :class:`Receiver`.

    Ports:
        clear, session, running, state, steps, colour, load, value, line_clk: theirs.
        wait: the other end's frame of the last step has not come.
        quiet: every frame of the steps that are done has come, either way.
        into, out: from and to the other end.
    """

    def __init__(self, end: End) -> None:
        self._end = end
        ghosts = sum(map(len, end.takes))
        super().__init__(
            {
                "clear": In(1),
                "session": In(SESSION_BITS),
                "running": In(1),
                "state": In(sum(map(len, end.sends))),
                "steps": In(NUMBER_BITS),
                "colour": In(range(end.colours)),
                "wait": Out(1),
                "quiet": Out(1),
                "load": Out(ghosts),
                "value": Out(ghosts),
                "line_clk": In(1),
                "into": In(end.line.signature),
                "out": Out(end.line.signature),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.sender = sender = Sender(self._end)
        m.submodules.receiver = receiver = Receiver(self._end)
        wiring.connect(m, wiring.flipped(self.out), sender.line)
        wiring.connect(m, wiring.flipped(self.into), receiver.line)
        ahead = Signal(NUMBER_BITS)  # by how many frames the other end is
        m.d.comb += [
            *(part.clear.eq(self.clear) for part in (sender, receiver)),
            *(part.session.eq(self.session) for part in (sender, receiver)),
            sender.come.eq(receiver.come),
            sender.state.eq(self.state),
            sender.steps.eq(self.steps),
            sender.colour.eq(self.colour),
            sender.acknowledged.eq(receiver.acknowledged),
            sender.acknowledge.eq(receiver.acknowledge),
            sender.answer.eq(receiver.answer),
            receiver.running.eq(self.running),
            receiver.line_clk.eq(self.line_clk),
            self.load.eq(receiver.load),
            self.value.eq(receiver.value),
            ahead.eq(receiver.come - self.steps),
            self.wait.eq(ahead[-1]),
            self.quiet.eq(sender.quiet & (ahead == 0)),
        ]
        return m


class TileTop(wiring.Component):
    """A tile in exact mode, in the clock domain ``sync``.

    Args:
        plan: the tile; see :func:`thermofab.hw.rtl.tiles.plan.plan_tile`.
        hierarchy: where its modules go.

    Ports:
        bus_…, sample_…, busy, state, sweep_done: of :class:`SpatialTop`, of the tile's sites and then its ghosts.
        session: a number that the host changes, in all tiles alike, after a reset or an abort, while no tile runs and
            before states are written: nothing of what went before is then taken.
        to_t, from_t: the lines to and from tile t; from_t_clk: that tile's clock.
    """

    def __init__(self, plan: TilePlan, hierarchy: Hierarchy | None = None) -> None:
        self._plan, self._hierarchy = plan, hierarchy or InPlace()
        spec = plan.part.fabric
        ports: dict[str, Any] = {
            **top_ports(spatial_register_map(spec, None).address_bits),
            "sweep_done": Out(1),
            "state": Out(spec.n_sites),
            "session": In(SESSION_BITS),
        }
        for other, end in zip(plan.neighbours, plan.ends):
            ports |= {f"to_{other}": Out(end.line.signature), f"from_{other}": In(end.line.signature)}
            ports[f"from_{other}_clk"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m, plan = Module(), self._plan
        spec, own = plan.part.fabric, plan.part.own
        ghosts = range(own, spec.n_sites)
        fabric = self._hierarchy.add(
            m, "fabric", "tile_fabric", lambda: SpatialTop(spec, self._hierarchy, ghosts=ghosts)
        )
        for name in top_ports(spatial_register_map(spec, None).address_bits) | {"sweep_done": None, "state": None}:
            mine, its = getattr(self, name), getattr(fabric, name)
            m.d.comb += mine.eq(its) if self.signature.members[name].flow == Out else its.eq(mine)

        session = Signal(SESSION_BITS, name="session")
        clear = Signal(name="clear")
        # done; of the next
        steps = Signal(NUMBER_BITS, name="steps")
        colour = Signal(range(spec.topology.n_colours), name="colour")
        m.d.sync += session.eq(self.session)
        m.d.comb += clear.eq(session != self.session)
        with m.If(fabric.stepped):
            m.d.sync += [steps.eq(steps + 1), colour.eq(colour + 1)]
            with m.If(colour == spec.topology.n_colours - 1):
                m.d.sync += colour.eq(0)
        with m.If(clear):
            m.d.sync += [steps.eq(0), colour.eq(0)]

        ends = [self._end(m, number) for number in range(len(plan.ends))]
        for end in ends:
            m.d.comb += [
                end.clear.eq(clear),
                end.session.eq(session),
                end.running.eq(fabric.busy),
                end.steps.eq(steps),
                end.colour.eq(colour),
            ]
        m.d.comb += [
            fabric.wait.eq(Cat(end.wait for end in ends).any()),
            fabric.linger.eq(~Cat(end.quiet for end in ends).all()),
        ]
        loads: list[list[tuple[Any, Any]]] = [[] for _ in ghosts]
        for described, end in zip(plan.ends, ends):
            for k, ghost in enumerate(g for by_colour in described.takes for g in by_colour):
                loads[ghost].append((end.load[k], end.value[k]))
        for ghost, [(load, value)] in enumerate(loads):  # a ghost is of one neighbour's site
            m.d.comb += [fabric.ghost_load[ghost].eq(load), fabric.ghost_value[ghost].eq(value)]
        for described, end in zip(plan.ends, ends):
            m.d.comb += end.state.eq(Cat(fabric.state[site] for by_colour in described.sends for site in by_colour))
        return m

    def _end(self, m: Module, number: int) -> Any:
        other, described = self._plan.neighbours[number], self._plan.ends[number]
        end = self._hierarchy.add(m, f"end_{other}", f"end_{other}", lambda: Endpoint(described))
        wiring.connect(m, end.out, wiring.flipped(getattr(self, f"to_{other}")))
        wiring.connect(m, wiring.flipped(getattr(self, f"from_{other}")), end.into)
        m.d.comb += end.line_clk.eq(getattr(self, f"from_{other}_clk"))
        return end
