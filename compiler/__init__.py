"""From a probabilistic graphical model to a fabric image that samples the same law."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.compiler, not as compiler")

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermofab.compiler.certify.law import Law, exact
    from thermofab.compiler.certify.stationary import stationary_law
    from thermofab.compiler.certify.verify import verify
    from thermofab.compiler.dimod_sampler import TSUSampler
    from thermofab.compiler.drop_in import sample_states
    from thermofab.compiler.frontend.matrices import boltzmann_machine, rbm
    from thermofab.compiler.native_fabric import fabric_of
    from thermofab.compiler.packing import Pack, pack
    from thermofab.compiler.pipeline import compile

_HOME = {
    "Law": "certify.law",
    "Pack": "packing",
    "TSUSampler": "dimod_sampler",
    "boltzmann_machine": "frontend.matrices",
    "compile": "pipeline",
    "exact": "certify.law",
    "fabric_of": "native_fabric",
    "pack": "packing",
    "rbm": "frontend.matrices",
    "sample_states": "drop_in",
    "stationary_law": "certify.stationary",
    "verify": "certify.verify",
}
__all__ = [
    "Law",
    "Pack",
    "TSUSampler",
    "boltzmann_machine",
    "compile",
    "exact",
    "fabric_of",
    "pack",
    "rbm",
    "sample_states",
    "stationary_law",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Names load when first used: compiling an IsingModel needs neither JAX nor dimod."""
    if name not in _HOME:
        raise AttributeError(f"module 'thermofab.compiler' has no attribute '{name}'")
    value = getattr(import_module(f"thermofab.compiler.{_HOME[name]}"), name)
    globals()[name] = value
    return value
