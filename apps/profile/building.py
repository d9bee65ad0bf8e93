"""Programs of an application by weight bits, on a fabric of its own graph."""

from functools import cache
from typing import Any

from thermofab.apps.profile.deviations import Build
from thermofab.compiler import compile, fabric_of
from thermofab.hw.spec import DiscreteModel, IsingModel, Program


def built(model: IsingModel | DiscreteModel, *, code: str = "binary", bias_bits: int = 12, **options: Any) -> Build:
    """Makes programs, each once.

    Args:
        model: what is sampled.
        code: of categorical nodes.
        bias_bits: of the fabric.
        options: of :func:`thermofab.compile`.
    """

    @cache
    def build(weight_bits: int) -> Program:
        levels = len(options.get("beta_levels", (1.0,)))
        fabric = fabric_of(
            model, code=code, profile="fine", weight_bits=weight_bits, bias_bits=bias_bits, levels=levels
        )
        return compile(model, fabric, code=code, verify=False, **options)

    return build
