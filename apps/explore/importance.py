"""Importance: how much each choice of a candidate says about each objective, by functional ANOVA over a forest."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.objectives import Objective
from thermofab.apps.explore.record import Record
from thermofab.apps.explore.storage import missing
from thermofab.apps.explore.study import StudyResult

_FEWEST = 8
_TREES = 16


def importance(result: StudyResult, seed: int = 0) -> Mapping[str, Mapping[str, float]]:
    """By objective and by field of candidates, shares that sum to 1; fields that do not differ are left out, and
    objectives of which fewer than 8 records know the value.

    Every record counts, also of a fabric that cannot run all workloads: what is explained is how far its value is from
    the average of its workload's, in decades.

    Raises:
        ToolMissingError: Optuna or scikit-learn is missing.
    """
    try:
        import optuna
        import sklearn as _  # noqa: F401  # what Optuna's forest is made of
    except ImportError as error:
        raise missing(str(error.name)) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = {}
    for objective in result.study.objectives:
        rows, costs = _centred(result.records, objective)
        values = {name: sorted({row[name] for row in rows}) for name in (rows[0] if rows else {})}
        differing: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.CategoricalDistribution(given)
            for name, given in values.items()
            if len(given) > 1
        }
        if len(rows) < _FEWEST or not differing or np.ptp(costs) == 0:
            continue
        study = optuna.create_study(direction="minimize")
        for row, cost in zip(rows, costs):
            params = {name: row[name] for name in differing}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=differing, value=cost))
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, seed=seed)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
        found[objective.name] = {name: float(share) for name, share in shares.items()}
    return found


def _centred(records: tuple[Record, ...], objective: Objective) -> tuple[list[dict[str, str]], list[float]]:
    """Choices and costs of the records that know an objective, less the mean cost of their workload."""
    known: dict[str, list[tuple[dict[str, str], float]]] = {}
    for record in records:
        value = record.value(objective.measure)
        if record.feasible and value is not None:
            known.setdefault(record.workload, []).append((_row(record.candidate), objective.cost(value)))
    rows, costs = [], []
    for entries in known.values():
        middle = float(np.mean([cost for _, cost in entries]))
        rows += [row for row, _ in entries]
        costs += [cost - middle for _, cost in entries]
    return rows, costs


def _row(candidate: Candidate) -> dict[str, str]:
    """Fields as text; rows and columns as one, the size."""
    row = {one.name: str(getattr(candidate, one.name)) for one in fields(Candidate)}
    rows, columns = row.pop("rows"), row.pop("columns")
    return {**row, "size": f"{rows}x{columns}"}
