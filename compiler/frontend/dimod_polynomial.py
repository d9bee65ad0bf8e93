"""dimod binary polynomials in: P ∝ exp(-β E), E = Σ bias · Π variables, of any order, spin or binary."""

from dataclasses import replace
from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import Lowered, as_floats, discrete_model
from thermofab.hw.spec.discrete import factor_of


def lower(polynomial: Any, beta: float) -> Lowered:
    """All variables free, in one block, in the order in which the polynomial's terms name them.

    The constant is kept, so that ``model.energies`` equals ``polynomial.energy``; the model's own β is ``beta``, and it
    remembers the vartype.

    Raises:
        CompileError: there are no variables, or a bias is not a finite real number.
    """
    as_floats("the biases of the polynomial", list(polynomial.values()), len(polynomial))
    spin = polynomial.to_spin(copy=True)
    terms = [(sorted(term, key=str), float(bias)) for term, bias in spin.items()]
    nodes = tuple(dict.fromkeys(node for term in polynomial for node in sorted(term, key=str)))
    index = {node: k for k, node in enumerate(nodes)}
    factors = []
    for order in sorted({len(term) for term, _ in terms} - {0}):
        rows = [([index[node] for node in term], -bias) for term, bias in terms if len(term) == order]
        factors.append(factor_of([row[0] for row in rows], [[] for _ in rows], [row[1] for row in rows]))
    model = discrete_model(nodes, np.zeros(len(nodes), dtype=np.int64), factors)
    offset = sum(bias for term, bias in terms if not term)
    model = replace(model, offset=offset, beta=beta, vartype=polynomial.vartype.name)
    return Lowered(model, (tuple(range(len(nodes))),))
