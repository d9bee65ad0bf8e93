"""Counters and times of one server, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Everything ``/metrics`` shows. Each server has its own registry."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"thermofab_serve_{name}", text, labels, registry=registry)

        def times(name: str, text: str) -> Histogram:
            return Histogram(f"thermofab_serve_{name}_seconds", text, registry=registry, buckets=_TIMES)

        self.clients = Gauge("thermofab_serve_clients", "WebSocket connections.", registry=registry)
        self.head = Gauge("thermofab_serve_head", "Sequence number of the newest message.", registry=registry)
        self.published = counter("published", "Messages journalled and handed to clients.", ("topic",))
        self.refused = counter("refused", "Messages, frames and connections refused.", ("reason",))
        self.dropped = counter("dropped", "Messages dropped because a client's queue was full.")
        self.evicted = counter("evicted", "Clients cut off for being slow.", ("reason",))
        self.failed = counter("predictor_failures", "Predictions that failed.", ("topic",))
        self.sent = counter("sent", "Messages sent, over all clients.")
        self.journal = times("journal", "Time to check, encode and commit a message.")
        self.lag = times("lag", "From handing a message over until it is sent to a client.")

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """A sample by its full name and labels, 0 if there is none."""
        return self.registry.get_sample_value(name, labels) or 0.0
