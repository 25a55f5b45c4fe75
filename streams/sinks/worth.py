"""What cases are worth, asked of ClickHouse."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from streams.core.ask.maturity import FOLLOWED_UNTIL
from streams.core.window import DAY_MS, Window
from streams.core.worth.ask import with_range
from streams.core.worth.balance import balance
from streams.core.worth.cap import caps
from streams.core.worth.churn import churn
from streams.core.worth.lift import lift
from streams.core.worth.strategy import PARTS, strategies
from streams.sinks.connection import named_errors

Row = Mapping[str, Any]
_BEGIN: Final = with_range(
    "fromUnixTimestamp64Milli({start:Int64}, 'UTC')",
    "fromUnixTimestamp64Milli({end:Int64}, 'UTC')",
    FOLLOWED_UNTIL,
    "{within:Int64}",
)
_UNIT: Final = "SELECT unit, minor, worth.2 > 0 AS is_work_counted"


class Worth(Struct, frozen=True):
    """What cases are worth: rows as the queries in `streams.core.worth` describe them, money in minor units.

    Attributes:
        unit: In which currency money is added up; "" where no order says.
        minor: How many minor units it has.
        is_work_counted: Whether the policy says what an hour of work costs.
        lift: What a solved case changes.
        balance: How alike both groups were before.
        strategies: What each strategy is worth.
        parts: The same by product line and reason.
        caps: What a cap does, for all and each product line.
        other_caps: What other caps would have done.
        churn: Who stays away after which contacts.
    """

    unit: str
    minor: int
    is_work_counted: bool
    lift: Row
    balance: Sequence[Row]
    strategies: Sequence[Row]
    parts: Sequence[Row]
    caps: Sequence[Row]
    other_caps: Sequence[Row]
    churn: Sequence[Row]


def worth(client: Client, window: Window, within_days: int, cap: float) -> Worth:
    """Return what cases that were resolved in a window are worth.

    Args:
        client: Of the database.
        window: Of resolutions; cases that were not followed for so long are left out.
        within_days: How long after a case orders and returns count.
        cap: On compensation, in whole units of the currency.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    given: dict[str, Any] = {"start": window.start_at, "end": window.end_at, "within": within_days * DAY_MS}

    def asked(sql: str, **more: object) -> list[Row]:
        with named_errors():
            return list(client.query(f"{_BEGIN}\n{sql}", parameters=given | more).named_results())

    (unit,) = asked(_UNIT)
    (changed,) = asked(lift())
    return Worth(
        unit=unit["unit"],
        minor=unit["minor"],
        is_work_counted=unit["is_work_counted"],
        lift=changed,
        balance=asked(balance(followed_ms="within_ms")),
        strategies=asked(f"{strategies()}\nORDER BY n DESC, strategy"),
        parts=asked(f"{strategies(PARTS)}\nORDER BY n DESC, strategy, {', '.join(PARTS)}"),
        caps=asked(caps("{cap:Float64} * minor"), cap=cap),
        other_caps=asked(caps()),
        churn=asked(churn()),
    )
