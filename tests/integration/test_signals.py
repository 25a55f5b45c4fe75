"""What pages, end to end: a month with a faulty week, teams that are all the same, broken surveys, a silent source."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from dashboards.dashboard import Dashboard
from dashboards.macro import expand, interpolate
from dashboards.page import pages as pages_page
from schemas import events as e
from schemas.codec import Event
from schemas.rows import SignalRow
from streams.agents.judgement import INSERT_SECONDS, Look
from streams.cli import app
from streams.cli.signals import signals
from streams.core.ask.question import Question
from streams.core.ask.report import Rank, ranked
from streams.core.drop import Episode, FoundBy, Response, Thresholds, verdict_of
from streams.core.drop.baseline import Baseline
from streams.core.metrics import METRICS, Dimension
from streams.core.signal import statement
from streams.core.signal.segment import DESK, Segment, SegmentKind, ThresholdBook
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.simulation.rhythm import faulty_week
from streams.sinks.figures import answer
from streams.sinks.watch import ClickHouseWatchStore
from tests.dashboards.alerting import firing, numbers
from tests.histories import SOURCE, event
from tests.integration.conftest import Servers
from tests.integration.desk import END, Desk, events_of, lines_of, ms, replayed
from tests.space import Space, WorkerProcess, wait_until

pytestmark = pytest.mark.integration

MID_FAULT: Final = ms(datetime(2026, 3, 21, 12, tzinfo=UTC))
NOW: Final = ms(END)
FELL: Final = "satisfaction_fell"
BROKEN: Final = "survey_broken"
SILENT: Final = "source_silent"


@pytest.fixture(scope="module")
def month() -> Sequence[bytes]:
    """Return a month in which nobody but the faulty team is paged: of eight seeds four have a page for nothing as well,
    which is the rate that was asked for.
    """
    return lines_of(1)


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def replayed_desk(servers: Servers, month: Sequence[bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a desk that was told its month as history: a backtest keeps what it found, and a watch its signals."""
    made = Desk(servers, tmp_path_factory.mktemp("replayed"))
    made.tell(events_of(replayed(month)), NOW)
    yield made
    made.remove()


def shown_by(desk: Desk, *arguments: str) -> str:
    """Return what the command `signals` prints."""
    alone = typer.Typer()
    alone.command()(signals)
    environment = {
        "SERVICEPULSE_CLICKHOUSE": desk.settings.clickhouse,
        "SERVICEPULSE_DATABASE": desk.settings.database,
        "SERVICEPULSE_FOLDER": str(desk.settings.folder),
    }
    done = CliRunner().invoke(alone, list(arguments), env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


def of_kind(signals: list[SignalRow], kind: str) -> list[SignalRow]:
    return [row for row in signals if row.kind == kind and row.state != "withdrawn"]


def pages(signals: list[SignalRow]) -> list[SignalRow]:
    return [row for row in signals if row.is_page]


def test_the_faulty_week_opens_one_signal_for_its_team_states_it_once_and_resolves_it_after_recovery(
    desk: Desk, month: Sequence[bytes]
) -> None:
    events = events_of(month)
    desk.tell([event for event in events if event.at_ms < MID_FAULT], MID_FAULT)
    watch = desk.watch(MID_FAULT)
    (page,) = pages(of_kind(desk.signals(), FELL))
    (alert,) = firing(desk.client, "satisfaction-fell", MID_FAULT)
    assert (alert["signal"], alert["team"], alert["segment_kind"]) == (page.signal_id, "delivery", "team")
    shown = numbers(desk.client, "satisfaction-fell", MID_FAULT)
    assert page.value is not None
    assert (page.n, 100 * page.value) in zip(shown["N"].values(), shown["V"].values(), strict=True)
    assert (page.kind, page.segment_kind, page.segment, page.state) == (FELL, "team", "delivery", "open")
    assert page.baseline is not None
    assert page.value < page.baseline - 0.06
    assert page.slices_reason[0] in {"missing-parts", "delivery-date"}
    assert 0 < len(page.ticket_ids) <= 5
    assert "satisfied ratings in a row" in page.clears
    assert not [row for row in of_kind(desk.signals(), FELL) if row.segment_kind == "team" and row != page]
    assert "satisfaction fell  team delivery" in shown_by(desk)
    (line,) = [
        one
        for one in map(json.loads, shown_by(desk, "--open", "--format", "json").splitlines())
        if one["is_page"] and one["kind"] == FELL
    ]
    assert (line["signal_id"], line["value"]) == (page.signal_id, page.value)
    stated = desk.signals()
    assert watch.look(MID_FAULT + 1000) == [], "looking again states nothing anew"
    desk.watch(MID_FAULT)
    assert desk.signals() == stated, "a new watch states the same"

    desk.tell([event for event in events if event.at_ms >= MID_FAULT], NOW)
    desk.watch(NOW, look=watch)
    assert firing(desk.client, "satisfaction-fell", NOW) == []
    assert alert in [dict(labels) for labels in numbers(desk.client, "satisfaction-fell", NOW)["A"]], "told as resolved"
    (after,) = pages(of_kind(desk.signals(), FELL))
    assert (after.signal_id, after.state, after.told) == (page.signal_id, "resolved", page.told)
    assert after.resolved_at is not None
    assert MID_FAULT < after.resolved_at < NOW


def told_falls(space: Space) -> list[SignalRow]:
    """Return the falls as they stand, whenever they were stated."""
    rows = ClickHouseWatchStore(space.client).signals()
    return [replace(row, version=0) for row in of_kind(rows, FELL)]


def pages_of(space: Space) -> list[SignalRow]:
    return pages(told_falls(space))


def essence(row: SignalRow) -> tuple[object, ...]:
    """Return what a signal is; the numbers of an open one are stated anew once a minute."""
    return row.signal_id, row.segment, row.state, row.is_page, row.opened_at, row.since_at, row.baseline, row.told


def looks(worker: WorkerProcess) -> float:
    return worker.meter("servicepulse_watch_looks_total")


def last_thursday() -> datetime:
    """Return the latest Thursday morning: a month that ends there is the same in any week but for its dates."""
    today = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)  # noqa: TID251 - the worker's clock
    return today - timedelta(days=(today.weekday() - 4) % 7 + 1)


