"""The ledger of a run as a table: operations, samples, time and energy, each figure with its standing and source, and
what could not be measured here, by name."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from thermofab.hw.spec import Samples
from thermofab.hw.spec.costs import Figure
from thermofab.hw.spec.mixing import effective_of, observables

POWERCAP = Path("/sys/class/powercap")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class LedgerTable:
    """Figures of a run, and what is missing.

    Attributes:
        figures: what is known.
        missing: sentences on what is not.
    """

    figures: tuple[Figure, ...]
    missing: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Figure:
        return next(figure for figure in self.figures if figure.name == name)

    def to_json(self) -> dict[str, Any]:
        return {"figures": [asdict(figure) for figure in self.figures], "missing": list(self.missing)}

    def __str__(self) -> str:
        rows = [(f.name, f"{f.value:.4g}", f.unit, f.standing, f.source) for f in self.figures]
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths)), row[4]]) for row in rows]
        return "\n".join([*lines, *(f"not here: {what}" for what in self.missing)])


@dataclass(frozen=True)
class _Package:
    """A processor package's energy counter: microjoules, which wrap at ``span``."""

    counter: Path
    span: int


def _packages(powercap: Path) -> tuple[_Package, ...]:
    """Counters of whole packages that this process may read."""
    found = []
    for folder in sorted(powercap.glob("intel-rapl:*")):
        if folder.name.count(":") > 1:
            continue
        try:
            int((folder / "energy_uj").read_text())
            found.append(_Package(folder / "energy_uj", int((folder / "max_energy_range_uj").read_text())))
        except (OSError, ValueError):
            continue
    return tuple(found)


def metered(run: Callable[[], _Result], powercap: Path = POWERCAP) -> tuple[_Result, Figure | str]:
    """A call's result, and the energy of the processor's packages meanwhile (all that ran on the machine included), or
    why it is not known.
    """
    packages = _packages(powercap)
    before, started = [int(p.counter.read_text()) for p in packages], time.perf_counter()
    result = run()
    seconds = time.perf_counter() - started
    if not packages:
        return result, (
            "the processor's energy: this machine shows no RAPL counter (/sys/class/powercap) to this process, so the "
            f"energy of these {seconds:.3g} s is unknown"
        )
    used = [(int(p.counter.read_text()) - b) % p.span for p, b in zip(packages, before)]
    source = f"RAPL counters of {len(packages)} packages over {seconds:.3g} s, other processes included"
    return result, Figure("energy of this processor", sum(used) / 1e6, "J", "measured", source)


def ledger_table(samples: Samples, host: Figure | str | None = None) -> LedgerTable:
    """What a run cost: the ledger's figures, samples, effective samples, and energy an effective sample.

    Args:
        samples: of a program; of a bare image effective samples are left out.
        host: what :func:`metered` said of the run.
    """
    chains, count, _ = samples.sites.shape
    figures = list(samples.ledger.figures())
    missing = [host] if isinstance(host, str) else []
    if isinstance(host, Figure):
        figures.append(host)
    energies = [figure for figure in figures if figure.unit == "J"]
    figures.append(Figure("samples", chains * count, "samples", "measured", "chains × samples per chain"))
    if samples.program is None or chains < 8 or count < 20:
        missing.append("effective samples: they need a program, 8 chains or more, and 20 samples of each")
        return LedgerTable(tuple(figures), tuple(missing))
    effective = chains * effective_of(observables(samples.program.model, samples.node_states), samples.kept)
    how = f"spread of {chains} chains' means"
    figures.append(Figure("effective samples", effective, "samples", "measured", how))
    if effective > 0:
        figures += [
            Figure(f"{energy.name}, an effective sample", energy.value / effective, "J", energy.standing, energy.source)
            for energy in energies
        ]
    return LedgerTable(tuple(figures), tuple(missing))
