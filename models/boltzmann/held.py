"""Held: the couplings and biases that a program's integers stand for, as a machine.

A fabric holds integers w with J = step·w. A gradient taken at these values and applied to the float master copy is the
straight-through estimator of quantisation-aware training (Bengio, Léonard & Courville, arXiv:1308.3432).
"""

import numpy as np

from thermofab.hw.spec import Program, SpecError
from thermofab.models.boltzmann.connections import Connections
from thermofab.models.boltzmann.machine import BoltzmannMachine


def held_by(program: Program, connections: Connections) -> BoltzmannMachine:
    """The machine of ``program``'s integers times its step.

    Raises:
        SpecError: a node has several copies, or a coupling is carried by a wire of several: then no single integer
            stands for it.
    """
    top, step = program.fabric.topology, program.report.quantisation.step
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
    image = program.image
    return BoltzmannMachine.of(connections, step * image.biases[program.roots], step * image.weights[places])
