"""Accept: whether a compiled program is near enough to the distribution that was asked for.

A tolerance binds on the end-to-end distance, however it is known. Without one, a program is refused whose table cannot
hold the balance between its wells: its samples would be of another distribution whatever the width of its weights.
"""

import warnings

from thermofab.hw.spec.errors import DistributionWarning, RefusedError
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.report import Distance

# Total variation that the table may cost unasked, where it is known and where it is predicted, and that end to end is
# worth a warning.
LOST = 0.05
LOST_PREDICTED = 0.15
FAR = 0.05


def accepted(program: Program, tolerance: float | None) -> Program:
    """The program itself.

    Warns:
        DistributionWarning: the end-to-end distance is above 0.05 and no tolerance was given.

    Raises:
        RefusedError: the end-to-end distance is above ``tolerance`` or not known; without a tolerance, the table loses
            the balance between wells.
    """
    report = program.report
    distance = report.end_to_end
    if tolerance == 1.0:
        return program  # no two distributions are farther apart
    if tolerance is not None:
        if distance.tv is None:
            raise RefusedError(
                f"the end-to-end distance is unknown ({distance.how}), so tolerance={tolerance:g} cannot be promised; "
                "check=True measures it."
            )
        if distance.tv > tolerance:
            raise RefusedError(
                f"the samples would be at a total variation of {_figure(distance)} from the program's distribution, "
                f"more than tolerance={tolerance:g}: {_parts(program)}. {_remedy(program)}"
            )
        return program
    table = report.table
    if _table_refused(program):
        raise RefusedError(
            f"the activation table of this fabric ({program.fabric.threshold_bits}-bit thresholds) cannot hold the "
            f"balance between the wells of this program: it would cost a total variation of {_figure(table)}. "
            f"{_remedy(program)} Or pass tolerance= to accept it."
        )
    said = warning_of(program)
    if said:
        warnings.warn(said, DistributionWarning, stacklevel=4)  # accepted, _compiled, compile, the caller
    return program


def warning_of(program: Program) -> str:
    """What a user should know who named no tolerance; empty where there is nothing to say."""
    report = program.report
    distance = report.end_to_end
    if distance.tv is None and report.table.tv is None and report.checked is None:
        return f"how far the samples are from the program's distribution is unknown: {distance.how}. {_remedy(program)}"
    if distance.tv is not None and distance.tv > FAR:
        return (
            f"the samples are at a total variation of {_figure(distance)} from the program's distribution: "
            f"{_parts(program)}. {_remedy(program)} Pass tolerance= to say how much is acceptable."
        )
    return ""


def _table_refused(program: Program) -> bool:
    report = program.report
    if report.checked is not None and report.end_to_end.standing == "measured":
        return not report.checked.passed and (report.end_to_end.tv or 0.0) > LOST
    if report.table.standing == "predicted":
        return report.quantisation.balance > LOST_PREDICTED
    return report.table.tv is not None and report.table.tv > LOST


def _figure(distance: Distance) -> str:
    return f"{distance.tv:.3g} ({distance.standing})"


def _parts(program: Program) -> str:
    report = program.report
    parts = {"compile": report.compiling, "rounding": report.rounding, "table": report.table}
    return ", ".join(f"{name} {'unknown' if part.tv is None else f'{part.tv:.2g}'}" for name, part in parts.items())


def _remedy(program: Program) -> str:
    """What would help most."""
    report = program.report
    known = {"compile": report.compiling.tv, "rounding": report.rounding.tv, "table": report.table.tv}
    largest = max(known, key=lambda name: known[name] or 0.0)
    if _table_refused(program) or report.table.tv is None or largest == "table":
        measures = report.table.standing in ("predicted", "unknown") and report.checked is None
        checked = " check=True measures the distance instead of predicting it." if measures else ""
        if program.fabric.threshold_bits < 24:
            return f"Take the fabric with profile='fine' (24-bit thresholds), or weaker couplings.{checked}"
        relays = (
            ", or on one with architecture='relay'" if report.longest_copy > 1 and program.image.order is None else ""
        )
        return f"Weaken the strongest couplings, or put the program on a fabric of its own graph{relays}.{checked}"
    if largest == "compile":
        return (
            "Take a fabric that holds the program's graph directly, one whose copies are relays "
            "(architecture='relay'), or stronger copies."
        )
    return f"Take more than weight_bits={program.fabric.weight_bits}, or refit=True."
