"""Look: what a study's pictures have in common."""

from collections.abc import Mapping
from typing import Any

from thermofab.apps.pages.palette import LIGHT

# Mark and colour of every architecture.
KINDS = {
    name: (mark, colour) for name, mark, colour in zip(("spatial", "relay", "dense", "systolic"), "os^D", LIGHT.series)
}


def winner_rows(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of every workload's winner, and of the best that holds any program; each once."""
    by_name = {(row["name"], row["workload"]): row for row in facts["rows"]}
    places = [(one[place], one["workload"]) for one in facts["winners"] for place in ("first", "general")]
    return [by_name[place] for place in dict.fromkeys(places) if place in by_name]
