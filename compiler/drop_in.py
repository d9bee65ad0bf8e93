"""sample_states and sample_with_observation: THRML's calls of these names, on a fabric."""

import os
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.compiler.certify.accept import warning_of
from thermofab.compiler.distributions.exact import clamp_values
from thermofab.compiler.frontend import lower
from thermofab.compiler.host_calls import call_on_host, is_traced
from thermofab.compiler.ir.folding import folded
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.native_fabric import has_hidden_spins, own_fabric
from thermofab.compiler.pipeline import compile
from thermofab.hw.spec.colouring import compact_colours
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import CompileError, DeviceError, DistributionWarning, RefusedError, SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.factors import LARGEST_FACTOR
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.schedule import LikeSchedule, Schedule
from thermofab.hw.spec.seeding import GOLDEN, mix64
from thermofab.hw.spec.topology import Topology

# A fabric made from a program updates in the program's own order, unless that has more steps than this a sweep.
_MOST_GROUPS = 16

XLA_ALONE = "jax-xla"  # the device that computes on JAX's own threads


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


_programs, _fine_programs, _placements, _fabrics = _Cache(32), _Cache(32), _Cache(32), _Cache(32)


def sample_states(
    key: Any,
    program: Any,
    schedule: LikeSchedule,
    init_state_free: Sequence[Any] | None,
    state_clamp: Sequence[Any],
    nodes_to_sample: Sequence[Any],
    *,
    fabric: Any = None,
    device: Device | str = "jax",
    tolerance: float | None = None,
    seed: int = 0,
) -> list[jax.Array]:
    """Collect states of ``nodes_to_sample``; a drop-in for ``thrml.sample_states``.

    The distribution is THRML's up to the compilation's certificate and rounding, and a ``DistributionWarning`` says so
    where rounding may move it by a total variation distance of 0.05 or more; the random bits are the fabric's, not
    threefry's. Programs are compiled once for each content (weights included), and a graph is placed once whatever
    its weights, so a training loop only rounds anew.

    It runs under ``jit``, ``vmap`` and ``scan`` too, as a callback to the host. A batch is one run with a replica per
    chain, and every chain has the bits of a call with its key alone. Weights may be traced: the program is then
    compiled when it is run, once per set of weights. Samples are constants to ``grad``.

    Args:
        key: a JAX key, typed or raw uint32 ``[2]``; the run's seed is taken from its bits.
        program: as for THRML.
        schedule: as for THRML.
        init_state_free: arrays ``[nodes]``, one a free block, bool for spins and integers for categorical nodes;
            ``None`` draws them.
        state_clamp: arrays ``[nodes]``, one a clamped block, likewise.
        nodes_to_sample: blocks, free or clamped.
        fabric: what to compile for; ``None`` makes a fabric of the program's own graph, with a factor for every term
            of three to six bits, and of ``profile="fine"`` where compiling for the default widths is refused. Where a
            term has more, hidden spins stand for all terms of three and more, which a ``DistributionWarning`` says.
        device: a name for :func:`thermofab.open_device`, or an open device for ``fabric``.
        tolerance: as for :func:`thermofab.compile`.
        seed: as for :func:`thermofab.compile`.

    Returns:
        arrays ``[n_samples, nodes]``, one a requested block: bool for spins, uint8 for categorical nodes.

    Raises:
        CompileError: the program cannot be compiled, or an array of keys was given.
        SpecError: a node is not the program's, or the schedule's numbers are traced.
    """
    chains = _Chains(program, _fixed(schedule), _blocks(program, nodes_to_sample), fabric, device, tolerance, seed)
    words = _words_of(key)
    init = None if init_state_free is None else list(init_state_free)
    if is_traced(words, program, init, state_clamp):
        return _traced(chains, words, init, list(state_clamp))
    lowered = lower(program)
    states = chains.run(
        lowered,
        chains.numbers(lowered),
        lambda known: chains.compiled(lowered, dict(known)),
        [seed_of(words)],
        None if init is None else [np.asarray(values)[None] for values in init],
        [np.asarray(values)[None] for values in state_clamp],
    )
    return [jnp.asarray(block[0]) for block in states]


