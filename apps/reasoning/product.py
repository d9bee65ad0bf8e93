"""A small TRLinkos on the product of two inputs, trained in seconds, and the trace of a search by it."""

import torch

from thermofab.apps.reasoning.trace import TraceGraph, graph_of_dag
from thermofab.models.trlinkos import Ranking, SearchConfig, TRLinkos, TRLinkosConfig, search, supervision

_ROWS, _HELD_OUT, _STEPS = 256, 120, 150


def product_trace(seed: int = 0) -> TraceGraph:
    """The search for one row's product, ranked by held-out rows."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(_ROWS + _HELD_OUT + 1, 3, generator=generator)
    y = x[:, :1] * x[:, 1:2]
    model = TRLinkos(TRLinkosConfig(3, 16, 1, experts=3, steps=3, seed=seed))
    model.fit_router(x[:_ROWS])
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(_STEPS):
        outputs, scores = model(x[:_ROWS])
        optimiser.zero_grad()
        supervision(outputs, scores, ((outputs - y[:_ROWS]) ** 2).mean(-1)).backward()
        optimiser.step()
    held = slice(_ROWS, _ROWS + _HELD_OUT)
    config = SearchConfig(rounds=6, branches=3, inner=2, temperature=0.2, seed=seed)
    truth = y[held]
    ranking = Ranking.fit(model, x[held], lambda outputs, rows: ((outputs - truth[rows]) ** 2).mean(-1), config)
    found = search(model, x[-1:], config, ranking=ranking, trace=True)
    title = f"TRLinkos: {float(x[-1, 0]):.2f} × {float(x[-1, 1]):.2f} = {float(y[-1, 0]):.2f}"
    title += f", answered {float(found.outputs[0, 0]):.2f}"
    return graph_of_dag(found.traces[0], title, int(found.chosen[0]))
