"""Fabrics as pictures: where the sites are and which are coupled, for fabrics that messages have named."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from thermofab.hw.spec import SpecError, ThermofabError, fabric

_MOST_SITES = 4096


class FabricPictures:
    """The pictures a server gives out.

    Only fabrics that its own messages name are drawn: a request cannot make the server build another one.
    """

    def __init__(self) -> None:
        self._named: set[str] = set()

    def note(self, data: Mapping[str, Any]) -> None:
        """Take note of the fabric that a message's ``plan`` names."""
        plan = data.get("plan")
        if isinstance(plan, Mapping) and isinstance(plan.get("fabric"), str):
            self._named.add(plan["fabric"])

    def picture(self, name: str) -> dict[str, Any]:
        """``{"name", "sites": [[x, y], …], "colours": […], "edges": [[i, j], …]}``.

        Raises:
            SpecError: no message has named it, or it is too large to draw.
        """
        if name not in self._named:
            raise SpecError(f"no message has named a fabric {name!r}.")
        return _picture(name)


@lru_cache(maxsize=32)
def _picture(name: str) -> dict[str, Any]:
    try:
        topology = fabric(name).topology
    except ThermofabError as error:
        raise SpecError(f"the fabric {name!r} cannot be drawn: {error}") from None
    if len(topology.colours) > _MOST_SITES:
        raise SpecError(f"{name} has {len(topology.colours)} sites; pictures have at most {_MOST_SITES}.")
    return {
        "name": name,
        "sites": topology.coordinates[:, :2].round(4).tolist(),
        "colours": topology.colours.tolist(),
        "edges": topology.edges.tolist(),
    }