def sample_with_observation(
    key: Any,
    program: Any,
    schedule: LikeSchedule,
    init_chain_state: Sequence[Any] | None,
    state_clamp: Sequence[Any],
    observation_carry_init: Any,
    f_observe: Callable[..., tuple[Any, Any]],
    *,
    fabric: Any = None,
    device: Device | str = "jax",
    tolerance: float | None = None,
    seed: int = 0,
) -> tuple[Any, Any]:
    """Call an observer after every sample; a drop-in for ``thrml.sample_with_observation``.

    The chain runs first, and all its states are held while the observer goes through them: bool or uint8
    ``[n_samples, free nodes]``. The samples are those of :func:`sample_states` for the same key.

    Args:
        key, program, schedule, state_clamp: as for :func:`sample_states`.
        init_chain_state: as its ``init_state_free``.
        observation_carry_init: the observer's first carry.
        f_observe: a THRML observer: ``(program, free states, clamped states, carry, iteration)`` to ``(carry, what to
            record)``. The states are lists of arrays ``[nodes]``, one per block.
        fabric, device, tolerance, seed: as for :func:`sample_states`.

    Returns:
        the last carry, and what was recorded, with a first axis of ``n_samples``.

    Raises:
        CompileError, SpecError: as for :func:`sample_states`.
    """
    states = sample_states(
        key, program, schedule, init_chain_state, state_clamp, program.gibbs_spec.free_blocks,
        fabric=fabric, device=device, tolerance=tolerance, seed=seed,
    )  # fmt: skip
    clamped = [jnp.asarray(values) for values in state_clamp]

    def observed(carry: Any, sample: tuple[list[jax.Array], jax.Array]) -> tuple[Any, Any]:
        free, iteration = sample
        return f_observe(program, list(free), clamped, carry, iteration)

    # The first call is made apart, as THRML does: an observer may return a carry of another dtype than it was given.
    carry, first = observed(observation_carry_init, ([block[0] for block in states], jnp.array(0)))
    rest = [block[1:] for block in states]
    carry, others = jax.lax.scan(observed, carry, (rest, jnp.arange(1, Schedule.of(schedule).n_samples)))
    return carry, jax.tree.map(lambda one, more: jnp.concatenate([one[None], more]), first, others)


def seed_of(key: Any) -> int:
    """64 bits of a JAX key: its two words side by side; longer keys (other generators) are hashed.

    Raises:
        CompileError: an array of keys was given.
    """
    return int(_seeds_of(np.asarray(_words_of(key))[None])[0])


def _words_of(key: Any) -> jax.Array:
    """The words of one key, typed or raw: uint32 ``[words]``."""
    raw = jnp.asarray(key)
    words = jax.random.key_data(raw) if jnp.issubdtype(raw.dtype, jax.dtypes.prng_key) else raw
    if words.ndim != 1 or words.dtype != jnp.uint32:
        raise CompileError(
            f"key must be one JAX key, got {words.dtype} of shape {words.shape}; split it and loop, or use jax.vmap."
        )
    return words


def _seeds_of(words: np.ndarray) -> np.ndarray:
    """Seeds uint64 ``[B]`` of keys uint32 ``[B, words]``."""
    seeds = np.zeros(len(words), dtype=np.uint64)
    for word in words.astype(np.uint64).T:
        if words.shape[1] <= 2:
            seeds = seeds << np.uint64(32) | word
        else:
            seeds = mix64((seeds ^ word) + np.uint64(GOLDEN))
    return seeds


def _fixed(schedule: LikeSchedule) -> Schedule:
    if is_traced([getattr(schedule, name, None) for name in ("n_warmup", "n_samples", "steps_per_sample")]):
        raise SpecError(
            "the schedule's numbers are traced, and the shape of the samples depends on them; make the schedule "
            "outside jit, or mark it static."
        )
    return Schedule.of(schedule)


def _blocks(program: Any, nodes_to_sample: Sequence[Any]) -> tuple[tuple[Hashable, ...], ...]:
    """The nodes of the requested blocks, all of them the program's."""
    known = program.gibbs_spec.node_global_location_map
    for block in nodes_to_sample:
        unknown = [node for node in block if node not in known]
        if unknown:
            raise SpecError(
                f"nodes_to_sample asks for {unknown[0]!r}, which is not a node of this program; "
                "ask for nodes of its free and clamped blocks."
            )
    return tuple(tuple(block) for block in nodes_to_sample)


# Of nodes, in the order of a model: one array per requested block.
_Numbers = list[np.ndarray]
# Of nodes that are clamped when compiling, (number, value) in order, to the program.
_Ready = Callable[[tuple[tuple[int, int], ...]], Program]


