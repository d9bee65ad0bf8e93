"""The conftest.py that dimod_suite.py puts beside dimod's tests: a TSUSampler in the place of its reference samplers.

dimod's composites and its conformance tests are tested on samplers that take any BQM. Ours takes those on its fabric's
graph, so the stand-in makes a fabric of every BQM's own graph. SUITE_DEVICE is the device, or "dimod" for dimod's own.
"""

import os
from typing import Any

import dimod
import dimod.reference.samplers
import networkx
from suite_record import called

import thermofab as fab

DEVICE = os.environ["SUITE_DEVICE"]
NAMES = ("ExactSolver", "RandomSampler", "SimulatedAnnealingSampler")
READS = 100  # where a test asks for no number: enough for the lowest state of a few spins


class PlacedSampler(dimod.Sampler):
    """A TSUSampler on a fabric of the BQM's own graph."""

    properties: Any = {}
    parameters: Any = {"num_reads": [], "seed": []}

    def sample(self, bqm: Any, *, num_reads: int | None = None, seed: int | None = None, **other: Any) -> Any:
        called()
        self.remove_unknown_kwargs(**other)
        graph = dimod.to_networkx_graph(bqm) if bqm.num_variables else networkx.empty_graph(1)
        sampler = fab.TSUSampler(graph, device=DEVICE)
        return sampler.sample(bqm, num_reads=READS if num_reads is None else num_reads, num_sweeps=200, seed=seed or 0)


if DEVICE != "dimod":
    for name in NAMES:
        for module in (dimod, dimod.reference, dimod.reference.samplers):
            if hasattr(module, name):
                setattr(module, name, PlacedSampler)
