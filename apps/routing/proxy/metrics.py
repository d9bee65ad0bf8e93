"""Counters and times of one proxy, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_TIMES = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ProxyMetrics:
    """Everything ``/metrics`` shows. Each proxy has its own registry."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"thermofab_route_{name}", text, labels, registry=registry)

        def times(name: str, text: str) -> Histogram:
            return Histogram(f"thermofab_route_{name}_seconds", text, registry=registry, buckets=_TIMES)

        self.running = Gauge("thermofab_route_running", "Requests being answered.", registry=registry)
        self.requests = counter("requests", "Requests by model and how they ended.", "model", "end")
        self.refused = counter("refused", "Requests refused, by reason.", "reason")
        self.failures = counter("back_end_failures", "Failures of back ends, by reason.", "provider", "reason")
        self.usd = counter("usd", "USD spent, by model.", "model")
        self.decision = times("decision", "Time to decide who is asked.")
        self.first_byte = times("first_byte", "From the request until its answer begins.")

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """A sample by its full name and labels, 0 if there is none."""
        return self.registry.get_sample_value(name, labels) or 0.0
