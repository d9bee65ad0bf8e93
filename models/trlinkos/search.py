"""Best-first reasoning over a TRLinkos: branches, back-tracking to good states, greedy or at a temperature.

Every row keeps all states it has seen, with their scores: first those of the plain forward pass. A round draws one to
expand, greedily (the best not expanded) or with P ∝ exp(score/T) among those not expanded - drawn by p-bits where a
:class:`DeviceChoice`-like chooser is given - and expands it into ``branches`` children: child 0 by the router's
mixture, child b by the expert of rank b alone, each ``inner`` steps deep, the first of them with the branch's weights.
Going on from a state other than the newest is back-tracking.

Training shows the value head the states of the plain pass on training rows only; it overrates the others, and taking
the best-scored state loses accuracy (``benchmarks/models/trlinkos_search.py``). So the answer is the plain pass's,
except where a :class:`~thermofab.models.trlinkos.Ranking` fitted to held-out rows puts another state above it by a
margin that paid on rows held out again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trlinkos.dag import Dag
from thermofab.models.trlinkos.model import State, TRLinkos

Chooser = Callable[[np.ndarray, int], np.ndarray]


class Ranks(Protocol):
    """Scores states, and says by how much a state must beat the plain answer."""

    @property
    def margin(self) -> float: ...

    def score(self, model: TRLinkos, state: State) -> Tensor: ...


@dataclass(frozen=True)
class SearchConfig:
    """How to search: rounds of expansion after the plain pass, branches a round, inner steps a branch, and
    ``temperature`` of the choice of the state to expand (0: greedy)."""

    rounds: int = 4
    branches: int = 2
    inner: int = 1
    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.branches < 1 or self.inner < 1 or self.temperature < 0:
            raise SpecError("a search needs at least 1 round, branch and inner step, and a temperature of at least 0.")


class Found(NamedTuple):
    """Outputs ``[B, output_dim]`` of the states chosen, their scores ``[B]``, how often a row went back to a state that
    was not of the newest round ``[B]``, if asked for the trace of every row, and the number of the state chosen
    ``[B]``, in the order of the trace's nodes."""

    outputs: Tensor
    scores: Tensor
    back_tracks: np.ndarray
    traces: tuple[Dag, ...]
    chosen: np.ndarray


@dataclass
class Explored:
    """All states of a batch in the order they were made: states, scores ``[B]``, number of the parent ``[B]`` (-1 at
    the root), labels, and inner steps with their scores; and how often rows went back ``[B]``."""

    states: list[State] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    parents: list[np.ndarray] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    inner: list[list[tuple[State, np.ndarray]]] = field(default_factory=list)
    back_tracks: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, state: State, score: np.ndarray, parent: np.ndarray, label: str, inner: list) -> None:
        self.states.append(state)
        self.scores.append(score)
        self.parents.append(parent)
        self.labels.append(label)
        self.inner.append(inner)

    def at(self, number: np.ndarray) -> State:
        """Every row's state of that number."""
        rows = np.arange(len(number))
        return State(*(torch.stack(parts, dim=1)[rows, number] for parts in zip(*self.states)))

    def graph(self, row: int) -> Dag:
        """The trace of a row."""
        graph, names = Dag(), list[str]()
        for state, score, parent, label, inside in zip(self.states, self.scores, self.parents, self.labels, self.inner):
            nested = Dag()
            above: tuple[str, ...] = ()
            for inner, inner_score in inside:
                above = (nested.add(_values(inner, row), float(inner_score[row]), above, label).name,)
            up = () if parent[row] < 0 else (names[parent[row]],)
            node = graph.add(_values(state, row), float(score[row]), up, label, (nested,) if inside else ())
            names.append(node.name)
        return graph


