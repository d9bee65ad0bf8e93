"""Boards of other architectures behind the line, good or bad: the same bits and the same counts as the simulators."""

from typing import Any

import numpy as np
import pytest

from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import fabric, open_device
from thermofab.sim.conformance import random_case
from thermofab.sim.rtl.board import SimulatedBoard
from thermofab.sim.rtl.line import faulty_line

pytestmark = pytest.mark.rtl

SPECS = {
    "systolic": fabric("g8-6x8", architecture="systolic", elements=2, moment_bits=6),
    "dense": fabric("complete-20", architecture="dense", moment_bits=6),
}


@pytest.fixture(scope="module", params=SPECS)
def board(request):
    running = SimulatedBoard(SPECS[request.param], divisor=2)
    yield running, SPECS[request.param]
    running.close()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_samples_and_counts(board, share):
    running, spec = board
    case = random_case(np.random.default_rng(5), "g8", 3000, spec)
    arguments: Any = dict(replicas=case.replicas, init=case.init, clamp=case.clamp)
    expected = open_device("jax", spec)
    expected.load(case.image)
    states = expected.run(case.schedule, **arguments).sites
    with faulty_line(running.path, share, 7) as path, SerialDevice(spec, url=f"serial://{path}") as device:
        device.load(case.image)
        assert np.array_equal(device.run(case.schedule, **arguments).sites, states)
        counts = device.accumulate(case.schedule, **arguments)
    first, last = spec.topology.edges.T
    assert np.array_equal(counts.ones, states.sum(axis=1))
    assert np.array_equal(counts.both, (states[:, :, first] & states[:, :, last]).sum(axis=1))
