"""One call: tiles of a fabric, joined by lines, in Verilator beside the reference of the whole fabric."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thermofab.hw.rtl.emit import design_of
from thermofab.hw.rtl.tiles.plan import Line
from thermofab.hw.spec import FabricSpec, SpecError, Tiling
from thermofab.sim.cosim.jobs import Job
from thermofab.sim.cosim.simulation import Bench, Design, build
from thermofab.sim.cosim.tiles.network import TiledDesign

NAME = "tiles"
MODULE = "thermofab.sim.cosim.bench.tiles"
SCENARIOS = ("clean", "bad", "clocks_apart", "dead", "resets", "aborts")


@dataclass(frozen=True)
class TilesJob(Job):
    """``tile_of``: the tile of every site; ``line``: the fields of a :class:`Line`."""

    tile_of: list[int]
    line: dict[str, Any]


def tiles_lockstep(
    spec: FabricSpec,
    tiling: Tiling,
    line: Line,
    *,
    scenarios: Sequence[str] = SCENARIOS,
    seed: int = 1,
    folder: str | Path | None = None,
) -> dict[str, float]:
    """Run scenarios, and compare every site after every sweep.

    Args:
        spec: the whole fabric, spatial.
        tiling: its tiles.
        line: what joins them.
        scenarios: ``clean`` lines; ``bad`` ones, which lose, damage, repeat and hold up words; bad ones between tiles
            with ``clocks_apart``; lines ``dead`` for long; ``resets`` and ``aborts`` in mid-run.
        seed: fixes all choices.
        folder: as for :func:`thermofab.sim.cosim.lockstep`.

    Returns:
        Site updates compared by scenario; with ``clean`` also ``sweep_clocks`` and ``spread``, of the clocks of a
        sweep the mean and the range.

    Raises:
        BenchFailed, SpecError, ToolMissingError, DeviceError: as for :func:`thermofab.sim.cosim.lockstep`.
    """
    unknown = [name for name in scenarios if name not in SCENARIOS]
    if unknown:
        raise SpecError(f"there are no scenarios {unknown} of tiles; known are {', '.join(SCENARIOS)}.")
    place = Path(tempfile.mkdtemp(prefix="thermofab-tiles-")) if folder is None else Path(folder)
    design = Design((design_of(lambda _: TiledDesign(spec, tiling, line), NAME).text(),), NAME)
    # One C++ file: what takes long is reading Verilator's headers once per file.
    simulation = build("verilator", design, place, ("--output-split", "0"))
    job = TilesJob(spec.to_json(), seed, tiling.tile_of.tolist(), asdict(line))
    found = simulation.run(Bench(MODULE, tuple(scenarios)), job)
    if folder is None:
        shutil.rmtree(place)
    return found