@dataclass(frozen=True)
class _Chains:
    """What a call asks for, apart from keys and states."""

    program: Any
    schedule: Schedule
    wanted: tuple[tuple[Hashable, ...], ...]
    fabric: Any
    device: Device | str
    tolerance: float | None
    seed: int

    def compiled(self, lowered: Lowered, known: dict[int, int]) -> Program:
        """The program on its fabric, with these nodes folded."""
        left = folded(lowered, {lowered.model.nodes[k]: value for k, value in known.items()})
        own = self.fabric is None
        spec = _own_fabric(self.program, left) if own else make_fabric(self.fabric)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DistributionWarning)  # said below, of cached programs too
            compiled = self._compiled_somehow if own else self._compiled_for
            made = compiled(lowered, left, known, spec)
        if self.tolerance is None and (doubt := warning_of(made)):
            finer = " A fabric of the program's own: fabric=thermofab.fabric_of(program, profile='fine')."
            _warn_caller(doubt if made.fabric == make_fabric(made.fabric, profile="fine") else doubt + finer)
        return made

    def _compiled_for(self, lowered: Lowered, left: Lowered, known: dict[int, int], spec: FabricSpec) -> Program:
        return _compiled(lowered, left, known, spec, self.tolerance, self.seed)

    def _compiled_somehow(self, lowered: Lowered, left: Lowered, known: dict[int, int], spec: FabricSpec) -> Program:
        """With fine widths where those of ``spec`` would be refused."""
        content = _content(lowered, left, known, spec, self.tolerance, self.seed)
        if (fine := _fine_programs.get(content)) is not None:
            return fine
        with suppress(RefusedError):
            return self._compiled_for(lowered, left, known, spec)
        made = self._compiled_for(lowered, left, known, make_fabric(spec, profile="fine"))
        return _fine_programs.put(content, made)

    def numbers(self, lowered: Lowered) -> _Numbers:
        """The requested nodes by number: a cached program may hold the equal nodes of an earlier THRML program."""
        index = {node: k for k, node in enumerate(lowered.model.nodes)}
        return [np.array([index[node] for node in block], dtype=np.int64) for block in self.wanted]

    def run(
        self,
        lowered: Lowered,
        wanted: _Numbers,
        ready: _Ready,
        seeds: Sequence[int],
        init: list[np.ndarray] | None,
        clamp: list[np.ndarray],
    ) -> list[np.ndarray]:
        """States ``[B, n_samples, nodes]`` per requested block, of a chain per seed, with states ``[B, nodes]``."""
        states: list[np.ndarray] = []
        for rows, known in _alike(lowered, clamp, len(seeds)):
            compiled = ready(known)
            samples = compiled.sample(
                self.schedule,
                nodes=[],  # read below, by number: naming them takes longer than a short run
                clamp=[values[rows] for values in clamp],
                init=None if init is None else [values[rows] for values in init],
                seed=[seeds[row] for row in rows],
                replicas=len(rows),
                device=self.device,
            )
            parts = [compiled.read(samples.sites, block) for block in wanted]
            states = states or [np.zeros((len(seeds), *part.shape[1:]), dtype=part.dtype) for part in parts]
            for whole, part in zip(states, parts):
                whole[rows] = part
        return states


def _alike(
    lowered: Lowered, clamp: list[np.ndarray], count: int
) -> list[tuple[np.ndarray, tuple[tuple[int, int], ...]]]:
    """Chains that share a compiled program, and the nodes folded into it.

    A term of higher order loses its clamped nodes: fewer hidden spins, and chains that mix sooner.
    """
    if not isinstance(lowered.model, DiscreteModel):
        return [(np.arange(count), ())]
    groups: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for row in range(count):
        known = clamp_values(lowered, [values[row] for values in clamp])
        groups.setdefault(tuple(sorted(known.items())), []).append(row)
    return [(np.array(rows), known) for known, rows in groups.items()]


