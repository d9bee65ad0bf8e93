"""Image: the integers loaded into a fabric, and nothing else."""

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.hw.spec.activation import sigmoid_table
from thermofab.hw.spec.contract import ORDERED, UNORDERED, check_contract
from thermofab.hw.spec.digest import digest_of, frozen_array
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.factors import differences
from thermofab.hw.spec.merging import Merged, check_order, default_order, merged
from thermofab.hw.spec.order import Order
from thermofab.hw.spec.seeding import checked_seed

FREE = -1


@dataclass(frozen=True, eq=False)
class Image:
    """A fabric's configuration, bit for bit.

    Attributes:
        fabric: the fabric it is for.
        weights: int32 ``[E]``, one integer per edge of ``fabric.topology``; both ends use it.
        biases: int32 ``[N]``.
        tables: int32 ``[levels, 2A]``, activation tables in 1…2^t-1 (0 and 2^t are refused: a site must be able
            to take either value).
        shift: table address shift, ``fabric.min_shift`` … ``fabric.dither_bits``.
        clamps: int8 ``[N]``, -1 for a free site, 0 or 1 for one clamped to that value.
        seed: program seed, 0…2^64-1.
        factors: int32 ``[entries]``, the tables of the topology's factors one after another
            (:mod:`thermofab.hw.spec.factors`), of the range of weights; by default zeros.
        contract: version of the arithmetic contract that the integers are for (:mod:`thermofab.hw.spec.contract`); by
            default 2 with an order, else 1.
        order: when every site is updated and which sites are relays, on fabrics with a programmed order
            (:mod:`thermofab.hw.spec.order`), by default every site a root; ``None`` on others.
    """

    fabric: FabricSpec
    weights: np.ndarray
    biases: np.ndarray
    tables: np.ndarray
    shift: int
    clamps: np.ndarray
    seed: int = 0
    factors: np.ndarray = None  # type: ignore[assignment]  (made zeros below)
    contract: int = None  # type: ignore[assignment]  (filled in below)
    order: Order | None = None

    def __post_init__(self) -> None:
        spec = self.fabric
        if self.contract is None:
            object.__setattr__(self, "contract", ORDERED if spec.programmed else UNORDERED)
        check_contract(self.contract, "the image")
        if (self.contract == ORDERED) != spec.programmed:
            raise SpecError(
                f"an image for a {spec.architecture} fabric is of contract version "
                f"{ORDERED if spec.programmed else UNORDERED}, not {self.contract}."
            )
        if self.order is not None and not spec.programmed:
            raise SpecError(
                f"a {spec.architecture} fabric updates its sites in its topology's order; leave the order out, or take "
                "architecture='relay' or 'dense'."
            )
        entries = int(spec.topology.factor_starts[-1])
        if self.factors is None:
            object.__setattr__(self, "factors", np.zeros(entries, dtype=np.int32))
        shapes = {
            "weights": (spec.topology.n_edges,),
            "biases": (spec.n_sites,),
            "tables": (spec.levels, spec.table_size),
            "clamps": (spec.n_sites,),
            "factors": (entries,),
        }
        ranges = {
            "weights": (-spec.weight_max, spec.weight_max, f"weight_bits={spec.weight_bits}"),
            "biases": (-spec.bias_max, spec.bias_max, f"bias_bits={spec.bias_bits}"),
            "tables": (1, 2**spec.threshold_bits - 1, f"threshold_bits={spec.threshold_bits}"),
            "clamps": (-1, 1, "-1 is free, 0 and 1 are clamped values"),
            "factors": (-spec.weight_max, spec.weight_max, f"weight_bits={spec.weight_bits}"),
        }
        for name, shape in shapes.items():
            raw = np.asarray(getattr(self, name))
            if raw.shape != shape:
                raise SpecError(f"{name} must have shape {shape} for this fabric, got {raw.shape}.")
            if raw.dtype.kind not in "iub" and (not np.all(np.isfinite(raw)) or np.any(raw != np.round(raw))):
                raise SpecError(f"{name} must be integers, got {raw[~np.isfinite(raw) | (raw != np.round(raw))][0]}.")
            low, high, why = ranges[name]
            if raw.size and (raw.min() < low or raw.max() > high):
                bad = raw[(raw < low) | (raw > high)][0]
                raise SpecError(f"{name} must lie in {low}…{high} ({why}), got {bad}; rescale or widen the fabric.")
            object.__setattr__(self, name, frozen_array(raw, np.int8 if name == "clamps" else np.int32))
        if not spec.min_shift <= self.shift <= spec.dither_bits:
            raise SpecError(f"shift must lie in {spec.min_shift}…{spec.dither_bits} for this fabric, got {self.shift}.")
        object.__setattr__(self, "seed", checked_seed(self.seed))
        if spec.programmed:
            if self.order is None:
                object.__setattr__(self, "order", default_order(spec))
            assert self.order is not None
            check_order(self, self.order)
            _ = self.merged

    @staticmethod
    def from_matrix(
        fabric: FabricSpec, couplings: np.ndarray, biases: np.ndarray, *, step: float, shift: int, seed: int = 0
    ) -> "Image":
        """An image from a full integer coupling matrix ``[N, N]`` with the standard sigmoid table.

        Raises:
            SpecError: the matrix is not symmetric, has a diagonal, or couples sites the fabric does not.
        """
        matrix = np.asarray(couplings)
        n = fabric.n_sites
        if matrix.shape != (n, n):
            raise SpecError(f"couplings must have shape {(n, n)} for this fabric, got {matrix.shape}.")
        if np.any(matrix != matrix.T):
            i, j = np.argwhere(matrix != matrix.T)[0]
            raise SpecError(
                f"couplings must be symmetric, but w[{i},{j}] = {matrix[i, j]} and w[{j},{i}] = {matrix[j, i]}; "
                "Gibbs sampling has no stationary distribution of the form exp(-E) otherwise. Use (w + w.T) / 2."
            )
        if np.any(np.diag(matrix)):
            raise SpecError("couplings must have a zero diagonal; s·s = 1 is a constant.")
        edges = fabric.topology.edges
        rest = matrix.copy()
        rest[edges[:, 0], edges[:, 1]] = 0
        rest[edges[:, 1], edges[:, 0]] = 0
        if np.any(rest):
            i, j = np.argwhere(rest)[0]
            raise SpecError(f"sites {i} and {j} are not coupled on {fabric.topology.name}; w[{i},{j}] must be 0.")
        return Image(
            fabric=fabric,
            weights=matrix[edges[:, 0], edges[:, 1]],
            biases=biases,
            tables=np.tile(sigmoid_table(fabric, step, shift), (fabric.levels, 1)),
            shift=shift,
            clamps=np.full(n, FREE),
            seed=seed,
        )

    def replace(self, **changes: Any) -> "Image":
        """A copy with some fields changed, validated again."""
        return replace(self, **changes)

    def with_seed(self, seed: int) -> "Image":
        """The same image with another seed: nothing else is checked or copied, so that a call with a seed of its own
        costs no more than one without.
        """
        image, seed = copy(self), checked_seed(seed)
        image.__dict__.pop("digest", None)
        object.__setattr__(image, "seed", seed)
        if "merged" in image.__dict__:
            image.__dict__["merged"] = replace(self.merged, image=self.merged.image.with_seed(seed))
        return image

    @cached_property
    def digest(self) -> str:
        parts = [self.fabric.digest, self.weights, self.biases, self.tables, self.shift, self.clamps, self.seed]
        # Version 1 adds nothing, so that images made before there were versions keep their digests.
        later: list[Any] = [{"contract": self.contract}] if self.contract != 1 else []
        if self.order is not None:
            later += [self.order.colours, self.order.parents]
        return digest_of("image", *parts, *([self.factors] if self.fabric.topology.factors else []), *later)

    @cached_property
    def merged(self) -> Merged:
        """What an image with an order computes, as an image of its roots alone."""
        return merged(self)

    @cached_property
    def differences(self) -> np.ndarray:
        """int32: what each factor adds to the fields of its sites, in the order of ``topology.factor_inputs``."""
        return frozen_array(differences(self.fabric.topology.factors, self.factors), np.int32)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and self.digest == other.digest

    def __hash__(self) -> int:
        return int(self.digest[:16], 16)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary with the fabric's digest, not the fabric: see :meth:`from_json`."""
        return {
            "contract": self.contract,
            "fabric_digest": self.fabric.digest,
            "weights": self.weights.tolist(),
            "biases": self.biases.tolist(),
            "tables": self.tables.tolist(),
            "shift": self.shift,
            "clamps": self.clamps.tolist(),
            "seed": self.seed,
            **({"factors": self.factors.tolist()} if self.fabric.topology.factors else {}),
            **({"order": self.order.to_json()} if self.order is not None else {}),
            "digest": self.digest,
        }

    @staticmethod
    def from_json(data: dict[str, Any], fabric: FabricSpec) -> "Image":
        """Inverse of :meth:`to_json`.

        Raises:
            SpecError: the image was made for another fabric, was changed, or is of a contract version unknown here; one
                without a version is of version 1.
        """
        contract = check_contract(data.get("contract", 1), "the image")
        check_fabric_digest(data["fabric_digest"], fabric)
        made = Image(
            fabric,
            **{name: np.array(data[name]) for name in ("weights", "biases", "tables", "clamps")},
            shift=data["shift"],
            seed=data["seed"],
            contract=contract,
            **({"factors": np.array(data["factors"])} if "factors" in data else {}),
            order=Order.from_json(data["order"]) if "order" in data else None,
        )
        if made.digest != data["digest"]:
            raise SpecError(f"the image does not match its digest {data['digest'][:12]}…; the file was changed.")
        return made


def check_fabric_digest(digest: str, fabric: FabricSpec) -> None:
    """Raise ``SpecError`` unless ``digest`` is that of ``fabric``."""
    if digest != fabric.digest:
        raise SpecError(
            f"the image is for a fabric with digest {digest[:12]}…, but this one ({fabric!r}) has "
            f"{fabric.digest[:12]}…; compile the program for this fabric."
        )
