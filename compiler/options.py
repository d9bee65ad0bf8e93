"""The options of compile: the fields of the passes, and the types of those that users set."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from thermofab.compiler.ir.lowered import as_reals
from thermofab.compiler.passes import pipelines
from thermofab.compiler.passes.base import option_names
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.fold_clamps import FoldClamps
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec


class Options(TypedDict, total=False):
    """Those that :func:`~thermofab.compiler.pipeline.compile` documents, for type checkers."""

    tolerance: float | None
    beta_levels: Sequence[float]
    seed: int
    copies: Sequence[Sequence[int]] | None
    tries: int | None
    clamp: Mapping[Hashable, Any] | None
    code: str | None
    keep_zero: bool
    refit: bool
    betas: Sequence[float] | None
    progress: Callable[[int, int, str], None] | None


def checked_options(options: Mapping[str, Any], spec: FabricSpec) -> dict[str, Any]:
    """``options``, with the β levels as floats.

    Raises:
        CompileError: no pass has such a field, or the fabric does not hold the β levels.
    """
    known = {name for one in (FoldClamps, *pipelines.PASSES.values(), Emit) for name in option_names(one)}
    unknown = set(options) - known
    if unknown:
        known |= {"beta", "pipeline", "trace", "verify"}
        raise CompileError(f"compile has no option {min(unknown)!r}; it has {', '.join(sorted(known))}.")
    asked = options.get("beta_levels")
    levels = (1.0,) if asked is None else tuple(as_reals("beta_levels", list(asked)).tolist())
    if not 1 <= len(levels) <= spec.levels or not all(0 <= level < float("inf") for level in levels):
        raise CompileError(
            f"beta_levels must be 1 to {spec.levels} finite factors of at least 0 on this fabric, got {levels}; "
            "a fabric with more levels holds more."
        )
    given = {**options, "beta_levels": levels}
    if isinstance(given.get("seed"), np.integer):
        given["seed"] = int(given["seed"])  # the generators of the standard library take no others
    return given