def shown_on(page: Dashboard, desk: Desk) -> list[Sequence[Sequence[Any]]]:
    """Return the rows of each panel of a page of tables."""
    told = [interpolate(panel.sql, {"zone": "UTC"}) for row in page.rows for panel in row]
    span = {"from_ms": NOW - DAY_MS, "to_ms": NOW, "interval_seconds": 60}
    return [desk.client.query(expand(sql, **span)).result_rows for sql in told]


def test_a_backtest_finds_the_faulty_week_whose_ratings_were_replayed(replayed_desk: Desk) -> None:
    environment = {
        "SERVICEPULSE_CLICKHOUSE": replayed_desk.settings.clickhouse,
        "SERVICEPULSE_DATABASE": replayed_desk.settings.database,
        "SERVICEPULSE_FOLDER": str(replayed_desk.settings.folder),
    }

    def tested(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["alerts", "backtest", *arguments], env=environment)

    done = tested("--until", "2026-04-02T09:00", "--weeks", "4", "--trials", "0", "--json", "--keep")
    assert done.exit_code == 0, done.output
    chosen = [one for one in json.loads(done.stdout) if one["is_chosen"]]
    assert [one["segment"] for one in chosen][-1] == DESK.name
    assert {one["segment"]: len([page for page in one["pages"] if not page["note"]]) for one in chosen} == {
        one["segment"]: int(one["segment"] == "delivery") for one in chosen
    }
    ((page,),) = [one["pages"] for one in chosen if one["segment"] == "delivery"]
    assert page["slices"][0]["reason"] in {"missing-parts", "delivery-date"}
    budgets, delays, paged = shown_on(pages_page.DASHBOARD, replayed_desk)
    assert [row[1] for row in budgets if row[0] == "1 (chosen)"] == [1]
    assert all(age > pages_page.OLD_DAYS * 86_400 for *_, age in budgets), "of spring, and shown as old"
    assert not delays, "none were drawn"
    assert [row[2] for row in paged if not row[5]] == ["team delivery"]

    unknown = tested("--until", "2026-04-02", "--team", "nobody")
    assert unknown.exit_code == 2
    assert "delivery" in unknown.output
    assert "nothing to judge the rule by" in tested("--until", "2020-01-01").stdout


