"""Applications of the variation study whose programs are learnt: the router's sets, the digits' machine, the trader's
day. What each learns from comes with it: a catalogue, scikit-learn's digits, a series of returns made from a seed."""

from functools import cache
from itertools import combinations

import numpy as np

from thermofab.apps.profile.building import built
from thermofab.apps.profile.variation import Application
from thermofab.compiler import exact
from thermofab.hw.spec import Samples, Schedule, to_spins
from thermofab.models.boltzmann.enumeration import all_states
from thermofab.models.boltzmann.machine import BoltzmannMachine, from_binary_rbm

EXPERTS = 2  # of a set


def router() -> Application:
    """The expert router: sets of two of the catalogue's models, drawn by their quality."""
    from thermofab.apps.explore.workloads import workload

    model = workload("expert-router").model
    n = len(model.nodes)
    sets = [sum(1 << i for i in pair) for pair in combinations(range(n), EXPERTS)]
    truth = exact(model).probabilities.reshape((2,) * n).transpose(range(n)[::-1]).reshape(-1)[sets]
    truth = truth / truth.sum()

    def loss(samples: Samples) -> float:
        drawn = np.bincount((samples.node_states.reshape(-1, n) @ (1 << np.arange(n))).astype(int), minlength=2**n)[
            sets
        ]
        # Sets of another size are passed over, as the router does; with none left nothing of the truth is.
        return 0.5 * float(np.abs(drawn / drawn.sum() - truth).sum()) if drawn.sum() else 1.0

    return Application(
        "expert router",
        f"sets of {EXPERTS} of the {n} models of the router's catalogue, temperature 0.2: TV of those drawn from exact",
        built(model), loss, 0.02, "TV", Schedule(50, 500, 4),
    )  # fmt: skip


@cache
def digits_machine(hidden: int = 16, epochs: int = 40) -> BoltzmannMachine:
    """A restricted machine of the 8×8 digits, 64 pixels: persistent contrastive divergence from a fixed seed."""
    from sklearn.neural_network import BernoulliRBM

    from thermofab.models.data.digits import digits

    made = BernoulliRBM(n_components=hidden, learning_rate=0.05, batch_size=10, n_iter=epochs, random_state=0)
    made.fit(digits().train.astype(float))
    return from_binary_rbm(made.components_.T, made.intercept_visible_, made.intercept_hidden_)


def restricted_moments(machine: BoltzmannMachine) -> tuple[np.ndarray, np.ndarray]:
    """Exact E[s] float64 ``[n]`` and E[s_v s_h] float64 ``[v, h]`` of a restricted machine: its hidden states, of at
    most 2^20, are enumerated, and the visible units given them are independent."""
    c = machine.connections
    biases = np.asarray(machine.biases, dtype=np.float64)
    weights = machine.matrix()[np.ix_(c.visible, c.hidden)]
    states = to_spins(all_states(len(c.hidden))).astype(np.float64)  # [2^h, h]
    fields = states @ weights.T + biases[c.visible]
    log_p = states @ biases[c.hidden] + np.logaddexp(fields, -fields).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    seen = np.tanh(fields) * p[:, None]
    first = np.empty(c.n_nodes)
    first[c.visible], first[c.hidden] = seen.sum(axis=0), p @ states
    return first, seen.T @ states


def digits() -> Application:
    """The digits' machine: how far the moments that it would learn from are from exact."""
    machine = digits_machine()
    c, model = machine.connections, machine.ising()
    place = {node: k for k, node in enumerate(model.nodes)}
    visible = [place[c.nodes[k]] for k in c.visible]
    hidden = [place[c.nodes[k]] for k in c.hidden]
    first, second = restricted_moments(machine)
    wanted = np.concatenate([first[c.visible], first[c.hidden], second.reshape(-1)])

    def loss(samples: Samples) -> float:
        spins = to_spins(samples.node_states.reshape(-1, len(model.nodes))).astype(np.float32)
        v, h = spins[:, visible], spins[:, hidden]
        found = np.concatenate([v.mean(axis=0), h.mean(axis=0), (v.T @ h / len(spins)).reshape(-1)])
        return float(np.abs(found - wanted).mean())

    return Application(
        "digits",
        f"restricted Boltzmann machine of the 8×8 digits, 64 + {len(hidden)} units: mean error of its E[s] and E[s s']",
        built(model), loss, 0.02, "moment", Schedule(200, 100, 4),
    )  # fmt: skip


def made_returns(days: int = 2000, seed: int = 0) -> np.ndarray:
    """Log returns float64 ``[days]`` of a GARCH(1, 1) with t innovations of five degrees, 1% a day, no prices of
    anything: σ² = ω + 0.08 r² + 0.90 σ²."""
    draw = np.random.default_rng(seed).standard_t(5, days) * np.sqrt(3 / 5)
    made, variance = np.empty(days), 1e-4
    for day, shock in enumerate(draw.tolist()):
        made[day] = np.sqrt(variance) * shock
        variance = 2e-6 + 0.08 * made[day] ** 2 + 0.90 * variance
    return made


def trader(conditions: int = 4) -> Application:
    """The trading node: tomorrow's return given today, as :class:`~thermofab.apps.trading.series.SeriesModel` learns
    it, under the commonest conditions of the days that it learnt from."""
    from thermofab.apps.trading.encoding import CONDITIONS, WEEK, Encoding
    from thermofab.apps.trading.series import SeriesModel

    returns = made_returns()
    fitted = SeriesModel(volatility="garch").fit(returns).learnt
    scale = np.sqrt(fitted.volatility.variances(returns))
    residuals = (returns - fitted.volatility.mean) / scale[:-1]
    weeks = np.lib.stride_tricks.sliding_window_view(residuals, WEEK)
    encoding: Encoding = fitted.encoding
    seen, counts = np.unique(encoding.conditions(scale[WEEK:-1], weeks[:-1]), axis=0, return_counts=True)
    rows = seen[np.argsort(-counts, kind="stable")[:conditions]]
    truth = np.exp(fitted.conditional.log_probabilities(rows))
    replicas = 64 * conditions
    given = np.repeat(rows, replicas // conditions, axis=0)

    def loss(samples: Samples) -> float:
        drawn = samples.node_states[..., 0].reshape(conditions, -1).astype(int)
        found = np.stack([np.bincount(row, minlength=truth.shape[1]) / len(row) for row in drawn])
        return 0.5 * float(np.abs(found - truth).sum(axis=1).mean())

    return Application(
        "trading node",
        f"a day's return in {truth.shape[1]} states under the {conditions} commonest conditions, fitted to 2,000 made "
        "days of a GARCH-t: mean TV from exact",
        built(fitted.conditional.model(), code="gray", bias_bits=14), loss, 0.02, "TV", Schedule(20, 500, 4),
        replicas=replicas, clamp={name: given[:, k] for k, name in enumerate(CONDITIONS)},
    )  # fmt: skip
