"""Front ends: one file per source language, chosen by the type of the source object.

To add a language: a file with ``lower(source) -> Lowered`` and a line in :data:`LANGUAGES` (docs/compiler.md).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from thermofab.compiler.ir.lowered import Lowered, check_size
from thermofab.hw.spec.errors import CompileError

# Qualified type name -> "module:function". Looked up along the source's method resolution order, so that naming a
# language imports nothing and a subclass may have a front end of its own.
LANGUAGES = {
    "thrml.models.ising.IsingEBM": "thermofab.compiler.frontend.thrml_energy:lower_ising",
    "thrml.models.ebm.AbstractFactorizedEBM": "thermofab.compiler.frontend.thrml_energy:lower_ebm",
    "thrml.factor.AbstractFactor": "thermofab.compiler.frontend.thrml_energy:lower_factor",
    "builtins.list": "thermofab.compiler.frontend.thrml_energy:lower_factors",
    "builtins.tuple": "thermofab.compiler.frontend.thrml_energy:lower_factors",
    "thrml.block_sampling.BlockSamplingProgram": "thermofab.compiler.frontend.thrml_program:lower",
    "dimod.binary.binary_quadratic_model.BinaryQuadraticModel": "thermofab.compiler.frontend.dimod_bqm:lower",
    "dimod.higherorder.polynomial.BinaryPolynomial": "thermofab.compiler.frontend.dimod_polynomial:lower",
    "networkx.classes.graph.Graph": "thermofab.compiler.frontend.networkx_graph:lower",
    "thermofab.hw.spec.model.IsingModel": "thermofab.compiler.frontend.ising_model:lower",
    "thermofab.hw.spec.discrete.DiscreteModel": "thermofab.compiler.frontend.ising_model:lower",
    "thermofab.compiler.frontend.gaussian.GaussianSpinModel": "thermofab.compiler.frontend.gaussian:lower",
    "thermofab.compiler.ir.lowered.Lowered": "thermofab.compiler.frontend.ising_model:unchanged",
}
# Languages that state an energy without a temperature; the others carry β themselves.
_NEEDS_BETA = ("dimod.", "networkx.")


def front_end(source: Any) -> tuple[str, Callable[..., Lowered]]:
    """The type name a source was recognised by, and its lowering function.

    Raises:
        CompileError: no front end knows the type.
    """
    for kind in type(source).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in LANGUAGES:
            module, _, attribute = LANGUAGES[name].partition(":")
            return name, getattr(import_module(module), attribute)
    raise CompileError(
        f"cannot compile a {type(source).__module__}.{type(source).__qualname__}; give a THRML sampling program, "
        "IsingEBM, FactorizedEBM or list of factors, a dimod BinaryQuadraticModel or BinaryPolynomial, a "
        "networkx.Graph, an IsingModel, a DiscreteModel or a GaussianSpinModel."
    )


def lower(source: Any, beta: float = 1.0) -> Lowered:
    """Any supported source in the compiler's terms.

    ``beta`` is the inverse temperature of a source that has none of its own (dimod, networkx): P ∝ exp(-beta·E).

    Raises:
        CompileError: the source is of an unknown type, malformed, has weights beyond 1e30, or carries its own
            temperature while ``beta`` is not 1.
    """
    if not (isinstance(beta, (int, float)) and 0 < beta < float("inf")):
        raise CompileError(f"beta must be a positive finite number, got {beta!r}.")
    name, function = front_end(source)
    needs_beta = name.startswith(_NEEDS_BETA)
    if not needs_beta and beta != 1.0:
        raise CompileError(
            f"a {type(source).__name__} carries its own inverse temperature, so beta={beta} has no meaning here; "
            "leave beta out and set it in the source, or use beta_levels for annealing."
        )
    lowered = function(source, float(beta)) if needs_beta else function(source)
    check_size(lowered.model)
    return lowered
