"""Our devices, as methods."""

import warnings

import numpy as np

from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec import open_device
from thermofab.hw.spec.errors import MixingWarning


def preparer(device: str):
    """Opens the device, loads the program, and runs all chains in one call; a fabric's copies that disagree are
    discarded, and the samples asked for are what is left."""

    def prepare(problem: Problem, setting: Setting) -> Runner:
        opened = open_device(device, problem.program.fabric)
        opened.load(problem.program.image)

        def run(seed: int) -> np.ndarray:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MixingWarning)  # R-hat stands in every row
                found = problem.program.sample(setting.schedule, replicas=setting.chains, seed=seed, device=opened)
            return found.node_states.astype(np.uint8)

        return run

    return prepare