@torch.no_grad()
def search(
    model: TRLinkos,
    features: Tensor,
    config: SearchConfig | None = None,
    *,
    ranking: Ranks | None = None,
    choose: Chooser | None = None,
    trace: bool = False,
) -> Found:
    """Search from features ``[B, input_dim]``.

    Args:
        model: any TRLinkos; its mode is left as it is, and the router's masses too.
        features: rows.
        config: how.
        ranking: of states, fitted to held-out rows; without one the value head says what to expand, and the answer is
            the plain pass's.
        choose: draws one option per row from weights ``[B, K]`` and a seed, such as
            ``lambda w, s: DeviceChoice(fields).draw(w, seed=s).options``; by default NumPy's generator.
        trace: return the graphs.
    """
    tree = explore(model, features, config, ranking=ranking, choose=choose)
    plain = model.config.steps
    chosen = np.full(len(features), plain)
    if ranking is not None:
        chosen = better_than_plain(np.stack(tree.scores, axis=1), plain, ranking.margin)
    scores = np.stack(tree.scores, axis=1)[np.arange(len(features)), chosen]
    traces = tuple(tree.graph(row) for row in range(len(features))) if trace else ()
    outputs = model.output(tree.at(chosen).y)
    return Found(outputs, torch.as_tensor(scores), tree.back_tracks, traces, chosen)


def better_than_plain(scores: np.ndarray, plain: int, margin: float) -> np.ndarray:
    """int64 ``[B]``: of scores ``[B, states]`` the best after the start, where it beats state ``plain`` by more than
    ``margin``; else ``plain``."""
    best = scores[:, 1:].argmax(axis=1) + 1
    gain = scores[np.arange(len(scores)), best] - scores[:, plain]
    return np.where(gain > margin, best, plain)


@torch.no_grad()
def explore(
    model: TRLinkos,
    features: Tensor,
    config: SearchConfig | None = None,
    *,
    ranking: Ranks | None = None,
    choose: Chooser | None = None,
) -> Explored:
    """All states that :func:`search` sees: the start, the plain pass, and ``rounds · branches`` more."""
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

    def score(state: State) -> np.ndarray:
        return (model.score(state) if ranking is None else ranking.score(model, state)).numpy()

    tree, state = Explored(), model.start(len(features))
    tree.add(state, score(state), np.full(len(rows), -1), "start", [])
    for step in range(model.config.steps):
        state = model.reason(x, state, weights)
        tree.add(state, score(state), np.full(len(rows), step), f"step {step + 1}", [])
    closed = np.zeros((len(rows), len(tree.states)), dtype=bool)
    newest, tree.back_tracks = np.full(len(rows), model.config.steps), np.zeros(len(rows), dtype=np.int64)
    for number in range(config.rounds):
        all_scores = np.where(closed, -np.inf, np.stack(tree.scores, axis=1))
        if config.temperature:
            top = all_scores.max(axis=1, keepdims=True)
            picked = choose(np.exp((all_scores - top) / config.temperature), config.seed * 4096 + number)
        else:
            picked = all_scores.argmax(axis=1)
        closed[rows, picked] = True
        tree.back_tracks += picked < newest
        newest[:] = len(tree.states)
        at = tree.at(picked)
        for branch in range(config.branches):
            alone = torch.zeros_like(weights).scatter(1, ranked[:, max(branch - 1, 0), None], 1.0)
            first, state, inside = weights if branch == 0 else alone, at, []
            for step in range(config.inner):
                state = model.reason(x, state, first if step == 0 else weights)
                inside.append((state, score(state)))
            tree.add(state, inside[-1][1], picked, f"round {number} branch {branch}", inside)
        closed = np.concatenate([closed, np.zeros((len(rows), config.branches), dtype=bool)], axis=1)
    model.train(was)
    return tree


def _values(state: State, row: int) -> np.ndarray:
    return torch.cat([state.y[row], state.z[row]]).numpy()


def _numpy_choice(weights: np.ndarray, seed: int) -> np.ndarray:
    p = weights / weights.sum(axis=1, keepdims=True)
    draw = np.random.default_rng(seed).random((len(p), 1))
    return np.minimum((p.cumsum(axis=1) < draw).sum(axis=1), p.shape[1] - 1)
