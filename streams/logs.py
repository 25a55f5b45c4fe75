"""Structured logs of our own code and of the libraries below it, one line an entry, on standard error."""

import asyncio
import logging
import sys
from typing import Final

import structlog

from streams.fault import kafka_error_in
from streams.settings import Settings

_LOUD = {
    "clickhouse_connect": logging.ERROR,
    "urllib3": logging.ERROR,
    "aiokafka": logging.WARNING,
    "kafka": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "streams.intake": logging.WARNING,
}
"""Libraries that tell more than an operator wants, and at DEBUG their whole configuration, passwords included."""


_QUIET_SECONDS: Final = 10.0


class Repeats(logging.Filter):
    """Lets the same complaint of a library through once in ten seconds; a broker that is away gives fifty a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to log a record of a library; ours are always logged."""
        if record.name.startswith("streams."):
            return True
        said = record.name, str(record.msg)
        is_new = record.created - self._said_at.get(said, 0) >= _QUIET_SECONDS
        if is_new:
            self._said_at[said] = record.created
        return is_new


def without_tracebacks_of_kafka(record: logging.LogRecord) -> bool:
    """Leave out where in a library an error of Kafka was raised: what is wrong is said in a sentence of our own.

    What is cancelled for its sake has nothing to add.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, asyncio.CancelledError) or kafka_error_in(error) is not None:
        record.exc_info = record.exc_text = None
    return True


def configure(settings: Settings) -> None:
    """Set up logging for this process. Called once, by a command, before anything is logged."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.addFilter(Repeats())
    lines.addFilter(without_tracebacks_of_kafka)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(settings.log_level)
    for name, level in _LOUD.items():
        logging.getLogger(name).setLevel(max(level, root.level))
