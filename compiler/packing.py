"""Packing: several programs, or several copies of one, side by side in one image and one run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.pipeline import compile
from thermofab.hw.spec.arguments import LikeValues
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.discrete import DiscreteModel, Factor
from thermofab.hw.spec.errors import CompileError, SpecError
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.kept_devices import running_device
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.samples import Samples
from thermofab.hw.spec.schedule import LikeSchedule, Schedule


@dataclass(frozen=True, eq=False)
class Pack:
    """Programs that share an image, each on sites of its own.

    No coupling joins them, so their distributions are independent and each is what it would be alone; they share the
    step of the integers, the table and its levels, and so the resolution of the program with the largest weights.

    Attributes:
        whole: all of them as one program, whose node k of part p is ``(p, node)``.
        parts: each by itself: same image, its own nodes.
    """

    whole: Program
    parts: tuple[Program, ...]

    def sample(
        self,
        schedule: LikeSchedule,
        *,
        clamps: Sequence[LikeValues | None] | None = None,
        inits: Sequence[LikeValues | None] | None = None,
        replicas: int = 1,
        seed: int | None = None,
        device: Device | str = "jax",
    ) -> list[Samples]:
        """One run; the samples of every part, of all its nodes.

        Args:
            schedule, replicas, seed, device: as for :meth:`Program.sample`.
            clamps, inits: one for each part, as for :meth:`Program.sample`.

        Raises:
            SpecError: there are not as many clamps or inits as parts.
        """
        for name, given in (("clamps", clamps), ("inits", inits)):
            if given is not None and len(given) != len(self.parts):
                raise SpecError(f"{name} needs one entry for each of the {len(self.parts)} parts, got {len(given)}.")
        spec = self.whole.fabric
        site_clamps = np.full((replicas, spec.n_sites), FREE, dtype=np.int8)
        site_init = None if inits is None else np.zeros((replicas, spec.n_sites), dtype=bool)
        for k, part in enumerate(self.parts):
            clamp, init = clamps[k] if clamps is not None else None, inits[k] if inits is not None else None
            own, start = part.site_states(clamp, init, replicas)
            site_clamps = np.where(own == FREE, site_clamps, own)
            if site_init is not None:
                if start is None:
                    raise SpecError(f"inits[{k}] is missing: give the states of all parts, or none.")
                site_init |= start
        with running_device(device, spec) as running:
            running.load(self.whole.image)
            raw = running.run(Schedule.of(schedule), replicas=replicas, init=site_init, clamp=site_clamps, seed=seed)
        return [raw.decoded(part, part.node_blocks(None)) for part in self.parts]


def pack(sources: Any, fabric: Any, *, copies: int | None = None, beta: float = 1.0, **options: Any) -> Pack:
    """Compile programs onto one fabric, side by side.

    Args:
        sources: a list of what :func:`thermofab.compile` takes; with ``copies``, one program to repeat so many times.
        fabric: as for :func:`thermofab.compile`.
        beta, options: likewise, for all of them.

    Raises:
        CompileError: there is nothing to pack, or it does not fit side by side.
        RefusedError: a part fits only with an error that ``tolerance`` does not allow.
    """
    if copies is not None and copies < 1:
        raise CompileError(f"copies must be at least 1, got {copies}.")
    several = [sources] * copies if copies is not None else list(sources)
    if not several:
        raise CompileError("there is nothing to pack; give at least one program.")
    if "clamp" in options:
        raise CompileError("known clamps are of one program; fold them before packing, or clamp when sampling.")
    lowered = [lower(source, beta) for source in several]
    whole = compile(_union(lowered), fabric, **options)
    if whole.checks:
        raise CompileError(
            "packed programs would share one yield: a sample is whole only if no part has broken copies. Pass a "
            "tolerance, or compile them apart."
        )
    parts, node, variable = [], 0, 0
    for one in lowered:
        count = one.model.n_nodes
        readings = None
        used = set(range(variable, variable + count))
        if whole.readings is not None:
            mine = whole.readings[node : node + count]
            used = {v for reading in mine for v in reading.variables}
            order = {v: k for k, v in enumerate(sorted(used))}
            readings = tuple(Reading(tuple(order[v] for v in r.variables), r.table) for r in mine)
        sites = tuple(whole.copies[v] for v in sorted(used))
        # A marginal is no farther than the whole is.
        report = replace(whole.report, nodes=count, sites=sum(map(len, sites)))
        parts.append(
            Program(whole.image, one.model, sites, one.free_blocks, one.clamped_blocks, report, readings)
        )  # fmt: skip
        node, variable = node + count, variable + count
    return Pack(whole, tuple(parts))


def _union(parts: Sequence[Lowered]) -> Lowered:
    """The model of all parts together; node ``(p, node)`` is part p's."""
    nodes = tuple((p, node) for p, part in enumerate(parts) for node in part.model.nodes)
    starts = np.cumsum([0, *(part.model.n_nodes for part in parts)])
    models = [part.model for part in parts]
    vartype = "BINARY" if all(model.vartype == "BINARY" for model in models) else "SPIN"

    def blocks(kind: str) -> tuple[tuple[int, ...], ...]:
        return tuple(
            tuple(int(start) + k for k in block)
            for start, part in zip(starts, parts)
            for block in getattr(part, kind)
        )  # fmt: skip

    if all(isinstance(model, IsingModel) for model in models):
        flat: Any = models
        model: IsingModel | DiscreteModel = IsingModel(
            nodes,
            np.concatenate([m.beta * m.biases for m in flat]),
            np.concatenate([m.edges + start for m, start in zip(flat, starts)]),
            np.concatenate([m.beta * m.couplings for m in flat]),
            vartype=vartype,
        )
    else:
        factors = []
        for m, start in zip(models, starts):
            for f in _factors(m):
                factors.append(Factor(f.spins + start, f.categories + start, m.beta * f.weights))
        categories = np.concatenate([m.categories for m in models])
        model = DiscreteModel(nodes, categories, tuple(factors), vartype=vartype)
    return Lowered(model, blocks("free_blocks"), blocks("clamped_blocks"), (f"{len(parts)} programs side by side",))


def _factors(model: IsingModel | DiscreteModel) -> tuple[Factor, ...]:
    if isinstance(model, DiscreteModel):
        return model.factors
    none = np.zeros((model.n_nodes, 0), dtype=np.int32), np.zeros((len(model.edges), 0), dtype=np.int32)
    single = Factor(np.arange(model.n_nodes, dtype=np.int32)[:, None], none[0], model.biases)
    return (single, Factor(model.edges, none[1], model.couplings)) if len(model.edges) else (single,)
