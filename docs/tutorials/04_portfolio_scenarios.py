# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Scenarios for a portfolio
#
# Shares and bonds usually move apart, and in a crash everything moves at once. A portfolio's risk depends on such *joint*
# behaviour. In this tutorial a fabric learns the joint distribution of three assets, simulates paths, and answers a
# question that history alone answers badly: what if shares fall?
#
# The market is made here, by random numbers. So the true answer is known, and at the end you compare with it.

# %%
import matplotlib.pyplot as plt
import numpy as np

from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.apps.trading.portfolio.risk import portfolio_risk
from thermofab.apps.trading.portfolio.weights import Weights

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## A market of three assets
#
# Daily returns are a multivariate t distribution with five degrees of freedom: the chi-square number of a day is shared
# by all assets, so that large moves come together.

# %%
symbols = ("SHARES", "TECH", "BONDS")
correlation = np.array([[1.0, 0.7, -0.4], [0.7, 1.0, -0.3], [-0.4, -0.3, 1.0]])
daily = np.array([0.011, 0.014, 0.005])  # standard deviation of a day's return
freedom = 5


def market(days, seed):
    """Daily log returns, float64 [days, assets]."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((days, 3)) @ np.linalg.cholesky(correlation).T
    return (
        daily
        * normal
        * np.sqrt((freedom - 2) / rng.chisquare(freedom, days))[:, None]
    )


dates = np.busday_offset("2015-01-01", np.arange(1500), roll="forward")
panel = Panel(symbols, dates, market(1500, seed=0))

# %% [markdown]
# ## What is learnt, and where it runs
#
# Each asset has a volatility filter of its own. What the fabric holds is how the assets move together: each asset's day is
# one of eight states between quantiles, three p-bits, and a table for every pair of assets says which states go
# together. A table of six p-bits is a [factor](../factor-sites.md), so no pair is approximated.

# %%
model = PortfolioModel(device="native", kind="static").fit(panel)
machine = model.fitted.joint.machine
print(
    f"{machine.fabric.n_sites} sites, "
    f"{len(machine.fabric.topology.factors)} factors"
)
print("\n".join(str(machine.program.report).splitlines()[:4]))

# %% [markdown]
# ## Paths, and the risk of a portfolio
#
# A path is ten days of all three assets. 60 % of the money is in shares, 20 % in technology, 20 % in bonds.

# %%
paths = model.simulate(paths=5000, horizon=10, seed=1)
print("log returns", paths.returns.shape, "= paths, days, assets")
weights = Weights(symbols, np.array([0.6, 0.2, 0.2]))
for row in portfolio_risk(
    paths, weights, horizons=(1, 10), levels=(0.01, 0.05)
):
    print(
        f"{row.horizon:2d} days, worst {row.level:.0%}: value at risk {row.var:.2%} "
        f"({row.var_low:.2%} to {row.var_high:.2%}), "
        f"mean loss beyond it {row.es:.2%}"
    )

# %% [markdown]
# ## Stress: clamp one asset, sample the rest
#
# On a fabric a condition is a clamp. The p-bits of SHARES are held in states below its 5 % quantile, and the fabric draws
# the others given that. No draw is thrown away.

# %%
stress = model.stress({"SHARES": ("below", 0.05)}, paths=20_000, seed=2)
print(stress.how)
print(
    f"{stress.effective:,.0f} effective draws, "
    f"against {stress.days} days of history that meet the condition"
)
for name, here, past in zip(
    symbols, stress.responses, stress.past, strict=True
):
    print(
        f"{name:7s} falls below its own 5 % quantile: "
        f"{here.crash:6.1%} by the fabric, {past.crash:6.1%} on past days"
    )

# %% [markdown]
# ## The truth
#
# Four million days of the market that was made show what the answer should be.

# %%
many = market(4_000_000, seed=9)
lowest = np.quantile(many, 0.05, axis=0)
fallen = many[many[:, 0] < lowest[0]]
truth = (fallen < lowest).mean(axis=0)
print(dict(zip(symbols, truth.round(4).tolist(), strict=True)))

# %% picture="Left: simulated prices of the portfolio fan out over ten days. Right: the probability that TECH and BONDS fall when SHARES fall, by the fabric, by history and in truth."
figure, (left, right) = plt.subplots(1, 2, width_ratios=[3, 2])
value = 100 * (np.exp(paths.returns.cumsum(axis=1)) @ weights.shares)
day = np.arange(1, 11)
for share, shade in ((0.98, 0.25), (0.9, 0.4), (0.5, 0.6)):
    low, high = np.quantile(value, [(1 - share) / 2, (1 + share) / 2], axis=0)
    left.fill_between(
        day,
        low,
        high,
        color="C1",
        alpha=shade,
        linewidth=0,
        label=f"{share:.0%} of paths",
    )
left.plot(day, np.median(value, axis=0), color="#f1f5f9", label="median")
left.set(
    title="Value of the portfolio", xlabel="day", ylabel="percent of the start"
)
left.legend(loc="upper left", ncols=2)

others = np.arange(2)
error = [
    np.sqrt(r.crash * (1 - r.crash) / stress.days) for r in stress.past[1:]
]
right.bar(
    others - 0.2,
    [r.crash for r in stress.responses[1:]],
    0.4,
    color="C0",
    label="fabric",
)
right.bar(
    others + 0.2,
    [r.crash for r in stress.past[1:]],
    0.4,
    yerr=error,
    color="C1",
    ecolor="#f1f5f9",
    label="history",
)
right.hlines(
    truth[1:], others - 0.45, others + 0.45, color="#f1f5f9", label="truth"
)
right.set_xticks(others, symbols[1:])
right.set(title="Given SHARES below 5 %", ylabel="P(below its own 5 %)")
right.grid(axis="x")
right.legend()
plt.show()

# %% [markdown]
# The error bars are one standard error of so few days of history. The fabric learnt from the same 1,500 days, but from
# all of them, not only from those that meet the condition.
#
# ## Check

# %%
by_fabric = np.array([response.crash for response in stress.responses])
assert np.abs(by_fabric - truth).max() < 0.06
assert by_fabric[1] > 0.3 > 0.05 > by_fabric[2], (
    "TECH follows SHARES down, BONDS do not"
)

same = (
    PortfolioModel(device="jax", kind="static")
    .fit(panel)
    .simulate(paths=50, horizon=2, seed=1)
)
here = model.simulate(paths=50, horizon=2, seed=1)
assert np.array_equal(same.returns, here.returns), (
    "the same paths on another device"
)

# %% [markdown]
# ## Where next
#
# - [Portfolios](../portfolio.md): the other two kinds of machine, and their scores on real years.
# - [A portfolio's risk](../portfolio-report.md): from CSV files to a report, by `thermofab trade risk`.
# - [Factor sites](../factor-sites.md): what else a table of six p-bits can hold.
