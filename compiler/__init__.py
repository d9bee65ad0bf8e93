"""From a probabilistic graphical model to a fabric image that samples the same distribution."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.compiler, not as compiler")

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermofab.compiler.certify.verify import verify
    from thermofab.compiler.dimod_sampler import TSUSampler
    from thermofab.compiler.distributions.exact import Distribution, exact
    from thermofab.compiler.distributions.stationary import stationary_distribution
    from thermofab.compiler.drop_in import sample_states, sample_with_observation
    from thermofab.compiler.frontend.gaussian import GaussianSpinModel
    from thermofab.compiler.frontend.matrices import boltzmann_machine, rbm
    from thermofab.compiler.native_fabric import fabric_of
    from thermofab.compiler.packing import Pack, pack
    from thermofab.compiler.pipeline import compile
    from thermofab.compiler.training import estimate_kl_grad, estimate_moments

_HOME = {
    "Distribution": "distributions.exact",
    "GaussianSpinModel": "frontend.gaussian",
    "Pack": "packing",
    "TSUSampler": "dimod_sampler",
    "boltzmann_machine": "frontend.matrices",
    "compile": "pipeline",
    "estimate_kl_grad": "training",
    "estimate_moments": "training",
    "exact": "distributions.exact",
    "fabric_of": "native_fabric",
    "pack": "packing",
    "rbm": "frontend.matrices",
    "sample_states": "drop_in",
    "sample_with_observation": "drop_in",
    "stationary_distribution": "distributions.stationary",
    "verify": "certify.verify",
}
# Former names, kept for one release.
_RENAMED = {"Law": "Distribution", "stationary_law": "stationary_distribution"}
__all__ = [
    "Distribution",
    "GaussianSpinModel",
    "Pack",
    "TSUSampler",
    "boltzmann_machine",
    "compile",
    "estimate_kl_grad",
    "estimate_moments",
    "exact",
    "fabric_of",
    "pack",
    "rbm",
    "sample_states",
    "sample_with_observation",
    "stationary_distribution",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Names load when first used: compiling an IsingModel needs neither JAX nor dimod."""
    if name in _RENAMED:
        warnings.warn(
            f"thermofab.compiler.{name} is now {_RENAMED[name]}; the former name goes with the next release.",
            DeprecationWarning,
            stacklevel=2,
        )
        return __getattr__(_RENAMED[name])
    if name not in _HOME:
        raise AttributeError(f"module 'thermofab.compiler' has no attribute '{name}'")
    value = getattr(import_module(f"thermofab.compiler.{_HOME[name]}"), name)
    globals()[name] = value
    return value
