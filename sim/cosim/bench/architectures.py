"""What the bench knows of each architecture beside its registers; one of your own adds a line to ``WATCHED``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thermofab.hw.spec import FabricSpec, SpecError
from thermofab.sim.cosim.bench.monitor import DenseMonitor, Monitor, RelayMonitor, SpatialMonitor, SystolicMonitor
from thermofab.sim.cosim.bench.scoreboard import Scoreboard
from thermofab.sim.cosim.draws import Drawing, Gathering
from thermofab.sim.reference import Chain


@dataclass(frozen=True)
class Watched:
    """How a fabric is followed sweep by sweep.

    Attributes:
        monitor: of the design's handle (:mod:`.ports`), the fabric and the scoreboard.
        chain: the reference, noting what the monitor compares.
        beyond: clocks that a run without stalls may take beyond its sweeps and a sample's words.
        shortest: clocks of the shortest sweep, ``None`` for all sweeps the same.
        in_rounds: sweeps begin with a round of fixed length: a run waits for up to seven, shows its last states up to a
            round after its end, and streams its counters out.
        one_layout: generators are laid out by an image's trees, so a run that goes on from another keeps its image.
    """

    monitor: Callable[[Any, FabricSpec, Scoreboard], Monitor]
    chain: type[Chain] = Chain
    beyond: int = 4
    shortest: int | None = None
    in_rounds: bool = False
    one_layout: bool = False


WATCHED = {
    "spatial": Watched(SpatialMonitor),
    "systolic": Watched(SystolicMonitor, beyond=16, in_rounds=True),
    "relay": Watched(RelayMonitor, Gathering, beyond=30, shortest=20, one_layout=True),
    "dense": Watched(DenseMonitor, Drawing, beyond=15, shortest=5),
}


def watched(spec: FabricSpec) -> Watched:
    """That of a fabric's architecture.

    Raises:
        SpecError: it has none.
    """
    if spec.architecture not in WATCHED:
        raise SpecError(
            f"the bench has no monitor for the architecture '{spec.architecture}'; add one to WATCHED in "
            "thermofab.sim.cosim.bench.architectures, or use the bench EVERY_SAMPLE, which needs none."
        )
    return WATCHED[spec.architecture]