@pytest.mark.chaos
@pytest.mark.lengthy
def test_killing_the_worker_in_between_changes_nothing(space: Space) -> None:
    now = last_thursday()
    fault = faulty_week(ms(now))
    middle = fault.start + 11 * DAY_MS // 2
    lines = lines_of(1, now - timedelta(days=30), now)
    events = events_of(lines)
    first = [event.raw for event in events if event.at_ms < middle]
    rest = [event.raw for event in events if event.at_ms >= middle]

    worker = space.started_worker()
    space.publish(first)
    wait_until(lambda: bool(pages_of(space)), "a signal is open", 150)
    worker.kill()
    (page,) = before = pages_of(space)
    assert (page.segment_kind, page.segment, page.state) == ("team", "delivery", "open")

    worker = space.started_worker()
    assert [one["signal"] for one in firing(space.client, "satisfaction-fell", ms(now))] == [page.signal_id]
    wait_until(lambda: looks(worker) > 2, "the next worker has looked")
    assert [essence(one) for one in pages_of(space)] == [essence(one) for one in before]
    space.publish(rest)
    wait_until(
        lambda: int(space.value("SELECT count() FROM events")) > len(first) + 5_000, "some of the rest is stored"
    )
    worker.kill()
    worker = space.started_worker()
    wait_until(lambda: pages_of(space)[0].state == "resolved", "the signal is resolved", 150)
    (after,) = pages_of(space)
    assert (after.signal_id, after.told) == (page.signal_id, page.told)
    assert firing(space.client, "satisfaction-fell", ms(now)) == []
    published = [json.loads(value) for value in space.read("signals")]
    assert {one["data"]["signal_id"] for one in published if one["data"]["is_page"]} >= {page.signal_id}


# By hand --------------------------------------------------------------------------------------------------------------


def survey(team: str, number: int, at: int, raw: int | None) -> list[Event]:
    """Return a ticket with a survey, and an answer five minutes later unless there is none."""
    id = f"{team}-{number}"
    made = e.TicketCreated(ticket_id=id, channel="chat", created_by=e.Party.CUSTOMER, team=team)
    told = [
        event(made, at - HOUR_MS, f"{id}.1", subject=id),
        event(e.SurveyOffered(ticket_id=id, survey_id=f"S-{id}"), at, f"{id}.2", subject=id),
    ]
    if raw is not None:
        given = e.RatingSubmitted(
            ticket_id=id, rating_id=f"R-{id}", survey_id=f"S-{id}", raw=raw, scale_min=1, scale_max=5,
            source=e.RatingSource.CUSTOMER,
        )  # fmt: skip
        told.append(event(given, at + 5 * 60_000, f"{id}.3", subject=id))
    return told


def test_twelve_teams_that_are_all_the_same_give_no_signal_and_overlapping_ranks(desk: Desk) -> None:
    rng = Random(20)
    told: list[Event] = []
    for team in range(12):
        raws = [5] * 26 + [2] * 4
        rng.shuffle(raws)
        for number, raw in enumerate(raws):
            told += survey(f"team-{team:02}", number, NOW - rng.randrange(DAY_MS, 30 * DAY_MS), raw)
    desk.tell(sorted(told, key=lambda one: one.at_ms), NOW)
    desk.watch(NOW)
    assert of_kind(desk.signals(), FELL) == []
    assert shown_by(desk) == "No signal is open, and none was in the last 30 days.\n"
    metric, window = METRICS["csat_share"], Window(NOW - 31 * DAY_MS, NOW)
    figures = answer(desk.client, Question(metrics=[metric], windows=[window], by=Dimension.TEAM), window)
    ranks = ranked({part: figure for (_, part, _), figure in figures.items() if part is not None})
    assert list(ranks.values()) == [Rank(1, 12)] * 12


def test_when_surveys_go_out_and_answers_stop_the_survey_is_broken_and_satisfaction_did_not_fall(desk: Desk) -> None:
    told: list[Event] = []
    for number in range(30 * 24):
        at = NOW - number * HOUR_MS - 30 * 60_000
        told += survey("delivery", number, at, None if at > NOW - 26 * HOUR_MS or number % 3 else 5)
    desk.tell(told, NOW)
    watch = desk.watch(NOW)
    assert of_kind(desk.signals(), BROKEN) == [], "no source was listened to yet"
    desk.watch(NOW + HOUR_MS, look=watch)
    (row,) = desk.signals()
    assert (row.kind, row.segment_kind, row.state, row.is_page) == (BROKEN, "desk", "open", True)
    assert row.value == 0
    assert firing(desk.client, "survey-broken", NOW + HOUR_MS)
    assert firing(desk.client, "satisfaction-fell", NOW + HOUR_MS) == []
    back = [one for n in range(24) for one in survey("delivery", 10_000 + n, NOW + (n + 1) * HOUR_MS, 5)]
    desk.tell(back, NOW + DAY_MS)
    desk.watch(NOW + 25 * HOUR_MS, look=watch)
    (row,) = of_kind(desk.signals(), BROKEN)
    assert row.state == "resolved"
    assert firing(desk.client, "survey-broken", NOW + 25 * HOUR_MS) == []


