"""Tiles joined by bad lines, in one design: a clock and a reset per tile, a channel per direction."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from typing import Any

from amaranth import Cat, ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.rtl.common.bus import top_ports
from thermofab.hw.rtl.tiles.plan import SESSION_BITS, Line, plan_tile
from thermofab.hw.rtl.tiles.top import TileTop
from thermofab.hw.spec import FabricSpec, Tiling
from thermofab.sim.cosim.tiles.channel import SHARE_BITS, SHARES, Channel


class TiledDesign(wiring.Component):
    """All tiles of a fabric.

    Ports:
        clk_T, rst_T: of tile T; tT_…: its bus, samples, states and session.
        lose, damage, twice, hold: see :class:`Channel`, of all lines alike.
        dead, frozen: a bit per channel, in the order of ``channels``; faults_K: of channel K.
    """

    def __init__(self, spec: FabricSpec, tiling: Tiling, line: Line) -> None:
        self._line = line
        self.plans = [plan_tile(spec, tiling, t, line) for t in range(tiling.n_tiles)]
        self.channels = [(t, other) for t, plan in enumerate(self.plans) for other in plan.neighbours]
        ports: dict[str, Any] = {name: In(SHARE_BITS) for name in SHARES}
        ports |= {"dead": In(len(self.channels)), "frozen": In(len(self.channels))}
        ports |= {f"faults_{k}": Out(32) for k in range(len(self.channels))}
        for t, plan in enumerate(self.plans):
            fabric = plan.part.fabric
            ports |= {f"clk_{t}": In(1), f"rst_{t}": In(1), f"t{t}_session": In(SESSION_BITS)}
            ports |= {f"t{t}_{name}": member for name, member in watched(fabric).items()}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        tiles = []
        for t, plan in enumerate(self.plans):
            m.domains += [ClockDomain(f"tile{t}"), ClockDomain(f"wires{t}", reset_less=True)]
            clock = getattr(self, f"clk_{t}")
            m.d.comb += [
                ClockSignal(f"tile{t}").eq(clock),
                ClockSignal(f"wires{t}").eq(clock),
                ResetSignal(f"tile{t}").eq(getattr(self, f"rst_{t}")),
            ]
            tile: Any = TileTop(plan)
            m.submodules[f"tile_{t}"] = DomainRenamer(f"tile{t}")(tile)
            tiles.append(tile)
            m.d.comb += tile.session.eq(getattr(self, f"t{t}_session"))
            for name, member in watched(plan.part.fabric).items():
                mine, its = getattr(self, f"t{t}_{name}"), getattr(tile, name)
                m.d.comb += mine.eq(its) if member.flow == Out else its.eq(mine)
        for k, (source, target) in enumerate(self.channels):
            channel: Any = Channel(self._line, k + 1)
            m.submodules[f"line_{source}_{target}"] = DomainRenamer(f"wires{source}")(channel)
            sent, comes = getattr(tiles[source], f"to_{target}"), getattr(tiles[target], f"from_{source}")
            m.d.comb += [
                Cat(channel.into.valid, channel.into.first, channel.into.data).eq(
                    Cat(sent.valid, sent.first, sent.data)
                ),
                Cat(comes.valid, comes.first, comes.data).eq(
                    Cat(channel.out.valid, channel.out.first, channel.out.data)
                ),
                getattr(tiles[target], f"from_{source}_clk").eq(getattr(self, f"clk_{source}")),
                *(getattr(channel, name).eq(getattr(self, name)) for name in SHARES),
                channel.dead.eq(self.dead[k]),
                channel.frozen.eq(self.frozen[k]),
                getattr(self, f"faults_{k}").eq(channel.faults),
            ]
        return m


def watched(fabric: FabricSpec) -> dict[str, Any]:
    """The ports of a tile that a host or a watcher has."""
    ports: dict[str, Any] = {**top_ports(spatial_register_map(fabric, None).address_bits)}
    return ports | {"sweep_done": Out(1), "state": Out(fabric.n_sites)}
