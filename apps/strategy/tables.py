"""Tables of an evaluation in Markdown, which reads well on a console too."""

from typing import Any


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown with columns of one width; the first is left-aligned, the rest right-aligned."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = [
        [cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths))] for row in rows
    ]
    first = [cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(head, widths))]
    rule = ["-" * w if k == 0 else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [first, rule, *lines])


def score_table(result: dict[str, Any]) -> str:
    """A line a method: value and 95% interval of each score; ECE before and after calibration."""
    head = ["method", "accuracy", "log-loss", "ECE before", "ECE after", "profit a year", "Sharpe", "turnover a year"]
    rows = []
    for name, scores in result["methods"].items():
        rows.append(
            [
                name,
                _interval(scores["accuracy"], 3),
                _interval(scores["log_loss"], 3),
                f"{scores['ece_before']:.3f}",
                _interval(scores["ece"], 3),
                _interval(scores["profit"], 1, 100, "%"),
                _interval(scores["sharpe"], 2),
                f"{scores['turnover']['value']:.1f}",
            ]
        )
    return table(head, rows)


def difference_table(result: dict[str, Any]) -> str:
    """The model less each other method: 95% intervals, and in the last column whether the difference in accuracy or
    log-loss survives the number of variants tried."""
    rows = []
    for name, scores in result["model_less"].items():
        sure = [key for key in ("accuracy", "log_loss") if scores[key]["low_all"] > 0 or scores[key]["high_all"] < 0]
        said = ", ".join(
            f"{key.replace('_', '-')} {'better' if (scores[key]['value'] > 0) == (key == 'accuracy') else 'worse'}"
            for key in sure
        )
        rows.append(
            [
                name,
                _interval(scores["accuracy"], 3, sign="+"),
                _interval(scores["log_loss"], 3, sign="+"),
                _interval(scores["profit"], 1, 100, "%", "+"),
                said or "nothing",
            ]
        )
    return table(["model less", "accuracy", "log-loss", "profit a year", "sure at 5% over all variants"], rows)


def period_table(result: dict[str, Any], methods: tuple[str, ...] = ()) -> str:
    """Accuracy and log-loss by crisis period."""
    shown = methods or tuple(result["methods"])
    rows = []
    for period in result["periods"]:
        cells = [
            f"{period['methods'][name]['accuracy']:.2f} / {period['methods'][name]['log_loss']:.2f}" for name in shown
        ]
        rows.append([period["period"], str(period["days"]), *cells])
    return table(["accuracy / log-loss", "days", *shown], rows)


def _interval(score: dict[str, float], places: int, scale: float = 1, unit: str = "", sign: str = "") -> str:
    value, low, high = (scale * score[key] for key in ("value", "low", "high"))
    return f"{value:{sign}.{places}f}{unit} ({low:.{places}f} to {high:.{places}f})"
