"""Candidate: everything by which fabrics under comparison differ, as one frozen, JSON-ready value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

from thermofab.hw.spec import FabricSpec, SpecError, fabric
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.fabric import ARCHITECTURES, PROFILES

OWN = "own"
CODES = ("binary", "gray", "unary")
_MOST_RUNGS = 32
# Names of documents that others wrote, and ours.
SPOKEN = {"grid": "g4", "fully_connected": "complete"}


@dataclass(frozen=True)
class Candidate:
    """A fabric to judge, and how programs are put on it.

    Attributes:
        family: a family of :func:`thermofab.topology` (``"g8"``, ``"king"``, ``"complete"``…), or ``"own"``: the
            program's own graph, one site per spin and one factor per table.
        rows: of the lattice; of one-sized families (complete, pegasus, zephyr) the size; 0 for ``"own"``.
        columns: of the lattice; 0 for one-sized families and ``"own"``.
        torus: whether opposite sides of the lattice are joined.
        architecture: as in :class:`~thermofab.hw.spec.FabricSpec`.
        profile: widths of thresholds, dither and random words, ``"default"`` or ``"fine"``.
        weight_bits, bias_bits, table_bits, rng: as in ``FabricSpec``.
        threshold_bits: likewise; 0 leaves the profile's.
        code: of categorical nodes: ``"binary"``, ``"gray"`` or ``"unary"``.
        tries: embeddings to choose from, where a program has to be embedded.
        copies: of the program, side by side on the fabric, each with samples of its own.
        rungs: β levels of a schedule of replica exchange, from β down to 0.3 β in equal ratios; 1 is none of it. The
            sweeps of all rungs count, the host's exchanges do not.

    Raises:
        SpecError: an unknown architecture, profile or code, or a number outside its range.
    """

    family: str
    rows: int = 0
    columns: int = 0
    torus: bool = False
    architecture: str = "spatial"
    profile: str = "default"
    weight_bits: int = 8
    bias_bits: int = 12
    table_bits: int = 8
    threshold_bits: int = 0
    rng: str = "lfsr64"
    code: str = "binary"
    tries: int = 1
    copies: int = 1
    rungs: int = 1

    def __post_init__(self) -> None:
        for name, known in (("architecture", ARCHITECTURES), ("profile", tuple(PROFILES)), ("code", CODES)):
            if getattr(self, name) not in known:
                raise SpecError(f"a candidate's {name} is one of {', '.join(known)}, got {getattr(self, name)!r}.")
        if self.rows < 0 or self.columns < 0 or self.tries < 1:
            raise SpecError("a candidate has rows and columns of at least 0, and at least one try to embed.")
        if self.copies < 1 or not 1 <= self.rungs <= _MOST_RUNGS:
            raise SpecError(
                f"a candidate holds at least one copy, and has 1 to {_MOST_RUNGS} rungs; got copies={self.copies}, "
                f"rungs={self.rungs}."
            )
        if self.family == OWN and self.copies > 1:
            raise SpecError(f"a fabric of family {OWN!r} is the program's own graph, which holds one copy.")
        if (self.rows == 0) != (self.family == OWN):
            raise SpecError(f"a candidate of family {OWN!r} has no rows, any other has; got {self.rows}.")

    @staticmethod
    def of(name: str, **settings: Any) -> "Candidate":
        """From a fabric's name, such as ``"g8-16x16-torus"``, ``"complete-64"`` or ``"own"``.

        Raises:
            SpecError: a malformed name, or settings that are no fields.
        """
        unknown = set(settings) - {field.name for field in fields(Candidate)}
        if unknown:
            raise SpecError(f"a candidate has no field {min(unknown)!r}; it has {', '.join(FIELDS)}.")
        if name == OWN:
            return Candidate(OWN, **settings)
        family, _, rest = name.partition("-")
        size, _, joined = rest.partition("-")
        extents = size.split("x")
        if not all(extent.isdecimal() for extent in extents) or len(extents) > 2 or joined not in ("", "torus", "open"):
            raise SpecError(
                f"a candidate is named as 'g8-16x16', 'g8-16x16-torus', 'complete-64' or 'own', got {name!r}."
            )
        numbers = [int(extent) for extent in extents]
        columns = numbers[1] if len(numbers) == 2 else 0
        return Candidate(SPOKEN.get(family, family), numbers[0], columns, joined == "torus", **settings)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Candidate":
        """Inverse of :meth:`to_json`; a ``name`` stands for family, rows, columns and torus."""
        rest = dict(data)
        if "name" in rest:
            return Candidate.of(str(rest.pop("name")), **rest)
        unknown = set(rest) - {field.name for field in fields(Candidate)}
        if unknown or "family" not in rest:
            raise SpecError(f"a candidate has a family and the fields {', '.join(FIELDS)}; got {', '.join(rest)}.")
        return Candidate(**rest)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def but(self, **changes: Any) -> "Candidate":
        """The same with other fields."""
        return replace(self, **changes)

    @cached_property
    def digest(self) -> str:
        return digest_of("candidate", self.to_json())

    @property
    def topology(self) -> str:
        """The name that :func:`thermofab.topology` knows it by, or ``"own"``."""
        if self.family == OWN:
            return OWN
        size = f"{self.rows}x{self.columns}" if self.columns else str(self.rows)
        return f"{self.family}-{size}" + ("-torus" if self.torus else "")

    @property
    def name(self) -> str:
        """Topology, architecture, and what differs from the defaults."""
        said = [self.topology, self.architecture]
        for field in fields(self)[5:]:
            if getattr(self, field.name) != field.default:
                said.append(f"{field.name}={getattr(self, field.name)}")
        return " ".join(said)

    def spec(self, source: Any) -> FabricSpec:
        """The fabric; ``source`` is a program that :func:`thermofab.compile` takes, whose graph ``"own"`` stands for.

        Raises:
            SpecError, CompileError: there is no such fabric.
        """
        widths: dict[str, Any] = {
            "architecture": self.architecture, "profile": self.profile, "weight_bits": self.weight_bits,
            "bias_bits": self.bias_bits, "table_bits": self.table_bits, "rng": self.rng,
        }  # fmt: skip
        if self.threshold_bits:
            widths["threshold_bits"] = self.threshold_bits
        if self.rungs > FabricSpec.levels:
            widths["levels"] = self.rungs
        if self.family == OWN:
            from thermofab.compiler import fabric_of

            return fabric_of(source, code=self.code, **widths)
        return fabric(self.topology, **widths)


FIELDS = tuple(field.name for field in fields(Candidate))
