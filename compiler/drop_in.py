"""sample_states: thrml.sample_states on a fabric."""

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from thermofab.compiler.certify.accept import warning_of
from thermofab.compiler.distributions.exact import clamp_values
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.folding import folded
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.native_fabric import fabric_of
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.compiler.pipeline import compile
from thermofab.hw.spec.colouring import compact_colours
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import CompileError, DistributionWarning, SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.factors import LARGEST_FACTOR
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.registry import open_device
from thermofab.hw.spec.schedule import Schedule
from thermofab.hw.spec.seeding import GOLDEN, mix64
from thermofab.hw.spec.topology import Topology

# A fabric made from a program updates in the program's own order, unless that has more steps than this a sweep.
_MOST_GROUPS = 16
_MOST_SPINS = 100_000  # of a program of higher order on a fabric of hidden spins
_HIDDEN = "program with hidden spins"


class _Cache:
    """The most recently used values, at most ``size`` of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.items: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str) -> Any:
        if key in self.items:
            self.items.move_to_end(key)
        return self.items.get(key)

    def put(self, key: str, value: Any) -> Any:
        self.items[key] = value
        self.items.move_to_end(key)
        while len(self.items) > self.size:
            self.items.popitem(last=False)
        return value


_programs, _placements, _fabrics, _devices = _Cache(32), _Cache(32), _Cache(32), _Cache(8)


def sample_states(
    key: Any,
    program: Any,
    schedule: Any,
    init_state_free: Sequence[Any] | None,
    state_clamp: Sequence[Any],
    nodes_to_sample: Sequence[Any],
    *,
    fabric: Any = None,
    device: Any = "jax",
    tolerance: float | None = None,
    seed: int = 0,
) -> list[jax.Array]:
    """Collect states of ``nodes_to_sample``; a drop-in for ``thrml.sample_states``.

    The distribution is THRML's up to the compilation's certificate and rounding, and a ``DistributionWarning`` says so
    where rounding may move it by a total variation distance of 0.05 or more; the random bits are the fabric's, not
    threefry's. Programs are compiled once for each content (weights included), and a graph is placed once whatever
    its weights, so a training loop only rounds anew.

    Args:
        key: a JAX key, typed or raw uint32 ``[2]``; the run's seed is taken from its bits.
        program: as for THRML.
        schedule: as for THRML.
        init_state_free: arrays ``[nodes]``, one a free block, bool for spins and integers for categorical nodes;
            ``None`` draws them.
        state_clamp: arrays ``[nodes]``, one a clamped block, likewise.
        nodes_to_sample: blocks, free or clamped.
        fabric: what to compile for; ``None`` makes a fabric of the program's own graph, with a factor for every term
            of three to six bits. Where a term has more, hidden spins stand for all terms of three and more, which a
            ``DistributionWarning`` says.
        device: a name for :func:`thermofab.open_device`, or an open device for ``fabric``.
        tolerance: as for :func:`thermofab.compile`.
        seed: as for :func:`thermofab.compile`.

    Returns:
        arrays ``[n_samples, nodes]``, one a requested block: bool for spins, uint8 for categorical nodes.

    Raises:
        CompileError: it was called under ``jit``, ``vmap`` or ``grad``, or the program cannot be compiled.
    """
    leaves = jax.tree.leaves((key, program, list(init_state_free or []), list(state_clamp)))
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        raise CompileError(
            "sample_states compiles and runs outside JAX and cannot be traced; call it outside jit, vmap and grad."
        )
    lowered = lower(program)
    known: dict[Any, int] = {}
    if isinstance(lowered.model, DiscreteModel):
        # A term of higher order loses its clamped nodes: fewer hidden spins, and chains that mix sooner.
        known = clamp_values(lowered, [np.asarray(values) for values in state_clamp])
    left = folded(lowered, {lowered.model.nodes[k]: value for k, value in known.items()})
    spec = _own_fabric(program, left) if fabric is None else make_fabric(fabric)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DistributionWarning)  # said below, of cached programs too
        compiled = _compiled(lowered, left, known, spec, tolerance, seed)
    said = warning_of(compiled) if tolerance is None else ""
    if said:
        warnings.warn(
            f"{said} A fabric of the program's own: fabric=thermofab.compiler.fabric_of(program, profile='fine').",
            DistributionWarning,
            stacklevel=2,
        )
    running = _open(device, spec) if isinstance(device, str) else device
    # The cached program may hold the equal nodes of an earlier THRML program: ask by position.
    index = {node: k for k, node in enumerate(lowered.model.nodes)}
    wanted = []
    for block in nodes_to_sample:
        unknown = [node for node in block if node not in index]
        if unknown:
            raise SpecError(
                f"nodes_to_sample asks for {unknown[0]!r}, which is not a node of this program; "
                "ask for nodes of its free and clamped blocks."
            )
        wanted.append([compiled.model.nodes[index[node]] for node in block])
    asked = Schedule.of(schedule)
    samples = compiled.sample(
        asked,
        nodes=wanted,
        clamp=[np.asarray(values) for values in state_clamp],
        init=None if init_state_free is None else [np.asarray(values) for values in init_state_free],
        seed=seed_of(key),
        device=running,
    )
    return [jnp.asarray(block[0]) for block in samples.states]


def seed_of(key: Any) -> int:
    """64 bits of a JAX key: its two words side by side; longer keys (other generators) are hashed.

    Raises:
        CompileError: an array of keys was given.
    """
    typed = jnp.issubdtype(jnp.asarray(key).dtype, jax.dtypes.prng_key)
    words = np.asarray(jax.random.key_data(key) if typed else key)
    if words.ndim != 1 or words.dtype != np.uint32:
        raise CompileError(f"key must be one JAX key, got {words.dtype} of shape {words.shape}; split it and loop.")
    if len(words) <= 2:
        return int.from_bytes(words.astype(">u4").tobytes(), "big")
    hashed = np.zeros(1, dtype=np.uint64)
    for word in words.astype(np.uint64):
        hashed = mix64((hashed ^ word) + np.uint64(GOLDEN))
    return int(hashed[0])


def _compiled(
    lowered: Lowered,
    left: Lowered,
    known: dict[int, int],
    spec: FabricSpec,
    tolerance: float | None,
    seed: int,
) -> Program:
    model = left.model
    blocks = [lowered.free_blocks, lowered.clamped_blocks, sorted(known.items())]
    content = digest_of(spec.digest, blocks, tolerance, seed, *_parts(model))
    cached = _programs.get(content)
    if cached is not None:
        return cached
    clamp = {lowered.model.nodes[k]: value for k, value in known.items()}
    shape = digest_of(spec.digest, blocks, seed, *_structure(model))
    copies = _placements.get(shape)
    made = None
    if copies is not None:
        try:
            made = compile(lowered, spec, tolerance=tolerance, seed=seed, copies=copies, verify=False, clamp=clamp)
        except CompileError:
            # Other weights may need other copies; search again before giving up.
            made = None
    if made is None:
        made = compile(lowered, spec, tolerance=tolerance, seed=seed, verify=False, clamp=clamp)
        # copies= would bar the factors; sites on them are those of equal index, or soon found again.
        if not np.any(made.image.factors):
            _placements.put(shape, made.copies)
    return _programs.put(content, made)


def _parts(model: IsingModel | DiscreteModel) -> list[Any]:
    """What a model's distribution depends on."""
    if isinstance(model, IsingModel):
        return [model.biases, model.edges, model.couplings]
    return [model.categories, *(part for f in model.factors for part in (f.spins, f.categories, f.weights))]