def _traced(chains: _Chains, words: Any, init: list[Any] | None, clamp: list[Any]) -> list[jax.Array]:
    """The states as a callback from traced code; what can be compiled while tracing is, so that errors come then."""
    _check_threads(chains.device)
    leaves, tree = jax.tree.flatten(chains.program)
    moving = [k for k, leaf in enumerate(leaves) if is_traced(leaf)]
    n_init = 0 if init is None else len(init)

    def prepared(program: Any) -> tuple[Lowered, _Numbers, _Ready]:
        lowered = lower(program)
        ready = lru_cache(maxsize=32)(lambda known: chains.compiled(lowered, dict(known)))
        return lowered, chains.numbers(lowered), ready

    fixed = None if moving else prepared(chains.program)
    if fixed is not None and isinstance(fixed[0].model, IsingModel):
        fixed[2](())

    def on_host(words: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
        weights, states = arrays[: len(moving)], arrays[len(moving) :]
        seeds = _seeds_of(words).tolist()
        out: list[np.ndarray] = []
        for rows in _equal_rows(weights, len(words)):
            lowered, wanted, ready = fixed or prepared(
                jax.tree.unflatten(tree, _replaced(leaves, moving, [array[rows[0]] for array in weights]))
            )
            given = [array[rows] for array in states]
            start = None if init is None else given[:n_init]
            parts = chains.run(lowered, wanted, ready, [seeds[row] for row in rows], start, given[n_init:])
            out = out or [np.zeros((len(words), *part.shape[1:]), dtype=part.dtype) for part in parts]
            for whole, part in zip(out, parts):
                whole[rows] = part
        return out

    count = chains.schedule.n_samples
    results = [jax.ShapeDtypeStruct((count, len(block)), _dtype_of(chains.program, block)) for block in chains.wanted]
    return call_on_host(on_host, results, [words, *(leaves[k] for k in moving), *(init or []), *clamp])


def _check_threads(device: Device | str) -> None:
    """A callback waits for its device while XLA waits for the callback: with one thread, for ever."""
    name = device if isinstance(device, str) else device.info().name
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    if name == XLA_ALONE and cores == 1:
        raise DeviceError(
            f"device '{XLA_ALONE}' cannot be called under jit, vmap or scan by a process with one core: it needs the "
            "thread that waits for it. Take device='native', or call it outside jit."
        )


def _equal_rows(arrays: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Numbers of the rows in which all of these arrays ``[count, ...]`` are the same."""
    if all(array.strides[0] == 0 for array in arrays if len(array)):
        return [np.arange(count)]
    groups: dict[bytes, list[int]] = {}
    for row in range(count):
        groups.setdefault(b"".join(array[row].tobytes() for array in arrays), []).append(row)
    return [np.array(rows) for rows in groups.values()]


def _replaced(leaves: list[Any], places: list[int], values: list[np.ndarray]) -> list[Any]:
    whole = list(leaves)
    for place, value in zip(places, values):
        whole[place] = value
    return whole


def _dtype_of(program: Any, block: tuple[Hashable, ...]) -> Any:
    """What THRML holds the states of these nodes in."""
    return program.gibbs_spec.node_shape_struct[type(block[0])].dtype if block else jnp.bool_


def _warn_caller(text: str) -> None:
    """Warn of the line that called this package, through JAX or not."""
    level, frame = 1, sys._getframe()
    between = "thermofab.", "jax.", "equinox.", "contextlib"
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(between):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, DistributionWarning, stacklevel=level)


def _compiled(
    lowered: Lowered,
    left: Lowered,
    known: dict[int, int],
    spec: FabricSpec,
    tolerance: float | None,
    seed: int,
) -> Program:
    content = _content(lowered, left, known, spec, tolerance, seed)
    cached = _programs.get(content)
    if cached is not None:
        return cached
    clamp = {lowered.model.nodes[k]: value for k, value in known.items()}
    shape = digest_of(spec.digest, _blocks_of(lowered, known), seed, *_structure(left.model))
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


def _content(
    lowered: Lowered, left: Lowered, known: dict[int, int], spec: FabricSpec, tolerance: float | None, seed: int
) -> str:
    """Digest of all that a compiled program depends on."""
    return digest_of(spec.digest, _blocks_of(lowered, known), tolerance, seed, *_parts(left.model))


def _blocks_of(lowered: Lowered, known: dict[int, int]) -> list[Any]:
    return [lowered.free_blocks, lowered.clamped_blocks, sorted(known.items())]


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
        spec = own_fabric(lowered)
        _fabrics.put(key, spec)
    if has_hidden_spins(spec):
        _warn_caller(
            f"a term of this program has more than {LARGEST_FACTOR} bits, which no factor holds, so hidden spins stand "
            f"for it; samples are correlated over more sweeps than THRML's, and small weights round more coarsely. "
            "Take longer warm-ups and more steps per sample, or split the term."
        )
    return spec
