"""What the model is compared with: the commonest class, chance, logistic regression, boosted trees, an MLP of its size.

Each takes a fold's training days and gives raw probabilities for the validation and the test days. Where there is a
setting to choose, all are tried and the one with the least validation log-loss is taken; ``VARIANTS`` counts them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from thermofab.apps.strategy.calibration import log_losses
from thermofab.apps.strategy.checkpoint import encoded, fit_normaliser
from thermofab.apps.strategy.config import TRMConfig
from thermofab.apps.strategy.dataset import Dataset, Fold
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.training import training_rows
from thermofab.models.seeds import batch_rows, derived

K = len(STRATEGIES)
STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # C of the logistic regression
ROUNDS = (10, 30, 100)  # of boosting
VARIANTS = {"majority": 1, "random": 1, "logistic": len(STRENGTHS), "boosting": len(ROUNDS), "mlp": 1}
MLP_WIDTH = 1393  # 1,982,247 parameters with features and mask, beside the model's 1,981,449


class Answers(NamedTuple):
    """Raw probabilities of the validation and the test days, ``[·, 8]``."""

    validation: np.ndarray
    test: np.ndarray


def majority(data: Dataset, fold: Fold, config: TRMConfig) -> Answers:
    """The shares of the training days, one added to each count."""
    count = np.bincount(data.classes(config.training.labels)[fold.train], minlength=K) + 1
    share = count / count.sum()
    return Answers(np.tile(share, (len(fold.validation), 1)), np.tile(share, (len(fold.test), 1)))


def random(data: Dataset, fold: Fold, config: TRMConfig) -> Answers:
    """1/8 each; choices are drawn, see :func:`drawn`."""
    return Answers(np.full((len(fold.validation), K), 1 / K), np.full((len(fold.test), K), 1 / K))


def drawn(days: int, seed: int) -> np.ndarray:
    """Choices of ``random``, int64 ``[days]``."""
    return np.random.default_rng([seed, 9]).integers(0, K, days)


def logistic(data: Dataset, fold: Fold, config: TRMConfig) -> Answers:
    """Multinomial logistic regression on the normalised features."""
    from sklearn.linear_model import LogisticRegression

    return _best_of(data, fold, config, [lambda c=c: LogisticRegression(C=c, max_iter=1000) for c in STRENGTHS])


def boosting(data: Dataset, fold: Fold, config: TRMConfig) -> Answers:
    """Histogram gradient boosting, trees of at most 8 leaves, rate 0.05."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _best_of(
        data,
        fold,
        config,
        [
            lambda n=n: HistGradientBoostingClassifier(max_iter=n, learning_rate=0.05, max_leaf_nodes=8, random_state=0)
            for n in ROUNDS
        ],
    )


def mlp(data: Dataset, fold: Fold, config: TRMConfig) -> Answers:
    """Two hidden layers, as many parameters as the recursive model; the same labels, batches, rate and stopping."""
    training = config.training
    own = data.take(fold.train)
    normaliser = fit_normaliser(own.features, config.features.limit)
    rows = training_rows(own, config, normaliser)
    width = rows.inputs.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived(training.seed, 3) >> 1)
        net = torch.nn.Sequential(
            torch.nn.Linear(width, MLP_WIDTH), torch.nn.GELU(), torch.nn.Linear(MLP_WIDTH, MLP_WIDTH), torch.nn.GELU(),
            torch.nn.Linear(MLP_WIDTH, K),
        )  # fmt: skip
    optimiser = torch.optim.AdamW(net.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay)
    held, test = (_inputs(data, part, normaliser, width) for part in (fold.validation, fold.test))
    truth = data.classes(training.labels)[fold.validation]
    least, bad, best = np.inf, 0, _probabilities(net, held, test)
    for batch in range(training.max_batches):
        chosen = torch.as_tensor(batch_rows(len(rows.inputs), training.batch_size, batch, training.seed))
        optimiser.zero_grad()
        F.cross_entropy(net(rows.inputs[chosen]), rows.labels[chosen]).backward()
        optimiser.step()
        if (batch + 1) % training.check_every == 0:
            made = _probabilities(net, held, test)
            loss = float(log_losses(made.validation, truth).mean())
            least, bad, best = (loss, 0, made) if loss < least else (least, bad + 1, best)
            if bad >= training.patience:
                break
    return best


BASELINES: dict[str, Callable[[Dataset, Fold, TRMConfig], Answers]] = {
    "majority": majority,
    "random": random,
    "logistic": logistic,
    "boosting": boosting,
    "mlp": mlp,
}


def _best_of(data: Dataset, fold: Fold, config: TRMConfig, makers: list[Callable[[], Any]]) -> Answers:
    """The answers of the classifier with the least validation log-loss."""
    classes = data.classes(config.training.labels)
    normaliser = fit_normaliser(data.features[fold.train], config.features.limit)
    x, held, test = (_inputs(data, part, normaliser, 10).numpy() for part in (fold.train, fold.validation, fold.test))
    found = []
    for make in makers:
        model = make().fit(x, classes[fold.train])
        answers = Answers(_all_classes(model, held), _all_classes(model, test))
        found.append((float(log_losses(answers.validation, classes[fold.validation]).mean()), answers))
    return min(found, key=lambda pair: pair[0])[1]


def _all_classes(model: Any, x: np.ndarray) -> np.ndarray:
    """Probabilities of all eight; a class that was not in the training days has 0."""
    made = np.zeros((len(x), K))
    if len(x):
        made[:, model.classes_] = model.predict_proba(x)
    return made


def _inputs(data: Dataset, rows: np.ndarray, normaliser: Any, width: int) -> torch.Tensor:
    return encoded(data.features[rows], normaliser, width > 10)[0]


@torch.no_grad()
def _probabilities(net: torch.nn.Module, *parts: torch.Tensor) -> Answers:
    return Answers(*(torch.softmax(net(part).double(), dim=1).numpy() for part in parts))
