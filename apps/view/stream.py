"""The stream of frames: a generator over a program on a device, to which changed controls are sent."""

import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from thermofab.apps.view.controls import Controls
from thermofab.apps.view.frame import Frame
from thermofab.apps.view.legs import Leg, start
from thermofab.hw.spec import Device, Program
from thermofab.sim.chains import Request

WINDOW = 200  # frames that marginals are averaged over


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame, and the leg that it is of."""

    frame: Frame
    leg: Leg


Stream = Generator[Shown, Controls | None, None]


def frames(program: Program, device: Device, controls: Controls, *, replicas: int = 1) -> Stream:
    """Frames without end; ``send(controls)`` changes what is run from the next one on.

    The states of a frame are those of ``program.sample`` with the leg's seed, factor, clamps and starting states after
    as many sweeps. A changed factor or clamp begins a leg from the last node states; a restart begins one from states
    drawn from the seed. Marginals are over all chains and the leg's frames, old frames with less weight: the mean of
    the first 200, then an average that forgets a two-hundredth per frame. Chains whose copies disagree are left out.

    Args:
        program: what is run.
        device: open for the program's fabric.
        controls: to begin with.
        replicas: chains; chain 0 is drawn.
    """
    nodes, everybody = range(program.model.n_nodes), np.zeros((replicas, program.fabric.n_sites), dtype=bool)
    leg, chains, states = Leg.of(controls), None, everybody
    running, swept, count = controls, 0, 0
    while True:
        if chains is None:
            before = None if leg.previous is None else program.read(states, nodes)
            chains, swept, count = start(program, device, leg, before, replicas), 0, 0
            marginals, agree = np.full(program.fabric.n_sites, 0.5), 1.0
        began = time.perf_counter()
        sampled = chains.sample(Request(1, controls.sweeps, 1, 0, sites=True)).states
        assert sampled is not None
        states, swept, count = sampled[:, 0], swept + controls.sweeps, count + 1
        seconds = time.perf_counter() - began
        kept, weight = _agreeing(program, states), max(1 / count, 1 / WINDOW)
        if kept.any():
            marginals += weight * (states[kept].mean(axis=0) - marginals)
        agree += weight * (kept.mean() - agree)
        frame = Frame(
            leg.number, running.restarts, swept, count,
            energy=float(program.model.energies(program.read(states[:1], nodes))[0]),
            agree=float(agree), seconds=seconds, states=states[0],
            marginals=np.rint(255 * marginals).astype(np.uint8),
        )  # fmt: skip
        controls = (yield Shown(frame, leg)) or controls
        if controls.restarts != running.restarts:
            leg, chains = Leg.of(controls), None
        elif not leg.serves(controls):
            leg, chains = leg.followed(controls, swept), None
        running = controls


def _agreeing(program: Program, states: np.ndarray) -> np.ndarray:
    """bool ``[R]``: chains in which the sites of all the program's ``checks`` agree."""
    kept = np.ones(len(states), dtype=bool)
    for a, b in program.checks:
        kept &= states[:, a] == states[:, b]
    return kept
