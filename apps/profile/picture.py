"""A comparison as a picture: effective samples per second, and the time before the first sample."""

from pathlib import Path

from thermofab.apps.profile.comparison import Comparison


def draw(comparison: Comparison, out: Path) -> Path:
    """Bars of every method that ran; modelled ones are hatched. Writes what the suffix of ``out`` says."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = sorted((row for row in comparison.run if row.effective_rate > 0), key=lambda row: row.effective_rate)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 1.2 + 0.35 * len(rows)), sharey=True)
    names = [row.method for row in rows]
    for axes, values, label in (
        (left, [row.effective_rate for row in rows], "effective samples per second, warm"),
        (right, [row.prepare_seconds + row.first_seconds for row in rows], "seconds to the first samples, cold"),
    ):
        hatch = ["//" if row.standing == "modelled" else "" for row in rows]
        axes.barh(names, values, hatch=hatch, color="#4878a8", edgecolor="white")
        axes.set_xscale("log")
        axes.set_xlabel(label)
        axes.grid(axis="x", alpha=0.3)
    title = comparison.said if len(comparison.said) < 100 else comparison.name
    figure.suptitle(f"{title}\n{comparison.setting['chains']} chains; hatched: modelled, not measured", fontsize=10)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)
    plt.close(figure)
    return out
