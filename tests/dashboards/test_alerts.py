"""Alert rules: their own SQL on the real engine. They fire when they should, and stay quiet when they should."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import yaml
from msgspec.structs import replace

from dashboards.alert.render import PATH, provisioned, rendered
from dashboards.alert.rule import RUNBOOK
from dashboards.render import DASHBOARDS
from schemas import events as e
from schemas.codec import Event
from schemas.rows import DeadLetterRow, EventRow, SignalRow
from streams.core.drop import Response, Thresholds
from streams.core.drop.baseline import Usual, hour_of
from streams.core.drop.rating import Tape
from streams.core.signal import statement
from streams.core.signal.segment import DESK, Segment, SegmentKind
from streams.core.ticket.batch import Outcome, state_mended
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Ticket
from streams.core.window import DAY_MS, HOUR_MS
from streams.sinks.clickhouse import ClickHouseStore
from tests.dashboards.alerting import RULES, firing, numbers
from tests.histories import event, public_answer
from tests.integration.conftest import Servers
from tests.integration.desk import Desk, ms

NOW: Final = ms(datetime(2026, 4, 2, 12, tzinfo=UTC))
MINUTE: Final = 60_000
BROWSER_ONLY: Final = ("$__conditionalAll", "$__adHocFilters", "$__from}", "$__to}", "${")
every_rule = pytest.mark.parametrize("uid", RULES)


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def empty(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(servers, tmp_path_factory.mktemp("empty"))
    yield made
    made.remove()


# How they are written -------------------------------------------------------------------------------------------------


def test_the_checked_in_file_is_what_the_code_says_and_is_yaml() -> None:
    assert PATH.read_text() == rendered(), "servicepulse dashboards render"
    assert yaml.safe_load(rendered()) == provisioned()


@every_rule
def test_a_rule_has_all_that_provisioning_and_routes_need(uid: str) -> None:
    rule = RULES[uid]
    assert len(uid) <= 40
    assert rule["labels"]["severity"] in {"page", "warning", "info", "ticket"}
    assert rule["noDataState"] in {"OK", "Alerting", "NoData", "KeepLast"}
    assert rule["execErrState"] in {"Error", "Alerting", "OK", "KeepLast"}
    assert rule["condition"] in {step["refId"] for step in rule["data"]}
    assert not [text for text in rule["labels"].values() if "$" in text], "labels expand the environment: write $$"
    for step in rule["data"]:
        assert step["model"]["intervalMs"] == 60_000
        assert not [macro for macro in BROWSER_ONLY if macro in step["model"].get("rawSql", "")]
        assert "SETTINGS" not in step["model"].get("rawSql", "")


@every_rule
def test_a_rule_leads_to_a_panel_that_is_there(uid: str) -> None:
    rule = RULES[uid]
    (page,) = [one for one in DASHBOARDS if one.uid == rule["dashboardUid"]]
    assert rule["panelId"] in {panel.id for row in page.rows for panel in row}
    linked = {name: rule["annotations"][name] for name in ("__dashboardUid__", "__panelId__")}
    assert linked == {"__dashboardUid__": page.uid, "__panelId__": str(rule["panelId"])}, (
        "notifications read these alone"
    )


@every_rule
def test_a_rule_has_a_section_in_the_runbook(uid: str) -> None:
    runbook = (Path(__file__).parents[2] / RUNBOOK).read_text()
    assert f"\n## {uid}\n" in runbook
    assert RULES[uid]["annotations"]["runbook_url"] == f"{RUNBOOK}#{uid}"


@every_rule
def test_a_text_tells_only_numbers_and_labels_that_its_queries_give(uid: str) -> None:
    rule = RULES[uid]
    refs = {step["refId"] for step in rule["data"]}
    text = rule["annotations"]["summary"] + rule["annotations"]["description"]
    assert {part[0] for part in text.split("$values.")[1:]} <= refs
    names = {part.split(" ")[0] for part in text.split("$labels.")[1:]}
    sql = rule["data"][0]["model"]["rawSql"]
    assert all(f" AS {name}" in sql or f"    {name}," in sql or f"SELECT {name}," in sql for name in names)


@pytest.mark.integration
@every_rule
def test_over_an_empty_database_nothing_fires(empty: Desk, uid: str) -> None:
    assert firing(empty.client, uid, NOW) == []


# Signals --------------------------------------------------------------------------------------------------------------


TEAM: Final = Segment(SegmentKind.TEAM, "delivery")


def broken(segment: Segment = TEAM) -> SignalRow:
    return statement.survey_broken(segment, NOW - HOUR_MS, NOW - 30 * HOUR_MS, Response(100, 1), Response(3_000, 900))


def silent() -> SignalRow:
    return statement.source_silent(Segment(SegmentKind.SOURCE, "urn:desk"), NOW - HOUR_MS, NOW - 2 * HOUR_MS, 400, 4)


def at_version(row: SignalRow, version: int) -> SignalRow:
    return replace(row, version=version)


@pytest.mark.integration
@pytest.mark.parametrize(("uid", "row"), [("survey-broken", broken()), ("source-silent", silent())])
def test_a_signal_fires_while_it_is_open_under_labels_that_never_change(desk: Desk, uid: str, row: SignalRow) -> None:
    desk.watched.state([at_version(row, NOW - HOUR_MS)])
    (labels,) = firing(desk.client, uid, NOW)
    assert labels["segment"] == row.segment
    assert labels["team"] == ("delivery" if uid == "survey-broken" else "pipeline")
    others = [one for one in ("satisfaction-fell", "survey-broken", "source-silent") if one != uid]
    assert not any(firing(desk.client, one, NOW) for one in others), "neither says that satisfaction fell"
    desk.watched.state([at_version(statement.resolved(row, NOW), NOW)])
    assert firing(desk.client, uid, NOW) == []
    assert [dict(one) for one in numbers(desk.client, uid, NOW)["A"]] == [labels], (
        "resolved under the labels under which it fired"
    )
    assert numbers(desk.client, uid, NOW + 2 * DAY_MS)["A"] == {}


@pytest.mark.integration
def test_what_pages_nobody_fires_nothing(desk: Desk) -> None:
    row = replace(broken(DESK), is_page=False, note="signals of its teams tell this already: delivery")
    desk.watched.state([at_version(row, NOW)])
    assert firing(desk.client, "survey-broken", NOW) == []


# Metrics --------------------------------------------------------------------------------------------------------------


def tickets(
    start_at: int, n: int, step: int, *, team: str = "delivery", bad: int = 0, rated: bool = False
) -> list[Event]:
    """Return tickets one after the other; the first of each ten are complaints, or are rated badly, as many as said."""
    told: list[Event] = []
    for i in range(n):
        id, at = f"{team}-{start_at}-{i}", start_at + i * step
        kind = e.ContactType.COMPLAINT if i % 10 < bad and not rated else e.ContactType.INQUIRY
        made = e.TicketCreated(
            ticket_id=id, channel="chat", created_by=e.Party.CUSTOMER, team=team, contact_type=kind, customer_id=id
        )
        told.append(event(made, at, f"{id}.1", subject=id))
        if rated:
            given = e.RatingSubmitted(
                ticket_id=id, rating_id="r", raw=1 if i % 10 < bad else 5, scale_min=1, scale_max=5,
                source=e.RatingSource.CUSTOMER,
            )  # fmt: skip
            told.append(event(given, at + MINUTE, f"{id}.2", subject=id))
    return told


def answered(start_at: int, n: int, step: int, late: int) -> list[Event]:
    """Return tickets that a person answers after ten minutes, the first of each ten after three hours."""
    told = tickets(start_at, n, step)
    for i, one in enumerate(list(told)):
        after = 180 * MINUTE if i % 10 < late else 10 * MINUTE
        said = public_answer(one.subject)
        told.append(event(said, one.at_ms + after, f"{one.subject}.9", subject=one.subject))
    return told


TODAY: Final = NOW - DAY_MS + HOUR_MS


@pytest.mark.integration
@pytest.mark.parametrize(("bad", "fires"), [(4, True), (1, False)])
def test_complaints_surge_where_they_clearly_exceed_the_usual(desk: Desk, bad: int, fires: bool) -> None:
    usual = tickets(NOW - 29 * DAY_MS, 28 * 48, 30 * MINUTE, bad=1)
    desk.tell(usual + tickets(TODAY, 200, 5 * MINUTE, bad=bad), NOW)
    desk.watch(NOW)
    found = firing(desk.client, "complaints-surge", NOW)
    assert [labels["segment"] for labels in found] == (["delivery"] if fires else [])
    told = numbers(desk.client, "complaints-surge", NOW)
    if fires:
        (value,) = told["V"].values()
        assert value is not None
        assert 35 < value <= 40, "a window of full hours holds some tickets of before"
        assert found[0]["baseline"].startswith("10")
        assert found[0]["tickets"] != "-"
        assert found[0]["slices"] != "-"


@pytest.mark.integration
@pytest.mark.parametrize(("late", "fires"), [(4, True), (1, False)])
def test_first_responses_are_late_where_they_clearly_fall_behind_the_usual(desk: Desk, late: int, fires: bool) -> None:
    usual = answered(NOW - 29 * DAY_MS, 28 * 24, 60 * MINUTE, late=1)
    desk.tell(usual + answered(TODAY, 100, 10 * MINUTE, late=late), NOW)
    desk.watch(NOW)
    found = firing(desk.client, "first-responses-late", NOW)
    assert [labels["segment"] for labels in found] == (["delivery"] if fires else [])


@pytest.mark.integration
@pytest.mark.parametrize(
    ("n", "bad", "earlier", "fires"),
    [(60, 5, 0, True), (60, 2, 0, False), (40, 5, 0, False), (60, 5, 100, False)],
    ids=["low", "not low", "too few", "the watch knows its level"],
)
def test_a_plain_threshold_stands_in_where_no_usual_level_is_known(
    desk: Desk, n: int, bad: int, earlier: int, fires: bool
) -> None:
    before = tickets(NOW - 20 * DAY_MS, earlier, 2 * HOUR_MS, bad=1, rated=True)
    desk.tell(before + tickets(TODAY, n, 10 * MINUTE, bad=bad, rated=True), NOW)
    assert bool(firing(desk.client, "satisfaction-low", NOW)) is fires


@pytest.mark.integration
@pytest.mark.parametrize(("of_yesterday", "long_ago", "fires"), [(100, 1, True), (100, 49, True), (0, 50, False)])
def test_the_threshold_stands_in_until_the_watch_has_learnt(
    desk: Desk, of_yesterday: int, long_ago: int, fires: bool
) -> None:
    old = tickets(NOW - 20 * DAY_MS, long_ago, 2 * HOUR_MS, bad=1, rated=True)
    new = tickets(NOW - 2 * DAY_MS + HOUR_MS, of_yesterday, 10 * MINUTE, bad=1, rated=True)
    desk.tell(old + new + tickets(TODAY, 60, 10 * MINUTE, bad=5, rated=True), NOW)
    tape = Tape()
    for at in sorted(one.at_ms for one in old + new if isinstance(one.content, e.RatingSubmitted)):
        tape.append(at, 1, 1)
    knows = Usual(Thresholds(), tape).at(hour_of(NOW), tape) is not None
    assert knows is not fires, "the one or the other, never neither"
    assert bool(firing(desk.client, "satisfaction-low", NOW)) is fires


# Pipeline -------------------------------------------------------------------------------------------------------------


def stored(desk: Desk, at: int, n: int, *, late: int = 0, replay: bool = False, name: str = "x") -> None:
    rows = [
        EventRow(
            subject=f"{name}-{at}-{i}", source="urn:desk", id="1", name="ticket.created", at=at + i * 1000 - late,
            sequence=-1, replay=replay, revision=0, raw=b"{}", ingested_at=at + i * 1000,
        )
        for i in range(n)
    ]  # fmt: skip
    ClickHouseStore(desk.client).insert(rows)


@pytest.mark.integration
def test_nothing_stored_at_a_busy_time_fires_and_the_next_event_resolves_it(desk: Desk) -> None:
    for week in range(1, 5):
        stored(desk, NOW - 7 * week * DAY_MS - 10 * MINUTE, 20)
    assert firing(desk.client, "nothing-stored", NOW) == [{}]
    assert firing(desk.client, "nothing-stored", NOW + 6 * HOUR_MS) == [], "at night nothing is expected"
    stored(desk, NOW - MINUTE, 1)
    assert firing(desk.client, "nothing-stored", NOW) == []


@pytest.mark.integration
@pytest.mark.parametrize(("n", "fires"), [(12, True), (5, False)])
def test_dead_letters_that_grow_fire(desk: Desk, n: int, fires: bool) -> None:
    letters = [
        DeadLetterRow(
            id=f"l{i}", reason="missing-field", pointer="/data", message="m", topic="tickets", partition=0, offset=i,
            recorded_at=NOW, key=b"", value=b"", headers_name=[], headers_value=[], received_at=NOW - i * MINUTE,
        )
        for i in range(n)
    ]  # fmt: skip
    ClickHouseStore(desk.client).insert(letters)
    assert bool(firing(desk.client, "dead-letters-grow", NOW)) is fires
    assert firing(desk.client, "dead-letters-grow", NOW + HOUR_MS) == []


@pytest.mark.integration
def test_rows_that_workers_had_to_mend_fire_for_half_an_hour(desk: Desk) -> None:
    outcome = Outcome([], [], [], {})
    said = fact_of(event(public_answer("T", "m1"), 1, "m1"))
    state_mended({"T": Ticket("T", (said,))}, outcome, "tickets", NOW - MINUTE)
    assert firing(desk.client, "rows-differed", NOW) == []
    ClickHouseStore(desk.client).insert(outcome.dead)
    assert firing(desk.client, "rows-differed", NOW) == [{}]
    assert firing(desk.client, "rows-differed", NOW + HOUR_MS) == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("late", "n", "replay", "fires"),
    [(600_000, 40, False, True), (2_000, 40, False, False), (600_000, 40, True, False), (600_000, 5, False, False)],
    ids=["late", "on time", "replayed history", "too few"],
)
def test_workers_lag_when_events_are_stored_late(desk: Desk, late: int, n: int, replay: bool, fires: bool) -> None:
    stored(desk, NOW - 5 * MINUTE, n, late=late, replay=replay)
    assert bool(firing(desk.client, "workers-lag", NOW)) is fires
