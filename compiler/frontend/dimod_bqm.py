"""dimod binary quadratic models in: P ∝ exp(-β E_bqm), spin or binary.

dimod writes E = offset + Σ h_i s_i + Σ J_ij s_i s_j with x = (s+1)/2 for binary variables; the model's biases and
couplings are -h and -J, and the offset is kept, so ``model.energies`` equals ``bqm.energy``. The model remembers the
vartype.
"""

from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import Lowered, as_floats, as_reals, assemble


def lower(bqm: Any, beta: float) -> Lowered:
    """All variables free, in one block, in the order of ``bqm.variables``.

    Raises:
        CompileError: a bias or the offset is not a finite real number.
    """
    if bqm.dtype == object:  # which holds anything, and is asked before dimod computes with it
        as_reals("the quadratic biases of the BQM", list(bqm.quadratic.values()))
        as_reals("the linear biases of the BQM", [bqm.linear[node] for node in bqm.variables])
    as_floats("the offset of the BQM", [bqm.offset], 1)
    spin = bqm.change_vartype("SPIN", inplace=False)
    nodes = tuple(spin.variables)
    index = {node: k for k, node in enumerate(nodes)}
    triples = [(index[u], index[v], float(weight)) for (u, v), weight in spin.quadratic.items()]
    ends = np.array([(i, j) for i, j, _ in triples], dtype=np.int64).reshape(-1, 2)
    biases = as_floats("the linear biases of the BQM", [-float(spin.linear[node]) for node in nodes], len(nodes))
    weights = as_floats("the quadratic biases of the BQM", [-weight for _, _, weight in triples], len(triples))
    model, notes = assemble(
        nodes, biases, ends[:, 0], ends[:, 1], weights, offset=float(spin.offset), beta=beta, vartype=bqm.vartype.name
    )
    return Lowered(model, (tuple(range(len(nodes))),), (), notes)
