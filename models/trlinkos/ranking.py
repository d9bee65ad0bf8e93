"""Ranking: states of a search scored by what held-out rows say their loss is.

With y, z a state and o = W y its output, minus the loss is regressed (ridge) on [y, z, o, o², ln Σ exp o, max o], over
all states that a search of held-out rows visits. A state is taken instead of the plain pass's only if its score is
higher by a margin; the margin is the one of least loss on a second part of those rows, and infinite unless that beats
the plain pass by two standard errors there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trlinkos.model import State, TRLinkos
from thermofab.models.trlinkos.search import SearchConfig, better_than_plain, explore

Losses = Callable[[Tensor, Tensor], Tensor]
_FEWEST = 40
_MARGINS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


@dataclass(frozen=True, eq=False)
class Ranking:
    """``weight`` float32 ``[features]``, ``offset``, and the ``margin`` by which a state must beat the plain one."""

    weight: Tensor
    offset: float
    margin: float

    def score(self, model: TRLinkos, state: State) -> Tensor:
        """Minus the loss expected of states, ``[B]``."""
        return _described(model, state) @ self.weight + self.offset

    @staticmethod
    @torch.no_grad()
    def fit(
        model: TRLinkos,
        features: Tensor,
        losses: Losses,
        config: SearchConfig | None = None,
        *,
        ridge: float = 10.0,
    ) -> "Ranking":
        """A ranking from rows that the model was not trained on.

        Args:
            model: trained.
            features: held-out rows ``[B, input_dim]``, in no order: two thirds fit, the others set the margin.
            losses: ``losses(outputs [N, output_dim], rows int64 [N])``, of outputs for these rows of ``features``:
                ``[N]``.
            config: of the searches it is for.
            ridge: strength of the penalty, in rows.

        Raises:
            SpecError: fewer than 40 rows.
        """
        if len(features) < _FEWEST:
            raise SpecError(f"a ranking needs at least {_FEWEST} held-out rows, got {len(features)}.")
        first = torch.arange(len(features)) < 2 * len(features) // 3
        fitted, chosen_on = first.nonzero().squeeze(1), (~first).nonzero().squeeze(1)
        tree = explore(model, features[fitted], config)
        x = torch.cat([_described(model, state) for state in tree.states[1:]]).double()
        y = -torch.cat([losses(model.output(state.y), fitted) for state in tree.states[1:]]).double()
        centre, spread = x.mean(dim=0), x.std(dim=0) + 1e-6
        scaled = (x - centre) / spread
        penalty = ridge * len(tree.states) * torch.eye(x.shape[1], dtype=torch.float64)
        weight = torch.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ (y - y.mean())) / spread
        ranking = Ranking(weight.float(), float(y.mean() - centre @ weight), math.inf)
        tree = explore(model, features[chosen_on], config, ranking=ranking)
        scores = np.stack(tree.scores, axis=1)
        every = torch.stack([losses(model.output(state.y), chosen_on) for state in tree.states], dim=1).numpy()
        rows, plain = np.arange(len(every)), model.config.steps
        margin, most = math.inf, 0.0
        for tried in _MARGINS:
            gain = every[:, plain] - every[rows, better_than_plain(scores, plain, tried)]
            lead = gain.mean() - 2 * gain.std() / math.sqrt(len(gain))
            if lead > most:
                margin, most = tried, lead
        return Ranking(ranking.weight, ranking.offset, margin)


def _described(model: TRLinkos, state: State) -> Tensor:
    output = model.output(state.y)
    tops = torch.stack([output.logsumexp(dim=-1), output.amax(dim=-1)], dim=-1)
    return torch.cat([state.y, state.z, output, output.square(), tops], dim=-1)
