"""How far a fabric lies from those that the area model was fitted to."""

from thermofab.apps.explore.parts import parts_of
from thermofab.hw.spec import FabricSpec

# How many times the largest fitted fabric another may have of sites (or elements) before it is beyond it.
FARTHEST = 4
WIDTHS = ("weight_bits", "bias_bits", "table_bits", "threshold_bits", "word_bits", "levels")


def beyond_of(spec: FabricSpec, fitted: tuple[FabricSpec, ...]) -> str:
    """In what a fabric lies outside ``fitted``, fabrics of its architecture; empty where it does not.

    Sizes up to four times the largest fitted count as within: the model is linear in them.
    """
    said = []
    size, largest = parts_of(spec).size, max(parts_of(one).size for one in fitted)
    what = "elements" if spec.architecture == "systolic" else "sites"
    if size > FARTHEST * largest:
        said.append(f"{size} {what}, the largest fitted has {largest}")
    for name in WIDTHS:
        value, known = getattr(spec, name), [getattr(one, name) for one in fitted]
        if not min(known) <= value <= max(known):
            said.append(f"{name}={value}, fitted {_range(known)}")
    if spec.rng not in {one.rng for one in fitted}:
        said.append(f"rng={spec.rng}")
    if spec.moment_bits:
        said.append("counters of moments, which no fitted one has")
    if spec.architecture in ("spatial", "dense") and spec.elements:
        said.append(f"elements={spec.elements}, where every fitted one has all that it can")
    return "; ".join(said + _factors(spec, fitted))


def _factors(spec: FabricSpec, fitted: tuple[FabricSpec, ...]) -> list[str]:
    factors = spec.topology.factors
    if not factors:
        return []
    most = max(len(one.topology.factors) for one in fitted)
    widest = max((len(row) for one in fitted for row in one.topology.factors), default=0)
    said = []
    if len(factors) > FARTHEST * most:
        said.append(f"{len(factors)} factors, the most fitted are {most}")
    if max(map(len, factors)) > widest:
        said.append(f"factors of {max(map(len, factors))} sites, the widest fitted have {widest}")
    return said


def _range(known: list[int]) -> str:
    return f"{min(known)}" if min(known) == max(known) else f"{min(known)} to {max(known)}"
