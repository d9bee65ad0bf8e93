"""Pictures: cost–quality curves, and the trace of one decision."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from thermofab.apps.console import made
from thermofab.apps.routing.decision import RoutingDecision
from thermofab.apps.routing.evaluation import Curve


def draw_curves(curves: Mapping[str, Curve], path: Path) -> Path:
    """Mean quality against cost, a line per router."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, one in curves.items():
        axes.plot(one.cost, one.quality, label=f"{name}, APGR {one.apgr:.3f}")
    axes.set(
        title="Quality against cost on held-out prompts",
        xlabel="mean cost: 0 all to the cheapest model, 1 all to the dearest",
        ylabel="mean quality (share of right answers)",
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _written(figure, path)


def draw_trace(decision: RoutingDecision, names: tuple[str, ...], path: Path) -> Path:
    """Quality of every model and halting probability, step by step."""
    trace = decision.metadata["trace"]
    numbers = [step["step"] for step in trace]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    for name, values in zip(names, np.array([step["quality"] for step in trace]).T):
        above.plot(numbers, values, marker="o", label=name)
    above.set(ylabel="predicted quality", title=f"{decision.id} after {len(trace)} steps")
    above.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    below.plot(numbers, [step["halt_probability"] for step in trace], marker="o", label="halting probability")
    below.plot(numbers, [step["change"] for step in trace], marker="s", label="change of the state")
    below.set(xlabel="step", ylabel="probability, change")
    below.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    for axes in (above, below):
        axes.grid(alpha=0.3)
    return _written(figure, path)


def _written(figure, path: Path) -> Path:
    made(path.parent)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
