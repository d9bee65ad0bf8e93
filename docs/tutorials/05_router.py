# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A router for language models
#
# Most prompts do not need the dearest model. A router predicts, per prompt, how likely each model is to be right, and
# weighs that against price and latency. In this tutorial you train one, see what it saves, let it learn from outcomes,
# and then let a fabric draw its choices, so that it can explore with exactly known probabilities.
#
# No model is called, and nothing leaves the machine: the prompts are made from templates, and so are the outcomes.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import thermofab as fab
from thermofab.apps.routing import (
    Constraints,
    ExecuteRequest,
    IsingRouter,
    Preferences,
    TaskType,
    create_trm_router,
    default_catalogue,
)
from thermofab.apps.routing.evaluation import curve
from thermofab.apps.routing.made import made

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## Models and answers are data
#
# The catalogue that ships has six example models with made prices. `made` draws prompts of known difficulty and says for
# each model whether it would have been right. In your own work these are measured answers: a matrix of prompts by models.

# %%
catalogue = default_catalogue()
costs = np.array(
    [
        model.cost(prompt_tokens=100, output_tokens=model.output_tokens)
        for model in catalogue.models
    ]
)
answers, held_out = made(catalogue, 600, seed=0), made(catalogue, 400, seed=1)
for model, cost, right in zip(
    catalogue.models, costs, answers.quality.mean(axis=0), strict=True
):
    print(
        f"{model.id:15s} right in {right:4.0%}   "
        f"{1000 * cost:7.3f} USD per 1,000 requests   {model.latency} s"
    )

# %% [markdown]
# ## Train, then ask
#
# The router is a small recursive network over an embedding of the prompt. `fit` takes the requests and the matrix.

# %%
router = create_trm_router(max_inner_steps=3, max_outer_steps=2, random_seed=0)
router.fit(answers.requests, answers.quality)

for prompt, task in (
    ("What day comes after Monday?", TaskType.SIMPLE),
    (
        "Prove that for every n > 20 the sum of divisors is below 3 n log n.",
        TaskType.MATHEMATICS,
    ),
):
    decision = router.route_request(
        ExecuteRequest(
            prompt, task, Preferences(quality_weight=0.8, cost_weight=0.2)
        )
    )
    print(
        f"{prompt}\n   {decision.id}, "
        f"right with probability {decision.confidence:.2f}"
    )

# %% [markdown]
# A constraint excludes models before anything is weighed. If none is left, the error says why for each model.

# %%
strict = Constraints(max_cost=0.0001, excluded=("local",))
try:
    router.route_request(
        ExecuteRequest(
            "What day comes after Monday?", TaskType.SIMPLE, constraints=strict
        )
    )
except fab.SpecError as refusal:
    print(refusal)

# %% [markdown]
# ## What it saves
#
# Give a router a price of quality, and it spends accordingly. All prices together are a curve from "always the cheapest"
# to "always the dearest". On held-out prompts:

# %%
predicted = router.qualities(held_out.requests)
routed = curve(predicted, held_out.quality, costs)
ideal = curve(
    held_out.chances, held_out.quality, costs
)  # knows the true chances

# %% picture="Share of right answers against cost: the router's curve runs along the cheap models, lies above north/large, and is near that of a router that knows the true chances."
figure, axes = plt.subplots()
share = costs / costs.max()  # of the dearest model
axes.plot(
    share.min() + (1 - share.min()) * ideal.cost,
    ideal.quality,
    color="C1",
    linestyle="--",
    label="a router that knows the true chances",
)
axes.plot(
    share.min() + (1 - share.min()) * routed.cost,
    routed.quality,
    color="C0",
    label="this router",
)
axes.plot(
    share,
    held_out.quality.mean(axis=0),
    "o",
    color="C3",
    label="always one model",
)
for x, y, model in zip(
    share, held_out.quality.mean(axis=0), catalogue.models, strict=True
):
    axes.annotate(
        model.id, (x, y), textcoords="offset points", xytext=(7, -9), fontsize=8
    )
axes.set_xscale("log")
axes.set(
    title="Quality against cost, 400 held-out prompts",
    xlabel="cost, share of the dearest model",
    ylabel="share of right answers",
    ylim=(0.37, 0.92),
    xlim=(3e-4, 3),
)
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# The router can be asked for any cost between the models'. Among the dear models it is right more often than `north/large`
# at the same cost; among the cheap ones it gains nothing. How much it gains depends on how much models differ from prompt
# to prompt. Made prompts show how it works, not how well: for that, see
# [the results on real answers](../routing.md#how-good-it-is).
#
# ## Learning from outcomes
#
# In use, only the chosen model's answer is seen. Suppose `north/large` has become worse since the training data. Outcomes
# correct the router's belief about it.

# %%
request = held_out.requests[0]
large = catalogue.index("north/large")
before = router.qualities([request])[0, large]
only_large = Constraints(
    excluded=tuple(
        model.id for model in catalogue.models if model.id != "north/large"
    )
)
for seen in held_out.requests[1:60]:
    forced = replace(seen, constraints=only_large)
    router.learn_from_outcome(
        forced,
        router.route_request(forced),
        actual_quality=0.0,
        actual_latency=2.5,
    )
after = router.qualities([request])[0, large]
print(
    f"belief that north/large is right: {before:.2f} before, "
    f"{after:.2f} after 59 failures"
)

# %% [markdown]
# ## Exploring on a fabric
#
# A router that always takes the best learns nothing about the rest. `IsingRouter` draws its choice on a fabric, with
# P(model) ∝ exp(worth/T). The probability of each choice is enumerated from the integers on the fabric, so learning from
# logged choices can divide by it. Here are 300 requests that differ by a number only.

# %%
explorer = IsingRouter(catalogue, k=1, temperature=0.05, random_seed=1)
requests = [
    ExecuteRequest(f"Name river number {k:04d}.", TaskType.SIMPLE)
    for k in range(300)
]
decisions = explorer.route_batch(requests)
chosen = np.array([catalogue.index(decision.id) for decision in decisions])
counted = np.bincount(chosen, minlength=len(costs)) / len(chosen)
propensity = {decision.id: decision.propensity for decision in decisions}
for k, model in enumerate(catalogue.models):
    print(
        f"{model.id:15s} drawn {counted[k]:6.1%}   "
        f"its stated probability {propensity.get(model.id, 0):6.1%}"
    )

# %% [markdown]
# ## Check

# %%
large_alone = held_out.quality[:, large].mean()
at_its_cost = routed.at((share[large] - share.min()) / (1 - share.min()))
print(
    f"at the cost of north/large: {at_its_cost:.1%} right; "
    f"north/large alone: {large_alone:.1%}"
)

assert at_its_cost > large_alone
assert np.abs(predicted - held_out.chances).mean() < 0.1, (
    "predictions near the true chances"
)
assert after < before - 0.2
stated = np.array([propensity.get(model.id, 0.0) for model in catalogue.models])
assert (
    np.abs(counted - stated).max() < 0.12
)  # four standard errors of 300 draws

# %% [markdown]
# ## Where next
#
# - [Routing](../routing.md): inputs, the recursive model, and results on RouteLLM's answers.
# - [Sets of models](../routing-sets.md): ensembles and cascades, drawn as sets.
# - `thermofab route fit answers.csv --catalogue models.json`: the same from files.