def test_when_a_busy_source_falls_silent_it_says_so_and_satisfaction_did_not_fall(desk: Desk) -> None:
    told: list[Event] = []
    for number in range(30 * 24 * 12):
        told += survey("delivery", number, NOW - number * 5 * 60_000, 5 if number % 3 == 0 else None)
    told = [one for one in told if one.at_ms < NOW]
    desk.tell(told, NOW)
    watch = desk.watch(NOW)
    desk.watch(NOW + 60_000, look=watch)
    assert desk.signals() == []
    desk.watch(NOW + 2 * HOUR_MS, look=watch)
    (row,) = desk.signals()
    assert (row.kind, row.segment_kind, row.segment, row.state) == (SILENT, "source", SOURCE, "open")
    assert row.since_at == max(one.at_ms for one in told)
    assert firing(desk.client, "source-silent", NOW + 2 * HOUR_MS)
    assert firing(desk.client, "satisfaction-fell", NOW + 2 * HOUR_MS) == []
    desk.tell(survey("delivery", 99_999, NOW + 3 * HOUR_MS, 5), NOW + 3 * HOUR_MS)
    desk.watch(NOW + 3 * HOUR_MS + 120_000, look=watch)
    (row,) = desk.signals()
    assert (row.kind, row.state) == (SILENT, "resolved")
    assert firing(desk.client, "source-silent", NOW + 3 * HOUR_MS + 120_000) == []


def test_what_has_nothing_left_to_be_judged_by_is_given_up(desk: Desk) -> None:
    """A team without ratings and a source that was never heard again: only their stored signals still know of them."""
    dissolved, retired = Segment(SegmentKind.TEAM, "dissolved"), Segment(SegmentKind.SOURCE, "urn:retired")
    opened_at = NOW - 200 * DAY_MS
    episode = Episode(
        opened_at=opened_at, closed_at=None, found_by=FoundBy.WILSON, since_at=opened_at - HOUR_MS,
        baseline=Baseline(0.85, 100, 85, 0.85, 10.0, opened_at - 30 * DAY_MS, opened_at - 2 * DAY_MS),
    )  # fmt: skip
    verdict = verdict_of([], [], Thresholds(), opened_at)
    silent_at = NOW - 40 * DAY_MS
    desk.watched.state(
        [
            statement.opening(dissolved, episode, verdict, statement.NOWHERE, Thresholds(), note=""),
            statement.source_silent(retired, silent_at, silent_at - HOUR_MS, 40, 4),
        ]
    )
    assert firing(desk.client, "satisfaction-fell", NOW)
    assert firing(desk.client, "source-silent", NOW)
    desk.tell(survey("delivery", 1, NOW - HOUR_MS, 5), NOW)
    watch = desk.watch(NOW)
    assert {row.kind: row.state for row in desk.signals()} == {FELL: "resolved", SILENT: "open"}, "sources come later"
    desk.watch(NOW + 60_000, look=watch)
    assert {row.kind: row.state for row in desk.signals()} == {FELL: "resolved", SILENT: "resolved"}
    assert firing(desk.client, "satisfaction-fell", NOW + 60_000) == []
    assert firing(desk.client, "source-silent", NOW + 60_000) == []
    assert watch.look(NOW + 180_000) == []


def test_a_desk_from_which_nothing_comes_any_more_has_no_broken_survey(desk: Desk) -> None:
    """Neither while it is only quiet is anything resolved."""
    opened_at = NOW - 5 * DAY_MS
    broken = statement.survey_broken(DESK, opened_at, opened_at - DAY_MS, Response(20, 0), Response(500, 200))
    desk.watched.state([broken])
    desk.tell(survey("delivery", 1, NOW - 4 * DAY_MS, 5), NOW)
    watch = desk.watch(NOW)
    desk.watch(NOW + HOUR_MS, look=watch)
    assert [row.state for row in desk.signals()] == ["open"]
    later = NOW + 30 * DAY_MS
    watch = desk.watch(later)
    desk.watch(later + HOUR_MS, look=watch)
    assert [row.state for row in desk.signals()] == ["resolved"]


def test_a_replayed_history_shows_its_falls_and_pages_nobody(replayed_desk: Desk) -> None:
    watch = replayed_desk.watch(NOW)
    replayed_desk.watch(NOW + HOUR_MS, look=watch)
    falls = of_kind(replayed_desk.signals(), FELL)
    (fall,) = [row for row in falls if row.segment_kind == "team"]
    assert (fall.segment, fall.state, fall.note) == ("delivery", "resolved", "replayed history pages nobody")
    assert pages(falls) == []
    assert numbers(replayed_desk.client, "satisfaction-fell", NOW)["A"] == {}


