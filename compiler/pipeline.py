"""compile: from a program to an image that samples its law."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from thermofab.compiler.certify.verify import verified
from thermofab.compiler.frontend import lower
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.colour import Colour
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.fold_clamps import FoldClamps
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise
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
    tries: int = 4,
    verify: bool | None = None,
    clamp: Mapping[Hashable, Any] | None = None,
    code: str = "binary",
    keep_zero: bool = False,
) -> Program:
    """Compile a program onto a fabric.

    Args:
        source: a THRML sampling program, IsingEBM, FactorizedEBM or list of factors; a dimod BQM; a networkx graph
            with edge attribute ``weight`` and node attribute ``bias``; an :class:`IsingModel`.
        fabric: a :class:`FabricSpec`, or what :func:`thermofab.fabric` makes one from.
        tolerance: largest total variation distance of the compiled real-valued model's law from the program's that
            is accepted; ``None`` accepts exact compilations only. What rounding to integers adds is reported, not
            held against the tolerance.
        beta: inverse temperature of sources that have none of their own, P ∝ exp(-beta·E).
        beta_levels: factors on β, one an activation table, for annealing; level 0 is what a schedule uses by
            default. The certificate is about factor 1: at others a wire carries another coupling.
        seed: of the placement search, and the program's seed, 0…2^64-1.
        copies: sites of every node, instead of a search.
        tries: minor embeddings to choose from.
        clamp: nodes whose value is known beforehand and their values: they take no site, and read as that value.
        code: of categorical nodes: ``"binary"``, ``"gray"`` or ``"unary"``.
        keep_zero: place edges of weight 0 too, so that :meth:`Program.with_weights` may give them weights.
        verify: enumerate the integer program's law for the report; ``None`` does if that takes well under a second.

    Raises:
        CompileError: the program is malformed or unsupported, does not fit, or no embedding was found.
        RefusedError: it fits only with an error, and ``tolerance`` does not allow that much.
    """
    spec = fabric if isinstance(fabric, FabricSpec) else make_fabric(fabric)
    if tolerance is not None and not 0 < tolerance <= 1:
        raise CompileError(f"tolerance is a total variation distance in 0…1, above 0, got {tolerance!r}.")
    if isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise CompileError(f"seed must lie in 0…2^64-1, got {seed!r}.")
    levels = tuple(float(level) for level in beta_levels)
    if not 1 <= len(levels) <= spec.levels or not all(0 <= level < float("inf") for level in levels):
        raise CompileError(
            f"beta_levels must be 1 to {spec.levels} finite factors of at least 0 on this fabric, got {levels}; "
            "a fabric with more levels holds more."
        )
    lowest = min([level for level in levels if level > 0] + [1.0])
    draft = Canonicalise(keep_zero)(FoldClamps(clamp or {})(lower(source, beta)), spec)
    given = None if copies is None else tuple(tuple(sites) for sites in copies)
    for one in (
        Categorical(code),
        HigherOrder(),
        Place(seed=seed, tries=tries, copies=given),
        RootAndWire(tolerance=tolerance),
        Colour(),
        ScaleAndQuantise(lowest_beta=lowest),
    ):
        draft = one(draft)
    program = Emit(seed=seed, beta_levels=levels)(draft)
    return verified(program, draft, levels, verify)
