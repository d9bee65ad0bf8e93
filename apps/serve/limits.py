"""What a server allows: sizes, counts and times, in one record."""

from dataclasses import dataclass, fields

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Limits:
    """Limits of a server; all positive.

    Attributes:
        clients: WebSocket connections at once; more are refused with 503.
        queue: messages that wait for one client; when full, the oldest is dropped.
        message_bytes: longest message taken from a client; longer ones close the connection with 1009.
        refusals: refused messages of one connection before it is closed with 1008.
        stall_seconds: a client that takes nothing for this long is cut off.
        drops: dropped messages of one connection before it is cut off.
        heartbeat_seconds: time between heartbeats.
        stale_seconds: a topic that is silent for this long is called stale.
        retry_seconds: pause after a predictor failed, doubled up to a minute while it goes on failing.
        page_rows: messages that one REST answer holds at most.
        recent: messages kept in memory, from which most reconnections are served.
        keep: messages kept in the journal; older ones are deleted.
    """

    clients: int = 4096
    queue: int = 256
    message_bytes: int = 4096
    refusals: int = 20
    stall_seconds: float = 10.0
    drops: int = 2048
    heartbeat_seconds: float = 15.0
    stale_seconds: float = 120.0
    retry_seconds: float = 1.0
    page_rows: int = 2000
    recent: int = 1024
    keep: int = 200_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise SpecError(f"the limit {field.name} is {value}; limits are above 0.")