def test_judgement_waits_for_ratings_of_long_ago_and_for_nothing_else(desk: Desk) -> None:
    """A store that never calls what it has settled, as that of a busy desk whose rated tickets are stated all day."""
    busy = ClickHouseWatchStore(desk.client, calm_seconds=3600)
    told: list[Event] = []
    for number in range(40 * 24):
        told += survey("delivery", number, NOW - 2 * DAY_MS - number * HOUR_MS, 5 if number % 7 else 2)
    flood = [one for n in range(60) for one in survey("delivery", 5_000 + n, NOW - DAY_MS + n * 60_000, 1)]
    desk.tell(told, NOW)
    watch = Look(busy, ThresholdBook())
    assert watch.look(NOW) == []
    desk.tell(flood, NOW)
    assert watch.look(NOW + 20_000) == [], "they came just now, and more of their kind may follow"
    closed = event(e.TicketClosed(ticket_id="delivery-7"), NOW, "closed", subject="delivery-7")
    desk.tell([closed], NOW)
    assert watch.look(NOW + 30_000) == []
    desk.tell([replace(closed, id="closed again")], NOW)
    assert {row.segment for row in watch.look(NOW + 36_000) if row.is_page} == {"delivery"}


@pytest.mark.parametrize(("seconds", "is_seen"), [(240, True), (400, False)])
def test_a_running_watch_sees_what_becomes_visible_minutes_after_it_was_stored(
    desk: Desk, seconds: int, is_seen: bool
) -> None:
    """As with an insert that takes long, or a replica that lags; later than five minutes is too late.

    Once a minute a watch asks from so much earlier.
    """
    desk.tell(survey("delivery", 1, NOW - HOUR_MS, 5), NOW)
    mark = desk.watched.ratings(0, None).mark
    desk.client.command(
        "INSERT INTO ticket_ratings SELECT * REPLACE ("
        f"'delayed' AS ticket_id, now64(3) - toIntervalSecond({seconds}) AS stored_at) FROM ticket_ratings"
    )
    read = desk.watched.ratings(0, mark - INSERT_SECONDS * 1000)
    assert ("delayed" in {ticket.ticket_id for ticket in read.tickets}) is is_seen
    assert read.mark >= mark


def test_a_ticket_that_is_stated_again_brings_back_no_rating_of_before_all_that_is_read(desk: Desk) -> None:
    """A refold states all of them; one that lost its last rating is told, though what is left of it lies long ago."""
    long_ago = survey("delivery", 1, NOW - 200 * DAY_MS, 5)
    both = [*survey("delivery", 2, NOW - 200 * DAY_MS, 5), *survey("delivery", 3, NOW - DAY_MS, 1)]
    later = e.RatingSubmitted(
        ticket_id="delivery-2", rating_id="later", raw=1, scale_min=1, scale_max=5, source=e.RatingSource.CUSTOMER
    )
    again = event(later, NOW - DAY_MS, "later", subject="delivery-2")
    desk.tell([*long_ago, *both, again], NOW)
    since = NOW - 90 * DAY_MS
    first = desk.watched.ratings(since, None)
    assert {one.ticket_id: len(one.ratings) for one in first.tickets} == {"delivery-2": 2, "delivery-3": 1}
    withdrawn = e.EventRetracted(target_source=again.source, target_id=again.id)
    desk.tell([event(withdrawn, NOW, "never", subject="delivery-2")], NOW)
    seen = desk.watched.ratings(since, 0)
    assert {one.ticket_id: len(one.ratings) for one in seen.tickets} == {
        "delivery-1": 0,
        "delivery-2": 0,
        "delivery-3": 1,
    }


def test_a_rating_that_changes_the_past_withdraws_what_never_was(desk: Desk) -> None:
    """A flood of bad ratings opens a signal; that they all were test tickets becomes known afterwards."""
    told: list[Event] = []
    for number in range(40 * 24):
        told += survey("delivery", number, NOW - 2 * DAY_MS - number * HOUR_MS, 5 if number % 7 else 2)
    flood = [one for n in range(60) for one in survey("delivery", 5_000 + n, NOW - DAY_MS + n * 60_000, 1)]
    desk.tell(told + flood, NOW)
    watch = desk.watch(NOW)
    (page,) = pages(of_kind(desk.signals(), FELL))
    assert page.state == "open"
    gone = [
        event(e.TicketMarkedSpam(ticket_id=one.subject), NOW, f"{one.id}.spam", subject=one.subject)
        for one in flood
        if one.name == "ticket.created"
    ]
    desk.tell(gone, NOW)
    desk.watch(NOW + 120_000, look=watch)
    assert {row.state for row in desk.signals()} == {"withdrawn"}
    assert firing(desk.client, "satisfaction-fell", NOW + 120_000) == []
