"""Space: the candidates of a study as a grid of choices, and any of them by its choices."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any

from thermofab.apps.explore.candidate import Candidate
from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Space:
    """Choices by name; every combination is a candidate.

    Attributes:
        fabrics: names such as ``"g8-16x16-torus"``, ``"complete-64"``, ``"own"``.
        architectures, profiles, weight_bits, bias_bits, table_bits, threshold_bits, rngs, codes, copies, rungs: of
            :class:`~thermofab.apps.explore.candidate.Candidate`'s fields.

    Raises:
        SpecError: a choice among none.
    """

    fabrics: tuple[str, ...]
    architectures: tuple[str, ...] = ("spatial",)
    profiles: tuple[str, ...] = ("default",)
    weight_bits: tuple[int, ...] = (8,)
    bias_bits: tuple[int, ...] = (12,)
    table_bits: tuple[int, ...] = (8,)
    threshold_bits: tuple[int, ...] = (0,)
    rngs: tuple[str, ...] = ("lfsr64",)
    codes: tuple[str, ...] = ("binary",)
    copies: tuple[int, ...] = (1,)
    rungs: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            if isinstance(given, (str, int)) or not len(given):
                raise SpecError(f"a space's {field.name} is a list of at least one choice, got {given!r}.")
            object.__setattr__(self, field.name, tuple(given))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Space":
        """Inverse of :meth:`to_json`."""
        unknown = set(data) - {field.name for field in fields(Space)}
        if unknown or "fabrics" not in data:
            known = ", ".join(field.name for field in fields(Space))
            raise SpecError(f"a space has fabrics, and of {known} those with a choice; got {', '.join(data)}.")
        return Space(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """By name, those with more than one choice first to last as fields stand."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def candidate(self, chosen: Mapping[str, Any]) -> Candidate:
        """The one of these choices; those left out are the first."""
        full = {name: chosen.get(name, given[0]) for name, given in self.choices.items()}
        named = {_FIELD.get(name, name): value for name, value in full.items() if name != "fabrics"}
        return Candidate.of(full["fabrics"], **named)

    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, in the order of the choices."""
        names = list(self.choices)
        made = (self.candidate(dict(zip(names, values))) for values in product(*self.choices.values()))
        return tuple(dict.fromkeys(made))


_FIELD = {"architectures": "architecture", "profiles": "profile", "rngs": "rng", "codes": "code"}
