"""Verilog of a tile."""

from thermofab.hw.rtl.emit import built, design_of, headed
from thermofab.hw.spec import FabricSpec, Tiling


def emit_tile_verilog(
    spec: FabricSpec, tiling: Tiling, tile: int, *, width: int = 4, name: str = "thermofab", sources: bool = True
) -> str:
    """Verilog-2001 of :class:`thermofab.hw.rtl.tiles.top.TileTop`.

    Raises:
        UnsupportedError, SpecError: the tile cannot be built; see :func:`thermofab.hw.rtl.tiles.plan.plan_tile`.
    """
    from thermofab.hw.rtl.tiles.plan import Line, plan_tile
    from thermofab.hw.rtl.tiles.top import TileTop

    plan = plan_tile(spec, tiling, tile, Line(width))
    design = design_of(lambda hierarchy: TileTop(plan, hierarchy), name, sources=sources)
    said = [f"{name}: tile {tile} of {built(spec)[0]}", f"Lines of {width} bits.", *built(spec)[1:]]
    return headed([*said, "Made by thermofab.hw.rtl.tiles.emit."], design) + design.text()
