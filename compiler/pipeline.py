"""compile: from a program to an image that samples its distribution."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from thermofab.compiler.certify.verify import verified
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.draft import Draft
from thermofab.compiler.ir.fold_clamps import FoldClamps
from thermofab.compiler.ir.lowered import as_reals
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.factor_sites import FactorSites
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.compiler.passes.pipelines import pipeline_of
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.recompile import Structure
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.program import Program


def compile(
    source: Any,
    fabric: Any,
    *,
    tolerance: float | None = None,
    beta: float = 1.0,
    beta_levels: Sequence[float] = (1.0,),
    seed: int = 0,
    copies: Sequence[Sequence[int]] | None = None,
    tries: int | None = None,
    verify: bool | None = None,
    clamp: Mapping[Hashable, Any] | None = None,
    code: str | None = None,
    keep_zero: bool = False,
    refit: bool = False,
    betas: Sequence[float] | None = None,
    pipeline: str = "exact",
    trace: Callable[[str, Draft], None] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Program:
    """Compile a program onto a fabric.

    Args:
        source: a THRML sampling program, IsingEBM, FactorizedEBM or list of factors; a dimod BQM; a networkx graph
            with edge attribute ``weight`` and node attribute ``bias``; an :class:`IsingModel`.
        fabric: a :class:`FabricSpec`, or what :func:`thermofab.fabric` makes one from.
        tolerance: largest total variation distance of the compiled real-valued model's distribution from the program's
            that is accepted; ``None`` accepts exact compilations only. What rounding to integers adds is reported, not
            held against the tolerance.
        beta: inverse temperature of sources that have none of their own, P ∝ exp(-beta·E).
        beta_levels: factors on β, one an activation table, for annealing; level 0 is what a schedule uses by
            default. The certificate is about factor 1: at others a wire carries another coupling.
        seed: of the placement search, and the program's seed, 0…2^64-1.
        copies: sites of every node, instead of a search.
        tries: minor embeddings to choose from (by default the pipeline's, 4).
        clamp: nodes whose value is known beforehand and their values: they take no site, and read as that value.
        code: of categorical nodes: ``"binary"`` (the default), ``"gray"`` or ``"unary"``.
        refit: change integers by units after rounding, so that their errors cancel: slower, and worth about a quarter
            of a bit of weight width.
        betas: factors on β at which rounding is to err least, on average; by default 1 alone. For programs that are
            sampled at several levels: all levels share the integers, and each has a table of its own.
        pipeline: ``"exact"``, ``"strict"`` (no copies that may break: refused instead), ``"fast"`` (one embedding),
            ``"tolerant"`` (a TV of 0.05), or passes written as text (:mod:`thermofab.compiler.passes.pipelines`);
            what other arguments say goes before it.
        trace: called after every pass with its name and the draft it made.
        progress: called as ``progress(done, total, what)`` during the search for an embedding.
        keep_zero: place edges of weight 0 too, so that :meth:`Program.with_weights` may give them weights.
        verify: enumerate the integer program's distribution for the report; ``None`` does if that takes well under a
            second.

    Raises:
        CompileError: the program is malformed or unsupported, does not fit, or no embedding was found.
        RefusedError: it fits only with an error, and ``tolerance`` does not allow that much.
    """
    spec = fabric if isinstance(fabric, FabricSpec) else make_fabric(fabric)
    if tolerance is not None and not (isinstance(tolerance, Real) and 0 < tolerance <= 1):
        raise CompileError(f"tolerance is a total variation distance in 0…1, above 0, got {tolerance!r}.")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**64:
        raise CompileError(f"seed must lie in 0…2^64-1, got {seed!r}.")
    levels = tuple(as_reals("beta_levels", list(beta_levels)).tolist())
    if not 1 <= len(levels) <= spec.levels or not all(0 <= level < float("inf") for level in levels):
        raise CompileError(
            f"beta_levels must be 1 to {spec.levels} finite factors of at least 0 on this fabric, got {levels}; "
            "a fabric with more levels holds more."
        )
    lowest = min([level for level in levels if level > 0] + [1.0])
    given = None if copies is None else tuple(tuple(sites) for sites in copies)
    chosen: dict[str, dict[str, Any]] = {
        "canonicalise": {"keep_zero": keep_zero} if keep_zero else {},
        "categorical": {} if code is None else {"code": code},
        "place": {"seed": seed, "copies": given, "progress": progress} | ({} if tries is None else {"tries": tries}),
        "root-and-wire": {} if tolerance is None else {"tolerance": tolerance},
        "scale-and-quantise": {"lowest_beta": lowest}
        | ({"refit": True} if refit else {})
        | ({} if betas is None else {"betas": _factors(betas)}),
    }
    passes = pipeline_of(pipeline, chosen)
    lowered = FoldClamps(clamp or {})(lower(source, beta))
    if given is not None:  # the caller's sites, which a search on factors must not replace
        passes = tuple(one for one in passes if not isinstance(one, FactorSites))
    drafts = [passes[0](lowered, spec)]
    for k, one in enumerate(passes):
        if k:
            drafts.append(one(drafts[-1]))
        if trace is not None:
            trace(one.name, drafts[-1])
    emit = Emit(seed=seed, beta_levels=levels)
    front = tuple(one for one in passes if isinstance(one, (Canonicalise, Categorical, FactorSites, HigherOrder)))
    wire = next(one for one in passes if isinstance(one, RootAndWire))
    structure = Structure(drafts[-1], front, wire, passes[-1], emit, dict(clamp or {}), beta)
    return verified(emit(drafts[-1], structure), drafts[-1], levels, verify)


def _factors(betas: Sequence[float]) -> tuple[float, ...]:
    factors = tuple(as_reals("betas", list(betas)).tolist())
    if not factors or not all(0 < beta < float("inf") for beta in factors):
        raise CompileError(f"betas must be positive finite factors on β, one at least, got {factors}.")
    return factors
