"""Held: the couplings and biases that a program's integers stand for, as a machine.

A fabric holds integers w with J = step·w. A gradient taken at these values and applied to the float master copy is the
straight-through estimator of quantisation-aware training (Bengio, Léonard & Courville, arXiv:1308.3432).
"""

from dataclasses import replace

import numpy as np

from thermofab.hw.spec import Program, Quantisation, SpecError
from thermofab.models.boltzmann.connections import Connections
from thermofab.models.boltzmann.machine import BoltzmannMachine


def held_by(program: Program, connections: Connections) -> BoltzmannMachine:
    """The machine of ``program``'s integers times its step.

    Raises:
        SpecError: a node has several copies, or a coupling is carried by a wire of several: then no single integer
            stands for it.
    """
    image, step = program.image, program.report.quantisation.step
    weights = image.weights[_places(program, connections)]
    return BoltzmannMachine.of(connections, step * image.biases[program.roots], step * weights)


def at_step(program: Program, machine: BoltzmannMachine) -> Program:
    """``program`` with the machine's parameters as the nearest multiples of the step it has, cut at their range.

    Nothing is searched, so that integers change only where a parameter crosses a threshold. Raises as :func:`held_by`.
    """
    places, spec, old = _places(program, machine.connections), program.fabric, program.report.quantisation
    b, j = (np.asarray(values, dtype=np.float64) for values in (machine.biases, machine.couplings))
    biases = np.clip(np.round(b / old.step), -spec.bias_max, spec.bias_max)
    couplings = np.clip(np.round(j / old.step), -spec.weight_max, spec.weight_max)
    of_sites, of_edges = program.image.biases.copy(), program.image.weights.copy()
    of_sites[program.roots], of_edges[places] = biases, couplings
    errors = np.concatenate([np.abs(b - old.step * biases), np.abs(j - old.step * couplings)])
    cut = int(
        np.sum(np.abs(b) > old.step * (spec.bias_max + 0.5)) + np.sum(np.abs(j) > old.step * (spec.weight_max + 0.5))
    )
    rounded = Quantisation(old.step, old.shift, cut, float(errors.max(initial=0.0)))
    return program.replace(
        image=program.image.replace(weights=of_edges, biases=of_sites),
        model=machine.ising(),
        report=replace(program.report, quantisation=rounded),
    )


def _places(program: Program, connections: Connections) -> np.ndarray:
    """int64 ``[m]``: the fabric's edge of every coupling."""
    top = program.fabric.topology
    ends = np.sort(program.roots[connections.edges], axis=1).astype(np.int64)
    codes = top.edges[:, 0].astype(np.int64) * top.n_sites + top.edges[:, 1]
    wanted = ends[:, 0] * top.n_sites + ends[:, 1]
    places = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    direct = len(program.copies) == connections.n_nodes and np.array_equal(codes[places], wanted)
    if not direct or any(len(sites) > 1 for sites in program.copies):
        raise SpecError(
            "this program carries couplings over several sites, so no integer of the fabric is one of the machine's "
            "parameters; train on a fabric that holds the machine's graph directly, such as connections.topology()."
        )
    return places
