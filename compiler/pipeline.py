"""compile: from a program to an image that samples its distribution."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from thermofab.compiler.certify.accept import accepted
from thermofab.compiler.certify.verify import BEFORE_REFUSING, verified
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.folding import folded
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.stages import Log, Source
from thermofab.compiler.native_fabric import has_hidden_spins, own_fabric
from thermofab.compiler.options import Options, checked_options
from thermofab.compiler.passes.base import run_passes, tolerance_of, with_options
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.fold_clamps import FoldClamps
from thermofab.compiler.passes.pipelines import pipeline_of
from thermofab.compiler.recompile import CompiledStructure
from thermofab.compiler.suits import with_suits
from thermofab.hw.spec.errors import CompileError, RefusedError
from thermofab.hw.spec.fabric import DEFAULT_LEVELS, FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.program import Program


def compile(
    source: Any,
    fabric: Any = None,
    *,
    pipeline: str = "exact",
    beta: float = 1.0,
    verify: bool | None = None,
    check: bool = False,
    trace: Callable[[str, Source], None] | None = None,
    **options: Unpack[Options],
) -> Program:
    """Compile a program onto a fabric.

    Options are fields of the passes: each goes to every pass of the pipeline that has a field of that name, before what
    the pipeline's text says; ``None`` leaves what the pipeline has. Those below are the ones that matter most;
    :mod:`thermofab.compiler.passes` has the others.

    Args:
        source: a THRML sampling program, IsingEBM, FactorizedEBM or list of factors; a dimod BQM; a networkx graph
            with edge attribute ``weight`` and node attribute ``bias``; an :class:`IsingModel`; spins with Gaussian
            variables (:class:`~thermofab.compiler.frontend.gaussian.GaussianSpinModel`).
        fabric: a :class:`FabricSpec`, or what :func:`thermofab.fabric` makes one from. ``None`` chooses a fabric of the
            program's own graph (:func:`thermofab.fabric_of`), with hidden spins if a term has more than six spins, and
            with ``profile="fine"`` if compiling for the default widths is refused; the report's first pass says which.
        pipeline: ``"exact"``, ``"strict"`` (no copies that may break: refused instead), ``"fast"`` (one embedding),
            ``"tolerant"`` (a TV of 0.05), or passes written as text (:mod:`thermofab.compiler.passes.pipelines`).
        beta: inverse temperature of sources that have none of their own, P ∝ exp(-beta·E).
        verify: enumerate the integer program's distribution for the report; ``None`` does if that takes well under a
            second.
        check: compare a run with trusted ones (:meth:`thermofab.Program.check`), for the report and for ``tolerance``.
        trace: called after every pass of the pipeline with its name and the stage it made.
        tolerance: largest total variation distance, end to end, of what integers and tables sample from the program's
            distribution that is accepted: enumerated for a small program, measured with ``check``, else predicted.
            ``None`` accepts exact constructions only, refuses a program whose wells the table cannot hold in balance,
            and warns above 0.05.
        beta_levels: factors on β, one per activation table, for annealing; level 0 is what a schedule uses by
            default. The certificate is about factor 1: at others a wire carries another coupling.
        seed: of the placement search, and the program's seed, 0…2^64-1.
        copies: sites of every node, instead of a search.
        tries: minor embeddings to choose from (by default the pipeline's, 4).
        clamp: nodes whose value is known beforehand and their values: they take no site, and read as that value.
        code: of categorical nodes: ``"binary"`` (the default), ``"gray"`` or ``"unary"``.
        keep_zero: place edges of weight 0 too, so that :meth:`Program.with_weights` may give them weights.
        refit: change integers by units after rounding, so that their errors cancel: slower, and worth about a quarter
            of a bit of weight width.
        betas: factors on β over which the rounding error is averaged; by default 1 alone. For programs that are
            sampled at several levels: all levels share the integers, and each has a table of its own.
        progress: called as ``progress(done, total, what)`` during the search for an embedding.

    Raises:
        CompileError: the program is malformed or unsupported, does not fit, or no embedding was found; or no pass has
            such an option.
        RefusedError: it fits only with an error, and ``tolerance`` does not allow that much.
    """
    lowered = lower(source, beta)
    request = _Request(pipeline, beta, verify, check, trace, options)
    if fabric is not None:
        return _compiled(Source(lowered, fabric if isinstance(fabric, FabricSpec) else make_fabric(fabric)), request)
    own = _own_fabric(lowered, options)
    with suppress(RefusedError):
        return _compiled(Source(lowered, own, log=_chosen(own, "default widths")), request)
    fine = make_fabric(own, profile="fine")
    log = _chosen(fine, "profile='fine', for the default widths were refused")
    return _compiled(Source(lowered, fine, log=log), request)


@dataclass(frozen=True)
class _Request:
    """What :func:`compile` was asked for, apart from source and fabric."""

    pipeline: str
    beta: float
    verify: bool | None
    check: bool
    trace: Callable[[str, Source], None] | None
    options: Options


def _own_fabric(lowered: Lowered, options: Options) -> FabricSpec:
    """The fabric of a program for which none was given: as many levels as its options ask for."""
    left = folded(lowered, options.get("clamp") or {})
    levels = max(DEFAULT_LEVELS, len(options.get("beta_levels") or ()))
    return own_fabric(left, code=options.get("code") or "binary", levels=levels)


def _chosen(fabric: FabricSpec, widths: str) -> Log:
    top = fabric.topology
    hidden = ", hidden spins for terms of more than six" if has_hidden_spins(fabric) else ""
    size = f"{top.n_sites} sites, {top.n_edges} edges, {top.n_factors} factors"
    return (("choose-fabric", f"none was given; one of the program's own graph, {size}{hidden}, {widths}"),)


def _compiled(source: Source, request: _Request) -> Program:
    """See :func:`compile`."""
    given = checked_options(request.options, source.fabric)
    fold, emit = with_options(FoldClamps(), given), with_options(Emit(), given)
    passes = pipeline_of(request.pipeline, given)
    stage = fold(source)
    if request.check and np.any(stage.lowered.clamped):
        raise CompileError(
            "check=True knows no values for the clamped nodes of this program; compile it, and then "
            "program.check(clamp={node: value}), or fold values with clamp=."
        )
    try:
        quantised = run_passes(passes, stage, request.trace)
    except CompileError as error:
        # What lowering did (pairs that it coupled, say) may be why a program does not fit.
        for note in stage.lowered.notes:
            error.add_note(f"The front end {note}.")
        raise
    program = emit(quantised).replace(structure=CompiledStructure(quantised, (fold, *passes), emit, request.beta))
    program = verified(with_suits(program, quantised), quantised, emit.beta_levels, request.verify)
    tolerance = tolerance_of(passes)
    try:
        return accepted(program.check() if request.check else program, tolerance)
    except RefusedError:
        # Nothing is refused on a prediction that seconds of enumeration can replace.
        sites = sum(map(len, program.drawing)) + quantised.clamped.sum()
        if request.verify is not None or request.check or sites > BEFORE_REFUSING:
            raise
    return accepted(verified(program, quantised, emit.beta_levels, True), tolerance)
