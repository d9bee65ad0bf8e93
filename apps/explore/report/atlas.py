"""Atlas: maps of a study's records, each embedding once, as many as a page may carry."""

import json
from collections.abc import Iterable
from typing import Any

from thermofab.apps.explore.candidate import OWN
from thermofab.apps.explore.record import Record
from thermofab.apps.explore.report.maps import fabric_map
from thermofab.apps.explore.workloads import workload
from thermofab.hw.spec import ThermofabError, Topology

_MOST = 2_000_000  # characters of all maps together


def atlas(records: Iterable[Record], most: int = _MOST) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Maps, and by a record's key which is its own.

    Records of one embedding share a map. Those that come when ``most`` characters are used have none, nor have those
    whose workload is not to be found any more.

    Args:
        records: the most important first.
        most: characters that all maps may take as JSON.
    """
    maps: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    known: dict[tuple[object, ...], int] = {}
    topologies: dict[tuple[str, ...], Topology] = {}
    length = 0
    for record in records:
        if not record.copies:
            continue
        fabric = record.candidate
        same = (fabric.topology, fabric.code, record.workload, record.copies)
        if same not in known:
            if length >= most:
                continue
            try:
                on = workload(record.workload)
                place = (fabric.topology, fabric.code, on.name if fabric.family == OWN else "")
                if place not in topologies:
                    topologies[place] = fabric.spec(on.model).topology
            except (ThermofabError, OSError):
                continue
            made = fabric_map(topologies[place], on, record.copies)
            length += len(json.dumps(made, separators=(",", ":")))
            known[same] = len(maps)
            maps.append(made)
        numbers[record.key] = known[same]
    return maps, numbers
