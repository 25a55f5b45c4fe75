"""What a worker tells about itself: counters and gauges for Prometheus at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics


class Meters:
    """The meters of one worker, on a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which no panel reads
        self.registry = CollectorRegistry()
        self.records = Counter("servicepulse_records", "Kafka records read", ["topic"], registry=self.registry)
        self.events = Counter("servicepulse_events", "New events stored", registry=self.registry)
        self.dead_letters = Counter(
            "servicepulse_dead_letters", "Records that are no events", ["reason"], registry=self.registry
        )
        self.unknown_values = Counter(
            "servicepulse_unknown_values", "Values read as `other`", ["pointer"], registry=self.registry
        )
        self.statements_left_out = Counter(
            "servicepulse_statements_left_out",
            "Statements of merged tickets that were not folded: `unknown` to their ticket, or `crowded`",
            ["why"],
            registry=self.registry,
        )
        self.forwarded = Counter(
            "servicepulse_forwarded", "Events sent on to the partition of their ticket", registry=self.registry
        )
        self.stale = Counter(
            "servicepulse_stale_records", "Records let go because the group was dealt anew", registry=self.registry
        )
        self.lost = Counter(
            "servicepulse_records_lost",
            "Records that Kafka removed before anybody read them",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.waits = Counter(
            "servicepulse_store_waits", "Times the store was away and waited for", registry=self.registry
        )
        self.splits = Counter(
            "servicepulse_store_splits", "Writes that the store could not do at once", registry=self.registry
        )
        self.truncated = Counter(
            "servicepulse_truncated_tickets", "Rows that name only a part of a long ticket", registry=self.registry
        )
        self.batch_seconds = Histogram(
            "servicepulse_batch_seconds",
            "Time of a batch by step",
            ["step"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self.batch_events = Histogram(
            "servicepulse_batch_events",
            "Records in a batch",
            buckets=(1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000, 25_000),
            registry=self.registry,
        )
        self.cache_hits = Counter("servicepulse_cache_hits", "Tickets found in memory", registry=self.registry)
        self.cache_misses = Counter("servicepulse_cache_misses", "Tickets looked up", registry=self.registry)
        self.newest_event = Gauge(
            "servicepulse_newest_event_timestamp_seconds", "Time of the newest event stored", registry=self.registry
        )
        self.mended_tickets = Counter(
            "servicepulse_mended_tickets", "Tickets that lacked stored events and were mended", registry=self.registry
        )
        self.looks = Counter("servicepulse_watch_looks", "Looks of the watch", ["result"], registry=self.registry)
        self.look_seconds = Histogram(
            "servicepulse_watch_seconds",
            "Time of a look of the watch",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self.last_look = Gauge(
            "servicepulse_watch_last_look_timestamp_seconds",
            "When the watch last judged; 0 where another worker watches",
            registry=self.registry,
        )
        self.watched_teams = Gauge("servicepulse_watch_teams", "Teams under watch", registry=self.registry)
        self.teams_left_out = Gauge(
            "servicepulse_watch_teams_left_out", "Teams with too few ratings to be watched too", registry=self.registry
        )
        self.delay = Gauge(
            "servicepulse_delay_seconds", "Age of the newest live record folded, by the watch", registry=self.registry
        )
        self.open_signals = Gauge(
            "servicepulse_open_signals", "Signals that are open", ["kind"], registry=self.registry
        )
        self.lag = Gauge(
            "servicepulse_lag_records", "Records not committed yet", ["topic", "partition"], registry=self.registry
        )
        self.partitions = Gauge("servicepulse_partitions", "Partitions that this worker reads", registry=self.registry)
        self.without_partitions = Gauge(
            "servicepulse_seconds_without_partitions",
            "For how long there has been nothing to read; 0 while there is",
            registry=self.registry,
        )
