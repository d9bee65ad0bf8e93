"""Best-first reasoning over a TRLinkos: branches, back-tracking to good states, greedy or at a temperature.

Every row keeps all states it has seen, with their scores. A round draws one to expand, greedily (the best not expanded)
or with P ∝ exp(score/T) among those not expanded - drawn by p-bits where a :class:`DeviceChoice`-like chooser is given
- and expands it into ``branches`` children: child 0 by the router's mixture, child b by the expert of rank b alone,
each ``inner`` steps deep, the first of them with the branch's weights. Going on from a state other than the newest is
back-tracking. The answer is the best state's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trlinkos.dag import Dag
from thermofab.models.trlinkos.model import State, TRLinkos

Chooser = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class SearchConfig:
    """How to search: rounds of expansion, branches a round, inner steps a branch, and ``temperature`` of the choice of
    the state to expand (0: greedy)."""

    rounds: int = 4
    branches: int = 2
    inner: int = 1
    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.branches < 1 or self.inner < 1 or self.temperature < 0:
            raise SpecError("a search needs at least 1 round, branch and inner step, and a temperature of at least 0.")


class Found(NamedTuple):
    """Outputs ``[B, output_dim]`` of the best states, their scores ``[B]``, how often a row went back to a state that
    was not of the newest round ``[B]``, and, if asked for, the trace of every row."""

    outputs: Tensor
    scores: Tensor
    back_tracks: np.ndarray
    traces: tuple[Dag, ...]


@torch.no_grad()
def search(
    model: TRLinkos,
    features: Tensor,
    config: SearchConfig | None = None,
    *,
    choose: Chooser | None = None,
    trace: bool = False,
) -> Found:
    """Search from features ``[B, input_dim]``.

    Args:
        model: any TRLinkos; its mode is left as it is, and the router's masses too.
        features: rows.
        config: how.
        choose: draws an option a row from weights ``[B, K]`` and a seed, such as
            ``lambda w, s: DeviceChoice(fields).draw(w, seed=s).options``; by default NumPy's generator.
        trace: return the graphs.
    """
    config = config or SearchConfig()
    if config.branches > model.config.experts + 1:
        raise SpecError(
            f"{config.branches} branches need {config.branches - 1} experts, there are {model.config.experts}."
        )
    choose = choose or _numpy_choice
    was, rows = model.training, np.arange(len(features))
    model.eval()
    x = model.embed(features)
    weights = model.router(x)
    ranked = weights.argsort(dim=1, descending=True)
    root = model.start(len(features))
    states, scores = [root], [model.score(root).numpy()]
    parents, labels, inner_states = [np.full(len(rows), -1)], ["start"], [[]]
    closed = np.zeros((len(rows), 1), dtype=bool)
    newest, back_tracks = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    for number in range(config.rounds):
        all_scores = np.where(closed, -np.inf, np.stack(scores, axis=1))
        if config.temperature:
            top = all_scores.max(axis=1, keepdims=True)
            picked = choose(np.exp((all_scores - top) / config.temperature), config.seed * 4096 + number)
        else:
            picked = all_scores.argmax(axis=1)
        closed[rows, picked] = True
        back_tracks += picked < newest
        newest[:] = len(states)
        at = State(*(torch.stack(parts, dim=1)[rows, picked] for parts in zip(*states)))
        for branch in range(config.branches):
            first = (
                weights if branch == 0 else torch.zeros_like(weights).scatter(1, ranked[:, branch - 1 : branch], 1.0)
            )
            state, inside = at, []
            for step in range(config.inner):
                state = model.reason(x, state, first if step == 0 else weights)
                inside.append((state, model.score(state).numpy()))
            states.append(state)
            scores.append(inside[-1][1])
            parents.append(picked)
            labels.append(f"round {number} branch {branch}")
            inner_states.append(inside)
        closed = np.concatenate([closed, np.zeros((len(rows), config.branches), dtype=bool)], axis=1)
    model.train(was)
    table = np.stack(scores, axis=1)
    best = table[:, 1:].argmax(axis=1) + 1
    y = torch.stack([state.y for state in states], dim=1)[rows, best]
    traces = tuple(_graph(row, states, scores, parents, labels, inner_states) for row in rows) if trace else ()
    return Found(model.output(y), torch.as_tensor(table[rows, best]), back_tracks, traces)


def _graph(row, states, scores, parents, labels, inner_states) -> Dag:
    graph, names = Dag(), []
    for state, score, parent, label, inside in zip(states, scores, parents, labels, inner_states):
        nested = Dag()
        above: tuple[str, ...] = ()
        for inner, inner_score in inside:
            above = (nested.add(_bytes(inner, row), float(inner_score[row]), above, label).name,)
        up = () if parent[row] < 0 else (names[parent[row]],)
        node = graph.add(_bytes(state, row), float(score[row]), up, label, (nested,) if inside else ())
        names.append(node.name)
    return graph


def _bytes(state: State, row: int) -> np.ndarray:
    return torch.cat([state.y[row], state.z[row]]).numpy()


def _numpy_choice(weights: np.ndarray, seed: int) -> np.ndarray:
    p = weights / weights.sum(axis=1, keepdims=True)
    draw = np.random.default_rng(seed).random((len(p), 1))
    return np.minimum((p.cumsum(axis=1) < draw).sum(axis=1), p.shape[1] - 1)
