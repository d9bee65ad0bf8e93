# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A topology study
#
# Which fabric should be built for a set of programs? A dense one holds every graph and updates one p-bit at a time. A
# sparse one updates many at once, and needs several p-bits per node where the program's graph is not its own. In this
# tutorial you judge eight candidates on two programs, and find those that no other candidate beats.

# %%
import matplotlib.pyplot as plt

import thermofab as fab
from thermofab.apps.explore import Candidate, Objective, Settings, StudyFile, run_study
from thermofab.apps.explore.evaluate import evaluate
from thermofab.apps.explore.workloads import workload
from thermofab.hw.spec import grid

plt.style.use("tutorial.mplstyle")
