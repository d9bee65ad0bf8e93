"""FabricSpec: everything that fixes what a fabric computes, as one frozen value."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.families import topology as named_topology
from thermofab.hw.spec.notebook import fabric_html
from thermofab.hw.spec.registry import generator, generator_names
from thermofab.hw.spec.topology import Topology

# Widths that go together, by the name that ``fabric(..., profile=)`` takes.
PROFILES: dict[str, dict[str, int]] = {
    "default": {"word_bits": 16, "threshold_bits": 12, "dither_bits": 4},
    "fine": {"word_bits": 32, "threshold_bits": 24, "dither_bits": 8},
}
ARCHITECTURES = ("spatial", "systolic", "relay", "dense")
# Of these, those whose images say when every site is updated (:class:`thermofab.hw.spec.order.Order`).
PROGRAMMED = ("relay", "dense")
DEFAULT_LEVELS = 4
BUILD = ("architecture", "elements", "moment_bits", "tile")


@dataclass(frozen=True)
class FabricSpec:
    """A fabric: a topology and the widths of its arithmetic (docs/contract.md has the equations).

    Attributes:
        topology: sites, edges, colours.
        weight_bits: signed, symmetric range ±(2^(weight_bits-1)-1); 2…16.
        bias_bits: signed, symmetric range likewise; 2…24.
        table_bits: an activation table has 2A = 2^table_bits entries; 2…12.
        threshold_bits: t, width of a table entry and of the compared random bits; 2…24.
        dither_bits: d, random bits that dither the table address; an image's ``shift`` is at most d; 0…12.
        min_shift: smallest ``shift`` the hardware supports; equal to ``dither_bits`` it costs no shifter.
        word_bits: random bits drawn per update, 16 or 32; t + d ≤ word_bits.
        levels: activation tables held at once, one per β level of an annealing schedule; 1…256.
        rng: generator name, one of :func:`thermofab.hw.spec.registry.generator_names`.
        architecture: ``"spatial"`` (a datapath per site, or per few sites), ``"systolic"`` (a processing element
            per column group of a lattice), ``"relay"`` (a bit-serial cell per site, and sites may pass their field on
            instead of drawing) or ``"dense"`` (one datapath and rows of weights in block RAM, for any graph).
        elements: processing elements of a systolic fabric; 0 takes the most that its lattice allows. Weights that a
            dense fabric adds in a clock; 0 takes a whole row.
        moment_bits: width of each on-fabric counter of Σn_i and Σn_i·n_j; 0 leaves them out; at most 32.
        tile: side of the square of lattice cells whose sites share a draw unit on a relay fabric, where no two of them
            draw in one colour; 1 gives every site its own; 0 takes 2 on lattices of two dimensions with a site per
            cell, else 1.

    The last four fix how a fabric is built, and change no bit of what an image computes; what an image may ask for
    depends on whether the order of updates is the image's (:data:`PROGRAMMED`) and on which sites share a draw unit,
    so both are part of the digest there.
    """

    topology: Topology
    weight_bits: int = 8
    bias_bits: int = 12
    table_bits: int = 8
    threshold_bits: int = 12
    dither_bits: int = 4
    min_shift: int = 0
    word_bits: int = 16
    levels: int = DEFAULT_LEVELS
    rng: str = "lfsr64"
    architecture: str = "spatial"
    elements: int = 0
    moment_bits: int = 0
    tile: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("weight_bits", 2, 16),
            ("bias_bits", 2, 24),
            ("table_bits", 2, 12),
            ("threshold_bits", 2, 24),
            ("dither_bits", 0, 12),
            ("min_shift", 0, self.dither_bits),
            ("levels", 1, 256),
            ("elements", 0, self.topology.n_sites),
            ("moment_bits", 0, 32),
            ("tile", 0, 8),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise SpecError(f"{name} must be an integer from {low} to {high}, got {value!r}.")
        if self.word_bits not in (16, 32):
            raise SpecError(f"word_bits must be 16 or 32, got {self.word_bits!r}.")
        if self.threshold_bits + self.dither_bits > self.word_bits:
            raise SpecError(
                f"threshold_bits + dither_bits = {self.threshold_bits + self.dither_bits} exceed the "
                f"{self.word_bits} random bits of an update; dither and threshold must not share bits. "
                "Lower one of them, or use word_bits=32."
            )
        if self.rng not in generator_names():
            raise SpecError(f"unknown random number generator '{self.rng}'; known are {', '.join(generator_names())}.")
        if self.word_bits > (widest := generator(self.rng).widest):
            raise SpecError(
                f"{self.rng} yields at most {widest} fresh bits per step; use word_bits={widest} or rng='lfsr64'."
            )
        if self.architecture not in ARCHITECTURES:
            raise SpecError(f"unknown architecture '{self.architecture}'; known are {', '.join(ARCHITECTURES)}.")
        if self.architecture not in ("spatial", "systolic") and self.topology.factors:
            raise SpecError(
                f"a {self.architecture} fabric couples pairs of sites only, and this topology has factors; use "
                "architecture='spatial' or 'systolic', which look them up."
            )
        if self.tile > 1 and not (self.has_relays and self._planar):
            raise SpecError(
                f"tile={self.tile} shares draw units among the cells of a relay fabric on a lattice of two dimensions "
                "with a site per cell; leave it out here."
            )

    @property
    def n_sites(self) -> int:
        return self.topology.n_sites

    @property
    def programmed(self) -> bool:
        """Whether images say when every site is updated."""
        return self.architecture in PROGRAMMED

    @property
    def has_relays(self) -> bool:
        """Whether images may give sites a parent."""
        return self.architecture == "relay"

    @property
    def _planar(self) -> bool:
        lattice = self.topology.lattice
        return lattice is not None and lattice.rule.cell == 1 and lattice.rule.dimension == 2

    @cached_property
    def draw_units(self) -> np.ndarray:
        """int32 ``[N]``: the draw unit of every site; sites of one do not draw in the same colour."""
        tile = self.tile or (2 if self.has_relays and self._planar else 1)
        if tile == 1 or self.topology.lattice is None:
            return np.arange(self.n_sites, dtype=np.int32)
        rows, columns = self.topology.lattice.size
        row, column = np.divmod(np.arange(self.n_sites), columns)
        return (row // tile * -(-columns // tile) + column // tile).astype(np.int32)

    @property
    def weight_max(self) -> int:
        return 2 ** (self.weight_bits - 1) - 1

    @property
    def bias_max(self) -> int:
        return 2 ** (self.bias_bits - 1) - 1

    @property
    def table_size(self) -> int:
        """2A, the entries of an activation table; entry ``k`` holds T[k - A]."""
        return 2**self.table_bits

    @property
    def field_max(self) -> int:
        """Largest |F| any image can produce; the accumulator is wide enough for it."""
        # A factor adds the difference of two entries of its table.
        return self.bias_max + (self.topology.max_degree + 2 * self.topology.max_factors) * self.weight_max

    @property
    def field_bits(self) -> int:
        """Width of the signed accumulator, wide enough for ``F + dither``."""
        return (self.field_max + 2**self.dither_bits).bit_length() + 1

    @cached_property
    def digest(self) -> str:
        """Content digest; images carry it, and a device refuses an image made for another fabric. How the fabric
        is built (:data:`BUILD`) is left out, but for what an image may ask for on a fabric with a programmed order.
        """
        order = [{"order": "image", "relays": self.has_relays}, self.draw_units] if self.programmed else []
        return digest_of("fabric", self.topology.digest, self._numbers(), *order)

    def _numbers(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("topology", *BUILD)}

    def to_json(self) -> dict[str, Any]:
        return {
            "topology": self.topology.to_json(),
            **self._numbers(),
            **{name: getattr(self, name) for name in BUILD},
            "digest": self.digest,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "FabricSpec":
        """Inverse of :meth:`to_json`; raises ``SpecError`` if the content does not match the stored digest."""
        rest = {key: value for key, value in data.items() if key not in ("topology", "digest")}
        made = FabricSpec(topology=Topology.from_json(data["topology"]), **rest)
        if made.digest != data["digest"]:
            raise SpecError(
                f"the fabric does not match its digest {data['digest'][:12]}…; "
                "the file was changed, or written by an incompatible version."
            )
        return made

    def _repr_html_(self) -> str:
        return fabric_html(self)

    def __repr__(self) -> str:
        defaults = {f.name: f.default for f in fields(self)}
        shown = self._numbers() | ({"architecture": self.architecture, "tile": self.tile} if self.programmed else {})
        changed = "".join(f", {name}={value!r}" for name, value in shown.items() if value != defaults[name])
        return f"FabricSpec({self.topology.name!r}, {self.n_sites} sites{changed})"


def fabric(source: Any, **overrides: Any) -> FabricSpec:
    """A fabric from a name (``"g12-70x70-torus"``), a :class:`Topology`, a networkx graph, or another fabric.

    ``overrides`` are fields of :class:`FabricSpec`, for example ``weight_bits=6`` or ``rng="xoshiro128+"``;
    ``profile="fine"`` stands for 32-bit words with 24 threshold and 8 dither bits, for cold or precise work, and
    ``"default"`` for 16-bit words with 12 and 4; fields given beside a profile override it;
    ``factors``, with a networkx graph, are groups of three to six of its nodes that share a table
    (:mod:`thermofab.hw.spec.factors`).

    Raises:
        SpecError: a name, field or profile is unknown, or the widths do not go together.
    """
    if (profile := overrides.pop("profile", None)) is not None:
        if profile not in PROFILES:
            raise SpecError(f"unknown profile {profile!r}; known are {', '.join(PROFILES)}.")
        overrides = {**PROFILES[profile], **overrides}
    factors = overrides.pop("factors", ())
    if factors and not (hasattr(source, "nodes") and hasattr(source, "edges")):
        raise SpecError("factors are given with a networkx graph, as groups of its nodes; a Topology has its own.")
    unknown = set(overrides) - {f.name for f in fields(FabricSpec)} | ({"topology"} & set(overrides))
    if unknown:
        names = ", ".join(f.name for f in fields(FabricSpec) if f.name != "topology")
        raise SpecError(f"unknown fabric parameter {sorted(unknown)[0]!r}; known are {names}.")
    if isinstance(source, FabricSpec):
        return replace(source, **overrides)
    if isinstance(source, str):
        return FabricSpec(named_topology(source), **overrides)
    if isinstance(source, Topology):
        return FabricSpec(source, **overrides)
    if hasattr(source, "nodes") and hasattr(source, "edges"):
        return FabricSpec(Topology.from_networkx(source, factors=factors), **overrides)
    raise SpecError(f"cannot make a fabric from {type(source).__name__}; give a name, a Topology or a networkx graph.")
