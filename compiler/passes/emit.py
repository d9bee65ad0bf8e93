"""Emit: the image and the program."""

from dataclasses import dataclass

import numpy as np

from thermofab.compiler.passes.draft import Draft
from thermofab.hw.spec.activation import sigmoid_table
from thermofab.hw.spec.certificate import Report
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.program import Program


@dataclass(frozen=True)
class Emit:
    """Tables for every β level, the image, the report. Level l's table is σ(2·β_l·F); unused levels repeat the last."""

    seed: int = 0
    beta_levels: tuple[float, ...] = (1.0,)
    name: str = "emit"

    def __call__(self, draft: Draft) -> Program:
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
        )
        report = Report(
            nodes=len(layout.copies),
            sites=layout.n_sites,
            longest_copy=max(len(sites) for sites in layout.copies),
            placement=layout.method,
            certificate=draft.certificate,
            quantisation=q,
            cycles_per_sweep=spec.topology.n_colours,
            fabric_sites=spec.n_sites,
            passes=draft.log,
        )
        return Program(
            image, draft.lowered.model, layout.copies, draft.lowered.free_blocks, draft.lowered.clamped_blocks, report
        )
