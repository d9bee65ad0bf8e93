"""Who may connect: a token, and the hosts and origins that a browser may name.

Cross-origin rules of browsers do not cover WebSockets, and a name that resolves to 127.0.0.1 makes any page "same
origin"; so host and origin are both looked at, on every request.
"""

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from thermofab.hw.spec import SpecError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Refusal:
    """Why a connection is refused: an HTTP status, a code for counters, and a sentence."""

    status: int
    code: str
    sentence: str


@dataclass(frozen=True)
class Access:
    """Whom a server answers.

    Attributes:
        token: what a client shows, as ``Authorization: Bearer …`` or ``?token=…``; ``None`` asks for none.
        hosts: host names under which browsers may reach the server, beside loopback's.
        origins: other origins whose pages may connect, e.g. ``https://example.org``.
    """

    token: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token) < 8:
            raise SpecError(f"a token has at least 8 characters; got {len(self.token)}.")
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or "*" in origin:
                raise SpecError(f"an origin is written https://host or https://host:port; got {origin!r}.")

    def for_host(self, host: str) -> "Access":
        """The same for a server that listens at ``host``.

        Raises:
            SpecError: others could reach it and there is no token.
        """
        if host in LOOPBACK:
            return self
        if self.token is None:
            raise SpecError(f"{host} can be reached by other machines: give a token, or listen at 127.0.0.1.")
        return Access(self.token, (*self.hosts, host), self.origins)

    def foreign(self, connection: HTTPConnection) -> Refusal | None:
        """Refuse hosts and origins that are not ours. Programs that are not browsers send no origin."""
        host = connection.headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            name = None
        if name is None or name not in (*LOOPBACK, *self.hosts):
            return Refusal(421, "foreign_host", "this server does not answer under that host name.")
        origins = connection.headers.getlist("origin")
        if any(origin not in self.origins and _host_of(origin) != host for origin in origins):
            return Refusal(403, "foreign_origin", "pages of that origin may not connect.")
        return None

    def unknown(self, connection: HTTPConnection) -> Refusal | None:
        """Refuse a missing or wrong token, in a time that does not depend on how wrong it is."""
        if self.token is None:
            return None
        scheme, _, shown = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            shown = connection.query_params.get("token", "")
        if hmac.compare_digest(shown.encode(), self.token.encode()):
            return None
        return Refusal(401, "wrong_token", "show the server's token: Authorization: Bearer TOKEN, or ?token=TOKEN.")


def _host_of(origin: str) -> str | None:
    """Host and port of an origin; ``None`` of ``null`` and of what is no web origin."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc if parts.scheme in ("http", "https") else None
