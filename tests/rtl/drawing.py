"""The reference, noting what a dense fabric shows of every draw.

States alone show a wrong field only now and then: the table is flat where the field is large, and the dither hides the
lowest bits.
"""

from typing import Any

from thermofab.hw.spec import RunPlan
from thermofab.hw.spec.dense import dense_plan
from thermofab.sim.reference import Chain

Draw = tuple[int, int, int]


class Drawing(Chain):
    """``draws``: of each, the site, F + (u mod 2^shift) modulo 2^field_bits, and the bits of u that are compared."""

    def __init__(self, plan: RunPlan, replica: int) -> None:
        super().__init__(plan, replica)
        self.draws: list[Draw] = []
        self._modulus = 1 << dense_plan(self.spec).field_bits

    def update(self, sites: list[int], table: list[int]) -> None:
        for site in sites:
            _, u = self.generator.step(self.rng[site], self.spec.word_bits)
            dithered = self.field(site) + (u & ((1 << self.shift) - 1))
            high = u >> (self.spec.word_bits - self.spec.threshold_bits)
            self.draws.append((site, dithered % self._modulus, high))
        super().update(sites, table)


def shown(dut: Any) -> Draw:
    """The draw on the ports of a simulated fabric."""
    field = dut.draw_field.value
    return int(dut.draw_site.value), field.to_unsigned(), int(dut.draw_high.value)
