"""Importance: how much each choice of a candidate says about each objective, by functional ANOVA over a forest."""

from collections.abc import Mapping
from dataclasses import fields

from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.storage import missing
from thermofab.apps.explore.study import StudyResult

_FEWEST = 8


def importance(result: StudyResult, seed: int = 0) -> Mapping[str, Mapping[str, float]]:
    """By objective and by field of candidates, shares that sum to 1; fields that do not differ are left out. Empty
    where fewer than 8 points are feasible.

    Raises:
        ToolMissingError: Optuna or scikit-learn is missing.
    """
    try:
        import optuna
        import sklearn as _  # noqa: F401  # what Optuna's forest is made of
    except ImportError as error:
        raise missing(str(error.name)) from error
    candidates = {record.candidate.digest: record.candidate for record in result.records}
    points = [point for point in result.points if point.costs is not None]
    if len(points) < _FEWEST:
        return {}
    rows = [_row(candidates[point.digest]) for point in points]
    values = {name: sorted({row[name] for row in rows}) for name in rows[0]}
    differing: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution(given) for name, given in values.items() if len(given) > 1
    }
    if not differing:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = {}
    for k, objective in enumerate(result.study.objectives):
        study = optuna.create_study(direction="minimize")
        for point, row in zip(points, rows):
            assert point.costs is not None
            params = {name: row[name] for name in differing}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=differing, value=point.costs[k]))
        if len({point.costs[k] for point in points if point.costs}) < 2:
            continue
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
        found[objective.name] = {name: float(share) for name, share in shares.items()}
    return found


def _row(candidate: Candidate) -> dict[str, str]:
    """Fields as text; rows and columns as one, the size."""
    row = {one.name: str(getattr(candidate, one.name)) for one in fields(Candidate)}
    rows, columns = row.pop("rows"), row.pop("columns")
    return {**row, "size": f"{rows}x{columns}"}
