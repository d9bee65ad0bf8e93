"""Emit: the image and the program."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.stages import Quantised
from thermofab.hw.spec.activation import sigmoid_table
from thermofab.hw.spec.certificate import Rejecting, Report
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.reading import Reading, spin_reading


@dataclass(frozen=True)
class Emit:
    """Tables for every β level, the image, the report. Level l's table is σ(2·β_l·F); unused levels repeat the last."""

    seed: int = 0
    beta_levels: tuple[float, ...] = (1.0,)
    name: ClassVar[str] = "emit"

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not 0 <= self.seed < 2**64:
            raise CompileError(f"seed must lie in 0…2^64-1, got {self.seed!r}.")

    def __call__(self, draft: Quantised) -> Program:
        layout, integers, spec = draft.layout, draft.integers, draft.fabric
        q = integers.quantisation
        levels = self.beta_levels + self.beta_levels[-1:] * (spec.levels - len(self.beta_levels))
        image = Image(
            fabric=spec,
            weights=integers.weights,
            biases=integers.biases,
            tables=np.stack([sigmoid_table(spec, q.step, q.shift, beta) for beta in levels]),
            shift=q.shift,
            clamps=np.full(spec.n_sites, FREE),
            seed=self.seed,
            factors=integers.factors,
        )
        lowered = draft.lowered
        readings, whole = draft.readings, lowered
        if lowered.folded is not None:
            whole = lowered.folded.whole
            inner = readings or tuple(spin_reading(k) for k in range(draft.n))
            by_node = dict(zip(lowered.folded.kept, inner))
            by_node |= {k: Reading((), (value,)) for k, value in lowered.folded.values.items()}
            readings = tuple(by_node[k] for k in range(whole.model.n_nodes))
        report = Report(
            nodes=whole.model.n_nodes,
            sites=layout.n_sites,
            longest_copy=max(len(sites) for sites in layout.copies),
            placement=layout.method,
            certificate=draft.certificate,
            quantisation=q,
            cycles_per_sweep=spec.topology.n_colours,
            fabric_sites=spec.n_sites,
            passes=draft.log,
        )
        # Over the samples in which no trunk is broken, the distribution is the program's.
        broken = layout.trunk_ends if isinstance(draft.certificate, Rejecting) else ()
        checks = tuple((int(above), int(below)) for above, below in broken)
        return Program(
            image,
            whole.model,
            layout.copies,
            whole.free_blocks,
            whole.clamped_blocks,
            report,
            readings,
            checks,
        )
