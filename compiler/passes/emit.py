"""Emit: the image and the program."""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from thermofab.compiler.ir.stages import Quantised
from thermofab.compiler.quantisation.images import image_of
from thermofab.hw.spec.certificate import Rejecting
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.reading import Reading, spin_reading
from thermofab.hw.spec.report import Distance, Report


@dataclass(frozen=True)
class Emit:
    """Tables for every β level, the image, the report. Level l's table is σ(2·β_l·F); unused levels repeat the last."""

    seed: int = 0
    beta_levels: tuple[float, ...] = (1.0,)
    name: ClassVar[str] = "emit"

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral) or not 0 <= self.seed < 2**64:
            raise CompileError(f"seed must lie in 0…2^64-1, got {self.seed!r}.")

    def __call__(self, draft: Quantised) -> Program:
        layout, integers, spec = draft.layout, draft.integers, draft.fabric
        q = integers.quantisation
        image = image_of(
            spec, integers.weights, integers.biases, integers.factors, q.step, q.shift,
            seed=self.seed, beta_levels=self.beta_levels,
        )  # fmt: skip
        copies = layout.copies
        if draft.hosting is not None:
            image, copies = draft.hosting.hosted(image), draft.hosting.trees
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
            sites=sum(map(len, copies)),
            longest_copy=max(map(len, copies)),
            placement=layout.method,
            certificate=draft.certificate,
            quantisation=q,
            cycles_per_sweep=sweep_clocks(image),
            fabric_sites=image.fabric.n_sites,
            passes=draft.log,
            end_to_end=self._end_to_end(draft),
            rounding=integers.rounding,
            table=integers.table,
        )
        # Over the samples in which no trunk is broken, the distribution is the program's.
        broken = layout.trunk_ends if isinstance(draft.certificate, Rejecting) else ()
        checks = tuple((int(above), int(below)) for above, below in broken)
        return Program(
            image,
            whole.model,
            copies,
            whole.free_blocks,
            whole.clamped_blocks,
            report,
            readings,
            checks,
        )

    def _end_to_end(self, draft: Quantised) -> Distance:
        """The sum of the parts, by the triangle inequality."""
        rounding, table = draft.integers.rounding, draft.integers.table
        if 1.0 not in self.beta_levels:
            return Distance(None, "unknown", "no β level has the factor 1")
        if rounding.tv is None or table.tv is None:
            return Distance(None, "unknown", table.how if table.tv is None else rounding.how)
        return Distance(min(draft.certificate.tv + rounding.tv + table.tv, 1.0), "predicted", "sum of the parts")
