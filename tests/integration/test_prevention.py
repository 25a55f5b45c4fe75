"""One question behind every third contact, from the first customer to the guide that ends it, number by number."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from pathlib import Path
from typing import Final

import pytest

from dashboards.macro import expand, interpolate
from dashboards.page.prevention import DASHBOARD
from schemas import events as e
from schemas.codec import Event
from schemas.policy import SUBJECT, Policy
from streams.core.ask.question import Question
from streams.core.effect import drop_of, effect_of, of_count
from streams.core.metrics import METRICS
from streams.core.policy.published import policies
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from tests.dashboards.alerting import firing
from tests.histories import event
from tests.integration.conftest import Servers
from tests.integration.desk import Desk, ms

pytestmark = pytest.mark.integration

BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)
OTHERS: Final = ("size", "price", "colour", "refund", "repair")


def at(days: float) -> int:
    return ms(BEGIN + timedelta(days=days))


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    said = Policy(
        from_at=datetime(2026, 1, 1, tzinfo=UTC), zone="UTC", reason_share=0.3, departments={"parcel": "logistics"}
    )
    published = event(e.PolicyPublished(versions=(said,)), at(-40), "policy", subject=SUBJECT)
    ClickHouseStore(made.client).insert(policies([published], at(-40)))
    yield made
    made.remove()


def tickets(reason: str, since: float, until: float, per_day: int) -> list[Event]:
    told = []
    for n in range(round((until - since) * per_day)):
        id, when = f"{reason}-{since}-{n}", at(since + n / per_day)
        asked = e.TicketCreated(
            ticket_id=id, channel="chat", created_by=e.Party.CUSTOMER, customer_id=id, team="first line", reason=reason
        )
        told.append(event(asked, when, id, subject=id))
    return told


def usual(since: float, until: float) -> list[Event]:
    return [one for reason in OTHERS for one in tickets(reason, since, until, 4)]


def said(kind: type[e.RootCauseData], days: float, action: str) -> Event:
    content = kind(reason="parcel", department="logistics", action=action)
    return event(content, at(days), f"{kind.__name__}-{days}", subject="parcel")


def test_a_reason_passes_the_line_its_department_acts_and_fewer_come(desk: Desk) -> None:
    # 20 a day ask about other things. From day 0 on 16 ask where their parcel is: 16k of 140 + 16k are 30 % at 3.75.
    desk.tell(usual(-30, 3.5) + tickets("parcel", 0, 3.5, 16), at(3.5))
    look = desk.watch(at(3.5))
    assert desk.signals() == []
    desk.tell(usual(3.5, 5) + tickets("parcel", 3.5, 5, 16), at(5))
    desk.watch(at(5), look=look)
    (signal,) = desk.signals()
    assert (signal.kind, signal.segment, signal.state) == ("reason_dominates", "parcel", "open")
    assert at(3.75) <= signal.opened_at <= at(3.75) + 2 * HOUR_MS
    (alert,) = firing(desk.client, "reason-dominates", at(5))
    assert (alert["team"], alert["department"], alert["segment"]) == ("logistics", "logistics", "parcel")
    assert alert["baseline"] == "30.0 %"

    # Logistics answers on day 6, and publishes a guide on day 20: from then on 4 a day ask.
    answered, fixed = said(e.RootCauseAcknowledged, 6, "a guide"), said(e.RootCauseFixed, 20, "the guide is published")
    desk.tell([answered, *usual(5, 20), *tickets("parcel", 5, 20, 16)], at(20))
    desk.watch(at(20), look=look)
    assert [row.signal_id for row in desk.signals()] == [signal.signal_id]
    desk.tell([fixed, *usual(20, 48), *tickets("parcel", 20, 48, 4)], at(48))
    desk.watch(at(48), look=look)
    (over,) = desk.signals()
    # 16 a day for seven days less one for each day of 4: (112 - 12d) / (252 - 12d) is 25 % at d = 5.44.
    assert over.state == "resolved"
    assert at(25.4) <= (over.resolved_at or 0) <= at(25.6)
    assert firing(desk.client, "reason-dominates", at(48)) == []

    asked = [METRICS[name] for name in ("root_causes", "root_cause_acknowledged_p50", "root_cause_fixed_p50")]
    figures = answer(desk.client, Question(metrics=asked, windows=[Window(at(0), at(48))]), Window(at(-30), at(48)))
    opened_days = (signal.opened_at - at(0)) / DAY_MS
    values = [figure.value for figure in figures.values()]
    assert values == [1, pytest.approx((6 - opened_days) * 86_400), pytest.approx((20 - opened_days) * 86_400)]

    (row,) = loop(desk, at(-10), at(48.001))
    assert (row["Reason"], row["Department"], row["Stage"]) == ("parcel", "logistics", "fixed")
    assert row["What is done"] == "the guide is published"
    # In the 28 days before: nothing for eight days, then 16 a day for 20; afterwards 4 a day.
    untouched = [of_count(4 * 28, 4 * 28)] * len(OTHERS)
    effect = effect_of(of_count(16 * 20, 4 * 28), untouched)
    assert effect is not None
    gone = drop_of(effect)
    assert gone.value == pytest.approx(1 - (4 * 28 + 0.5) / (16 * 20 + 0.5))
    assert [row[name] for name in ("Gone", "95 % from", "95 % to")] == [
        pytest.approx(100 * one, rel=1e-6) for one in (gone.value, gone.low, gone.high)
    ]
    assert log(1 - gone.low) > log(1 - gone.value) + 1.9 * sqrt(1 / 320 + 1 / 112)
    assert row["Contacts avoided"] == round(4 * 28 * gone.value / (1 - gone.value))
    assert (row["n before"], row["n after"], row["Untouched"]) == (16 * 20, 4 * 28, len(OTHERS))


def loop(desk: Desk, since: int, until: int) -> list[dict[str, object]]:
    """Return the table of *Prevention* over a range."""
    (panel,) = [one for row in DASHBOARD.rows for one in row if one.id == 4]
    sql = expand(interpolate(panel.sql, {"zone": "UTC"}), from_ms=since, to_ms=until, interval_seconds=60)
    told = desk.client.query(sql)
    return [dict(zip(told.column_names, row, strict=True)) for row in told.result_rows]
