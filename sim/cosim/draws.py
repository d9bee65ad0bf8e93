"""The reference, noting what a dense or a relay fabric shows of every draw.

States alone show a wrong field only now and then: the table is flat where the field is large, and the dither hides the
lowest bits.
"""

from thermofab.hw.spec import RunPlan
from thermofab.hw.spec.clocks import relay_width
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


class Gathering(Chain):
    """``fields``: for each colour in turn, by draw unit, F + (u mod 2^shift) of its root modulo 2^S, S the bits that a
    relay fabric adds up. Clamped roots are left out: they have a field, and nothing gathers it.
    """

    def __init__(self, plan: RunPlan, replica: int) -> None:
        super().__init__(plan, replica)
        self.fields: list[dict[int, int]] = []
        self.width = relay_width(plan.image)

    def update(self, sites: list[int], table: list[int]) -> None:
        fields = {}
        for root in sites:
            if not self.clamped[root]:
                _, u = self.generator.step(self.rng[root], self.spec.word_bits)
                dithered = sum(self.field(site) for site in self.trees[root]) + (u & ((1 << self.shift) - 1))
                fields[int(self.spec.draw_units[root])] = dithered % (1 << self.width)
        self.fields.append(fields)
        super().update(sites, table)


class Gathered:
    """The fields that a relay fabric shows, put together from a clock's bits of all draw units at a time."""

    def __init__(self, units: int) -> None:
        self._units = units
        self._places: list[int] = []
        self.fields: list[list[int]] = []

    def clock(self, adding: int, bits: int) -> None:
        """What ``draw_adding`` and ``draw_bits`` are in a clock."""
        if adding:
            self._places.append(bits)
        elif self._places:
            columns = [[row >> unit & 1 for row in self._places] for unit in range(self._units)]
            self.fields.append([sum(bit << k for k, bit in enumerate(column)) for column in columns])
            self._places = []

    def check(self, expected: list[dict[int, int]], width: int) -> None:
        """Compare with the reference's, and forget both."""
        assert len(self.fields) == len(expected), f"{len(self.fields)} colours were drawn, not {len(expected)}"
        for colour, (fields, wanted) in enumerate(zip(self.fields, expected)):
            for unit, field in wanted.items():
                off = (fields[unit] - field + (1 << width - 1)) % (1 << width) - (1 << width - 1)
                assert not off, f"the field of colour {colour} in draw unit {unit} is off by {off}"
        self.fields.clear()
        expected.clear()
