"""What a proxy is told: back ends, who may use it with which budget, and limits. Keys come from environment variables.

A file of settings (TOML) names the variables, never the keys::

    [[backends]]
    provider = "north"
    url = "http://127.0.0.1:9001/v1"
    key_env = "NORTH_KEY"

    [[clients]]
    name = "alice"
    key_env = "ALICE_KEY"
    budget_usd = 5.0
"""

import hmac
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from thermofab.hw.spec import SpecError


@dataclass(frozen=True, repr=False)
class Secret:
    """A key that does not show itself where it is printed or logged."""

    value: str

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def matches(self, shown: str) -> bool:
        """Compare in a time that does not depend on how wrong it is."""
        return hmac.compare_digest(shown.encode(), self.value.encode())

    @staticmethod
    def from_environment(variable: str, environment: Mapping[str, str]) -> "Secret":
        """The key in a variable.

        Raises:
            SpecError: the variable is not set, empty, or holds what no header can carry.
        """
        value = environment.get(variable, "")
        if not value:
            raise SpecError(f"the environment variable {variable} is not set; it should hold a key.")
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise SpecError(f"the key in {variable} has characters that no header can carry.")
        return Secret(value)


@dataclass(frozen=True)
class BackEnd:
    """An OpenAI-compatible server, which has the models of one provider.

    Attributes:
        provider: as in the catalogue.
        url: up to and including ``/v1``.
        key: sent as a bearer token; ``None`` sends none.

    Raises:
        SpecError: a URL that is not one, or that has a key in it.
    """

    provider: str
    url: str
    key: Secret | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise SpecError(f"the back end of {self.provider} needs a URL such as https://host/v1.")
        if parts.username or parts.password:
            raise SpecError(f"the URL of {self.provider} has a password in it; put the key in a variable: key_env.")

    def scrubbed(self, text: str) -> str:
        """``text`` without the key."""
        return text.replace(self.key.value, "***") if self.key is not None else text


@dataclass(frozen=True)
class Client:
    """Who may use the proxy: a name for logs, the key, and how much may be spent, in USD (``None``: no limit)."""

    name: str
    key: Secret
    budget_usd: float | None = None

    def __post_init__(self) -> None:
        if self.budget_usd is not None and not self.budget_usd > 0:
            raise SpecError(f"the budget of {self.name} must be above 0 USD, got {self.budget_usd}.")


@dataclass(frozen=True)
class ProxyLimits:
    """Limits; all positive.

    Attributes:
        requests: answered at once; more are refused with 503.
        body_bytes: longest request.
        answer_bytes: longest answer that is not streamed.
        connect_seconds: to reach a back end.
        first_byte_seconds: from the request until the answer begins.
        idle_seconds: between two parts of a stream.
        tries: of one back end, before the next is asked.
        pause_seconds: before a second try; doubled for the third.
        broken_after: failures in a row after which a back end is left out.
        broken_seconds: for this long.
        remembered: decisions kept for feedback.
    """

    requests: int = 1024
    body_bytes: int = 2_000_000
    answer_bytes: int = 32_000_000
    connect_seconds: float = 5.0
    first_byte_seconds: float = 60.0
    idle_seconds: float = 60.0
    tries: int = 2
    pause_seconds: float = 0.1
    broken_after: int = 5
    broken_seconds: float = 10.0
    remembered: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise SpecError(f"the limit {field.name} is {value}; limits are above 0.")


@dataclass(frozen=True)
class ProxySettings:
    """Everything but the router.

    Raises:
        SpecError: no back end, or two of one provider, or two clients of one name or key.
    """

    backends: tuple[BackEnd, ...]
    clients: tuple[Client, ...] = ()
    limits: ProxyLimits = ProxyLimits()

    def __post_init__(self) -> None:
        providers = [backend.provider for backend in self.backends]
        if not providers:
            raise SpecError("a proxy needs at least one back end.")
        if len(set(providers)) < len(providers):
            raise SpecError(f"every provider has one back end; got {', '.join(providers)}.")
        if len({c.name for c in self.clients}) < len(self.clients) or len({c.key.value for c in self.clients}) < len(
            self.clients
        ):
            raise SpecError("clients need different names and different keys.")

    @staticmethod
    def from_toml(path: Path, environment: Mapping[str, str] = os.environ) -> "ProxySettings":
        """Settings of a file, keys of the environment.

        Raises:
            SpecError: a missing or malformed file, or a key that is not set.
        """
        if not path.is_file():
            raise SpecError(f"there are no settings {path}.")
        try:
            content = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise SpecError(f"{path} is not TOML: {error}.") from None
        unknown = sorted(set(content) - {"backends", "clients", "limits"})
        if unknown:
            raise SpecError(f"{path}: {', '.join(unknown)} unknown; known are backends, clients and limits.")
        try:
            return ProxySettings(
                tuple(BackEnd(**_with_key(entry, environment)) for entry in content.get("backends", [])),
                tuple(Client(**_with_key(entry, environment)) for entry in content.get("clients", [])),
                ProxyLimits(**content.get("limits", {})),
            )
        except TypeError as error:
            raise SpecError(f"{path}: an entry has an unknown, missing or wrong field: {error}.") from None


def _with_key(entry: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    if "key" in entry:
        raise SpecError("keys do not belong in a file of settings; name a variable: key_env.")
    entry = dict(entry)
    variable = entry.pop("key_env", None)
    return entry if variable is None else {**entry, "key": Secret.from_environment(variable, environment)}