def _structure(model: IsingModel | DiscreteModel) -> list[Any]:
    """What its placement depends on."""
    if isinstance(model, IsingModel):
        return [model.edges, model.couplings == 0]
    return [model.categories, *(part for f in model.factors for part in (f.spins, f.categories, f.weights == 0))]


def _own_fabric(program: Any, lowered: Lowered) -> FabricSpec:
    """A fabric whose sites are the program's nodes, in its order; colours are its superblocks, clamped nodes last.

    With categories or terms of higher order the sites are the program's bits, and factors hold its terms.
    """
    model = lowered.model
    if isinstance(model, DiscreteModel):
        return _own_factors(lowered)
    n, order = model.n_nodes, program.gibbs_spec.sampling_order
    key = digest_of("own fabric", n, lowered.free_blocks, order, *_structure(model))
    known = _fabrics.get(key)
    if known is not None:
        return known
    colours = None
    if len(order) <= _MOST_GROUPS:
        colours = np.full(n, len(order))
        for group, members in enumerate(order):
            for b in members:
                colours[list(lowered.free_blocks[b])] = group
        colours = compact_colours(colours)
    return _fabrics.put(key, FabricSpec(Topology.from_edges("program", n, model.edges, colours=colours)))


def _own_factors(lowered: Lowered) -> FabricSpec:
    """The program's own fabric with a factor for every term; one of hidden spins, and a warning, where one is wide."""
    # By content: which terms there are depends on the weights. Weights in general position give equal fabrics.
    key = digest_of("own factors", *_parts(lowered.model))
    spec = _fabrics.get(key)
    if spec is None:
        try:
            spec = fabric_of(lowered)
        except SpecError:
            bare = FabricSpec(Topology.from_edges("without limit", _MOST_SPINS, np.zeros((0, 2), dtype=np.int64)))
            paired = HigherOrder()(Categorical()(Canonicalise()(Source(lowered, bare))))
            spec = FabricSpec(Topology.from_edges(_HIDDEN, paired.n, paired.edges))
        _fabrics.put(key, spec)
    if spec.topology.name == _HIDDEN:
        warnings.warn(
            f"a term of this program has more than {LARGEST_FACTOR} bits, which no factor holds, so hidden spins stand "
            f"for it; samples are correlated over more sweeps than THRML's, and small weights round more coarsely. "
            "Take longer warm-ups and more steps per sample, or split the term.",
            DistributionWarning,
            stacklevel=4,
        )
    return spec


def _open(device: str, spec: FabricSpec) -> Any:
    key = f"{device} {spec.digest} {spec.architecture} {spec.elements} {spec.moment_bits}"
    return _devices.get(key) or _devices.put(key, open_device(device, spec))
