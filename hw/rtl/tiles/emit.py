"""Verilog of a tile."""

from thermofab.hw.rtl.emit import require_yosys, rtlil_of, verilog_of
from thermofab.hw.spec import FabricSpec, Tiling


def emit_tile_verilog(spec: FabricSpec, tiling: Tiling, tile: int, *, width: int = 4, name: str = "thermofab") -> str:
    """Verilog-2001 of :class:`thermofab.hw.rtl.tiles.top.TileTop`.

    Raises:
        ToolMissingError: there is no Yosys; the message says how to get it.
        UnsupportedError, SpecError: the tile cannot be built; see :func:`thermofab.hw.rtl.tiles.plan.plan_tile`.
    """
    from thermofab.hw.rtl.tiles.plan import Line, plan_tile
    from thermofab.hw.rtl.tiles.top import TileTop

    require_yosys()
    plan = plan_tile(spec, tiling, tile, Line(width))
    return verilog_of(rtlil_of(lambda hierarchy: TileTop(plan, hierarchy), name))
