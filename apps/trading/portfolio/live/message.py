"""The message of a portfolio's risk: its version, and what its schema cannot say."""

from collections.abc import Mapping
from typing import Any

from thermofab.apps.serve.messages import Kind, MessageError, shipped_schema

SCHEMA_VERSION = "1.0"


def check_risk(data: Mapping[str, Any]) -> None:
    """Refuse data that contradict themselves.

    Raises:
        MessageError: positions that are not one an asset, levels of forecast and record that differ, ES below VaR,
            contributions that do not sum to ES, or PITs that are not as many as days.
    """
    assets, forecast, record = data["assets"], data["forecast"], data["record"]
    held = [one["symbol"] for one in data["positions"]]
    if held != assets:
        raise MessageError("contradiction", f"positions are of {', '.join(held)}, assets {', '.join(assets)}.")
    levels = [one["level"] for one in forecast["levels"]]
    if levels != [one["level"] for one in record["levels"]]:
        raise MessageError("contradiction", "the forecast and the record are of the same levels.")
    for one in forecast["levels"]:
        if one["es"] < one["var"] - 1e-9:
            raise MessageError("contradiction", f"ES at {one['level']:g} is below VaR; it is at least that.")
    whole = next((one["es"] for one in forecast["levels"] if one["level"] == forecast["contributions_at"]), None)
    parts = sum(one["es"] for one in data["positions"])
    if whole is None or abs(parts - whole) > 1e-6 * max(1.0, abs(whole)):
        raise MessageError("contradiction", f"contributions sum to {parts:.6g}; they sum to ES.")
    if sum(record["pit"]["bins"]) != record["days"]:
        raise MessageError("contradiction", f"{sum(record['pit']['bins'])} PITs of {record['days']} days; one each.")


RISK = Kind("portfolio_risk", shipped_schema("portfolio_risk"), check=check_risk)
