"""What the door tells about itself: counters and gauges for Prometheus at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics


class DoorMeters:
    """The meters of one door, on a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which no panel reads
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "servicepulse_door_requests", "Requests answered", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "servicepulse_door_seconds",
            "Time to the answer",
            ["route"],
            buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.accepted = Counter(
            "servicepulse_door_accepted", "Events that Kafka has, by who sent them", ["sender"], registry=self.registry
        )
        self.refused = Counter(
            "servicepulse_door_refused", "Events that were refused", ["sender", "reason"], registry=self.registry
        )
        self.in_flight = Gauge("servicepulse_door_in_flight", "Requests in hand", registry=self.registry)
        self.connections = Gauge("servicepulse_door_connections", "Connections of clients", registry=self.registry)
        self.connected = Gauge(
            "servicepulse_door_kafka_connected", "1 while a broker takes events, else 0", registry=self.registry
        )
