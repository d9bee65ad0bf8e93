"""What a comparison of methods found: one row per method, as table, JSON, and in words beside the documents' claims."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from thermofab.apps.profile.quality import Quality
from thermofab.hw.spec.samples import UNMIXED


@dataclass(frozen=True)
class Row:
    """One method on one problem. Seconds are of the wall clock, samples of all chains together.

    Attributes:
        method, said: its name, and what it does.
        standing: ``"measured"``; ``"modelled"`` for a fabric's cycles at a clock of static timing.
        samples: of one call.
        prepare_seconds: before the first call, ahead-of-time compilation included.
        first_seconds: the first call.
        warm_seconds: median of later calls, warm-up sweeps of the chains included.
        spread: half the interquartile range of these over the median.
        quality: of the last call's samples.
        peak_mib: resident memory of a fresh process with this method alone, its libraries included; ``None`` where it
            was not measured.
        fresh_seconds: of that process, from the problem loaded to the samples.
        left_out: why the method was not run; then all else is empty.
    """

    method: str
    said: str
    standing: str = "measured"
    samples: int = 0
    prepare_seconds: float = 0.0
    first_seconds: float = 0.0
    warm_seconds: float = 0.0
    spread: float = 0.0
    quality: Quality | None = None
    peak_mib: float | None = None
    fresh_seconds: float | None = None
    left_out: str = ""

    @property
    def rate(self) -> float:
        """Samples per second, warm."""
        return self.samples / self.warm_seconds if self.warm_seconds else 0.0

    @property
    def effective_rate(self) -> float:
        """Effective samples per second, warm."""
        return self.quality.effective / self.warm_seconds if self.quality and self.warm_seconds else 0.0

    @property
    def compile_seconds(self) -> float:
        """Preparation, and what the first call took longer than later ones."""
        return self.prepare_seconds + max(0.0, self.first_seconds - self.warm_seconds)

    def to_json(self) -> dict[str, Any]:
        derived = {
            "samples_per_second": self.rate,
            "effective_per_second": self.effective_rate,
            "compile_seconds": self.compile_seconds,
        }
        return asdict(self) | derived


@dataclass(frozen=True)
class Claim:
    """What a document says, and what was found."""

    claim: str
    found: str


@dataclass(frozen=True)
class Comparison:
    """A table of methods on one problem.

    Attributes:
        name, said: the problem, and in words what is sampled.
        state_space: ``"spins"``, ``"categories"`` or ``"real"``.
        setting: chains, samples, warm-up and steps that were asked for.
        rows: a method each.
    """

    name: str
    said: str
    state_space: str
    setting: dict[str, int]
    rows: tuple[Row, ...]

    def __getitem__(self, method: str) -> Row:
        return next(row for row in self.rows if row.method == method)

    @property
    def run(self) -> tuple[Row, ...]:
        """Rows of methods that ran."""
        return tuple(row for row in self.rows if not row.left_out)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The documents' claims beside this table, as effective samples per second."""
        ran = {row.method: row for row in self.run}
        found = []

        def ratio(a: str, b: str) -> str:
            if a not in ran or b not in ran or not ran[b].effective_rate or not ran[a].effective_rate:
                return "not tested: one of the two did not run"
            value = ran[a].effective_rate / ran[b].effective_rate
            return f"{value:.3g} times ({a} {ran[a].effective_rate:.3g}, {b} {ran[b].effective_rate:.3g} per second)"

        found.append(Claim("JAX is 2 to 5 times as fast as NumPy", ratio("jax-gibbs", "numpy")))
        found.append(Claim("THRML, beside NumPy", ratio("thrml", "numpy")))
        found.append(Claim("JAX and PyTorch sample at about the same speed", ratio("jax-gibbs", "torch")))
        fabrics = [row.method for row in self.run if row.standing == "modelled"]
        for fabric in fabrics:
            for software in ("jax-gibbs", "thrml", "native"):
                if software in ran:
                    found.append(
                        Claim(f"hardware is 10 to 100 times as fast, beside {software}", ratio(fabric, software))
                    )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "said": self.said,
            "state_space": self.state_space,
            "setting": self.setting,
            "rows": [row.to_json() for row in self.rows],
            "claims": [asdict(claim) for claim in self.claims],
        }

    def table(self) -> list[list[str]]:
        """Head and rows as text."""
        head = ["method", "samples/s", "effective/s", "±", "cold s", "compile s", "peak MiB", "TV", "of exact draws"]
        rows = [head]
        for row in sorted(self.run, key=lambda row: -row.effective_rate):
            q = row.quality
            timed = row.standing == "measured"
            rows.append(
                [
                    row.method,
                    f"{row.rate:.3g}",
                    f"{row.effective_rate:.3g}",
                    f"{row.spread:.0%}" if timed else row.standing,
                    f"{row.prepare_seconds + row.first_seconds:.3g}" if timed else "",
                    f"{row.compile_seconds:.3g}" if timed else "",
                    "" if row.peak_mib is None else f"{row.peak_mib:.0f}",
                    "" if q is None or q.tv is None else f"{q.tv:.4f}",
                    ""
                    if q is None or q.tv_least is None
                    else f"{q.tv_least:.4f} to {q.tv_most:.4f} ± {q.tv_error:.4f}",
                ]
            )
        return rows

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [f"{self.name}: {self.said}"]
        lines += [
            "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths))) for row in rows
        ]
        lines += [f"{row.method}: left out, {row.left_out}" for row in self.rows if row.left_out]
        lines += [
            f"{row.method}: the chains have not met, R-hat {row.quality.r_hat:.3g}; warm up for longer, or the "
            "energy has no distribution"
            for row in self.run
            if row.quality is not None and row.quality.r_hat > UNMIXED
        ]
        lines += [f"claim: {claim.claim}. Found: {claim.found}" for claim in self.claims]
        return "\n".join(lines)


def spread_of(seconds: list[float]) -> float:
    """Half the interquartile range over the median."""
    low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return float((high - low) / (2 * middle))
