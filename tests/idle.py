"""A worker's consumer that is connected to nothing, for tests of what it does by itself."""

from streams.app import create_app
from streams.clock import SystemClock
from streams.intake import BatchConsumer, Pages
from streams.meters import Meters
from streams.settings import Settings
from streams.sinks.memory import MemoryStore


def idle_consumer() -> BatchConsumer:
    """Return the consumer of an app that was never started; its port is free again and its thread's loop closed."""
    settings = Settings(kafka="localhost:1", clickhouse="http://localhost:1", web_port=0)
    app = create_app(settings, MemoryStore(), clock=SystemClock(), meters=Meters())
    assert isinstance(app.web, Pages)
    app.web._listening.close()
    consumer = app.consumer
    assert isinstance(consumer, BatchConsumer)
    consumer._thread.thread_loop.close()
    return consumer
