"""thermofab: hardware/software co-design for thermodynamic sampling units. One program, the same bits everywhere."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermofab.apps.optimise import Budget, Minimum, maxcut_bound, minimise
    from thermofab.compiler import (
        GaussianSpinModel,
        TSUSampler,
        boltzmann_machine,
        compile,
        estimate_kl_grad,
        estimate_moments,
        exact,
        fabric_of,
        pack,
        rbm,
        sample_states,
        sample_with_observation,
    )
    from thermofab.hw import emit_verilog
    from thermofab.hw.spec import (
        CompileError,
        DeviceError,
        DiscreteModel,
        DistributionWarning,
        FabricSpec,
        Image,
        IsingModel,
        MixingWarning,
        Program,
        RefusedError,
        Samples,
        Schedule,
        SpecError,
        ThermofabError,
        Topology,
        fabric,
        open_device,
        topology,
    )

__version__ = "0.1.0"

_HOME = {
    **dict.fromkeys(
        (
            "CompileError", "DeviceError", "DiscreteModel", "DistributionWarning", "FabricSpec", "Image", "IsingModel",
            "MixingWarning", "Program", "RefusedError", "Samples", "Schedule", "SpecError", "ThermofabError",
            "Topology", "fabric", "open_device", "topology",
        ),
        "thermofab.hw.spec",
    ),
    **dict.fromkeys(
        (
            "GaussianSpinModel", "TSUSampler", "boltzmann_machine", "compile", "estimate_kl_grad", "estimate_moments",
            "exact", "fabric_of", "pack", "rbm", "sample_states", "sample_with_observation",
        ),
        "thermofab.compiler",
    ),
    **dict.fromkeys(("Budget", "Minimum", "maxcut_bound", "minimise"), "thermofab.apps.optimise"),
    "emit_verilog": "thermofab.hw",
}  # fmt: skip
__all__ = [
    "Budget",
    "CompileError",
    "DeviceError",
    "DiscreteModel",
    "DistributionWarning",
    "FabricSpec",
    "GaussianSpinModel",
    "Image",
    "IsingModel",
    "Minimum",
    "MixingWarning",
    "Program",
    "RefusedError",
    "Samples",
    "Schedule",
    "SpecError",
    "TSUSampler",
    "ThermofabError",
    "Topology",
    "boltzmann_machine",
    "compile",
    "emit_verilog",
    "estimate_kl_grad",
    "estimate_moments",
    "exact",
    "fabric",
    "fabric_of",
    "maxcut_bound",
    "minimise",
    "open_device",
    "pack",
    "rbm",
    "sample_states",
    "sample_with_observation",
    "topology",
]


def __getattr__(name: str) -> Any:
    """Public names load when first used, so that ``import thermofab`` brings in neither JAX nor Amaranth."""
    if name not in _HOME:
        raise AttributeError(f"module 'thermofab' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
