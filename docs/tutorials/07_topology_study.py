# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A topology study
#
# Which fabric should be built for a set of programs? A fabric of one program's own graph is small and fast, and useless
# for the next program. A complete one holds every graph and updates one p-bit at a time. A lattice lies between, and needs
# several p-bits per node. In this tutorial you judge six candidates on two programs and find those that no other betters.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import thermofab as fab
from thermofab.apps.explore import (
    Candidate,
    Objective,
    RecordStore,
    Settings,
    StudyFile,
    run_study,
    workload,
)

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## Programs and candidates
#
# A *workload* is a program with a name. Both here have 16 spins, so that their distributions can be enumerated: one of
# degree 3, and one where every spin is coupled to every other. A *candidate* is a fabric with all its widths.

# %%
programs = ("spin-glass", "sk")
for name in programs:
    model = workload(name).model
    print(f"{name:10s} {workload(name).about}: {len(model.edges)} couplings")

candidates = tuple(
    Candidate.of(fabric, architecture=architecture)
    for fabric, architecture in (
        (
            "own",
            "spatial",
        ),  # the program's own graph, a datapath per p-bit of a colour
        (
            "complete-16",
            "dense",
        ),  # any graph of 16 nodes, one pipelined datapath
        ("g8-8x8", "spatial"),  # a lattice of 64 p-bits
        (
            "g8-8x8",
            "relay",
        ),  # the same, with p-bits that pass on others' states exactly
        ("king-8x8", "spatial"),
        ("z1-8x8", "relay"),
    )
)

# %% [markdown]
# ## The study
#
# Each candidate compiles each program, runs 32 chains, and is measured: distance from the enumerated distribution,
# effective samples per sweep, clocks per sweep, area. A candidate that cannot hold a program gets a record that says why.
# Records are kept in a file, so a study that was stopped goes on where it was.

# %%
study = StudyFile(
    "tutorial",
    programs,
    candidates,
    objectives=(Objective("ess_per_second", "max"), Objective("lut4", "min")),
    settings=Settings(replicas=32, warmup=200, samples=600),
)
folder = tempfile.TemporaryDirectory()
store = RecordStore(Path(folder.name) / "records.db")
result = run_study(study, store)


def record(fabric, architecture, program):
    """The record of a candidate on a program."""
    wanted = Candidate.of(fabric, architecture=architecture)
    return next(
        each
        for each in result.records
        if (each.candidate, each.workload) == (wanted, program)
    )


for each in result.records:
    said = (
        f"{each.value('sites')} sites, TV {each.value('tv'):.3f}"
        if each.feasible
        else each.reason.split(". ")[0]
    )
    print(f"{each.workload:10s} {each.candidate.name:18s} {said}")

# %% [markdown]
# ## Every number says how it is known
#
# Some figures are measured by the run, some are counted, and clocks and areas of fabrics that were never placed are
# modelled. Read the standing before you rest a decision on a number.

# %%
for name in (
    "tv",
    "ess_per_sweep",
    "clocks_per_sweep",
    "lut4",
    "megahertz",
    "ess_per_second",
):
    measure = record("g8-8x8", "relay", "spin-glass").measures[name]
    print(
        f"{name:17s} {measure.value:12,.4g} {measure.unit:12s} {measure.standing:9s} {measure.how[:60]}"
    )

# %% [markdown]
# ## Speed against area
#
# Up and to the left is better. A dashed line joins fabrics with equally many samples per second and LUT.

# %% picture="Effective samples per second against LUTs, for both programs. The own graph and the complete fabric lie in front."
figure, panels = plt.subplots(
    1, 2, figsize=(8.4, 4.2), sharex=True, sharey=True
)
for panel, program in zip(panels, programs, strict=True):
    refused = []
    for number, candidate in enumerate(candidates):
        found = record(
            candidate.name.split()[0], candidate.architecture, program
        )
        if found.feasible:
            place = found.value("lut4"), found.value("ess_per_second")
            panel.plot(
                *place,
                "o",
                color=f"C{number}",
                markersize=9,
                label=candidate.name,
            )
        else:
            refused.append(candidate.name)
    areas = np.array([900, 9000])
    for rate in (10, 100, 1000):
        panel.plot(
            areas, rate * areas, "--", color="#475569", linewidth=1, zorder=0
        )
    panel.set(
        title=f"{program}",
        xlabel="area, LUT4",
        xscale="log",
        yscale="log",
        xlim=areas,
    )
    panel.set_xticks([1000, 2000, 5000], ["1,000", "2,000", "5,000"])
    panel.minorticks_off()
    panel.text(
        0.03,
        0.03,
        "does not fit: " + (", ".join(refused) or "none"),
        transform=panel.transAxes,
        fontsize=8,
    )
panels[0].set_ylabel("effective samples per second")
figure.legend(
    *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3
)
plt.show()

# %% [markdown]
# The front over both programs has the candidates that no other one betters in speed *and* area:

# %%
for index in result.front:
    costs = zip(study.objectives, result.points[index].costs, strict=True)
    print(
        result.points[index].name,
        {goal.measure: f"{goal.shown(cost):,.0f}" for goal, cost in costs},
    )

# %% [markdown]
# ## Check
#
# An architecture decides what samples cost, not what they are: the own graph and the complete fabric hold the same
# integers and update in the same order, so their samples are equal. And a record is nothing but `compile` and `sample`;
# here is one by hand.

# %%
own, dense = (
    record("own", "spatial", "spin-glass"),
    record("complete-16", "dense", "spin-glass"),
)
assert own.value("tv") == dense.value("tv") and own.value(
    "ess_per_sweep"
) == dense.value("ess_per_sweep")

by_hand = fab.compile(workload("spin-glass").model)
print(by_hand.report.end_to_end, "| record:", own.value("reported_tv"))
assert by_hand.report.end_to_end.tv == own.value("reported_tv") < 0.01
sampled = by_hand.sample(
    fab.Schedule(200, 600), replicas=32, seed=0, device="native"
).moments()
assert (
    np.abs(
        sampled.first - fab.exact(workload("spin-glass").model).moments().first
    ).max()
    < 0.06
)

assert not record("g8-8x8", "spatial", "sk").feasible, (
    "120 couplings do not fit a lattice of degree 8 and 64 sites"
)
again = run_study(study, store)
assert again.fresh == 0 and again.points == result.points, (
    "a study that is done makes nothing again"
)
store.close()
folder.cleanup()

# %% [markdown]
# ## Where next
#
# - [Explore fabrics](../explore.md): spaces, searches, reports, and measured studies of seven grids.
# - `thermofab explore --fabrics g8-16x16,complete-64,own --workloads spin-glass`: the same from the command line, with a
#   report to hover over.
# - [Relay and dense fabrics](../relays.md): how any graph is held exactly.
