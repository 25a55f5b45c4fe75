"""Every metric, asked of the real engine, against numbers counted by hand from the same events."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import typer
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace
from rich.console import Console
from typer.testing import CliRunner, Result

from schemas import events as e
from schemas.codec import Event, decode, encode
from schemas.policy import SUBJECT
from schemas.schedule import Version, Week
from streams.cli.report import make, print_report, report
from streams.cli.report_table import TOGETHER, show
from streams.core.ask.figure import Figure
from streams.core.ask.question import Question
from streams.core.ask.report import Figures
from streams.core.hours.published import open_hours
from streams.core.interval import around_mean, balance, of_rate, wilson
from streams.core.metrics import METRICS, Dimension, Kind, Metric
from streams.core.metrics.policy import by_policy
from streams.core.policy.published import policies
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS, Bucket, Window, buckets_of, instant_of, local_of, previous
from streams.settings import Settings
from streams.simulation import events as simulated
from streams.simulation.policy import policy
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.figures import answer, freshness
from streams.sinks.policy import versions_that_count
from tests.databases import any_name, given_back, lent, migrated
from tests.histories import NOW_MS, SOURCE, settled
from tests.integration.conftest import Servers
from tests.ledger import COUNTED_APART, Ledger, quantile_ranks, spread_of, survival_quantile

pytestmark = pytest.mark.integration

BERLIN: Final = ZoneInfo("Europe/Berlin")
UTC_CLOCKS: Final = ZoneInfo("UTC")
END: Final = datetime(2026, 4, 2, 9, tzinfo=UTC)
"""Three days after the clocks went forward in Berlin."""
START: Final = END - timedelta(days=18)
LAST_WEEK: Final = Window(instant_of("2026-03-26", BERLIN), instant_of("2026-04-02", BERLIN))
WEEK: Final = ("--from", "2026-03-26", "--to", "2026-04-02", "--zone", "Europe/Berlin")
ALL: Final = tuple(metric for metric in METRICS.values() if metric.topic not in COUNTED_APART)
"""All but those of faults, which `test_fault_metrics` counts by hand."""

app = typer.Typer()
app.command("report")(report)
every_metric = pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
_INSTANTS_AT_ONCE: Final = 8_000
"""A parameter has 128 KiB at most."""


class Told:
    """A database with the history of a desk, and the same history counted by hand."""

    def __init__(self, settings: Settings, client: Client, events: Sequence[Event]) -> None:
        self.settings = settings
        self.client = client
        self.ledger = Ledger(events)
        self.known = Window(min(one.at_ms for one in events), max(one.at_ms for one in events) + 1)
        self._alone: dict[str, Figures] = {}

    def answer(self, *windows: Window, metrics: Sequence[Metric] = ALL, **asked: Any) -> Any:
        question = Question(metrics=metrics, windows=windows, **asked)
        return answer(self.client, question, self.known)

    def alone(self, metric: Metric) -> Figures:
        """Return the figures of a metric that nothing else was asked with, in each of some windows."""
        if metric.name not in self._alone:
            self._alone[metric.name] = self.answer(*self.windows, metrics=[metric])
        return self._alone[metric.name]

    @property
    def windows(self) -> list[Window]:
        end_at = self.known.end_at
        return [LAST_WEEK, previous(LAST_WEEK, BERLIN), self.known, Window(end_at - DAY_MS, end_at)]

    def run(self, *arguments: str) -> Result:
        return _run(self.settings, *arguments)

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the lines of a report in JSON."""
        shown = self.run(*arguments, "--format", "json")
        assert shown.exit_code == 0, shown.output
        lines: list[dict[str, Any]] = json.loads(shown.stdout)["lines"]
        return lines


@pytest.fixture(scope="module")
def told(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Return eighteen days of a small desk, each ticket stored in an older version as well."""
    settings, client = _database(servers, tmp_path_factory.mktemp("told"))
    events = _events()
    store = ClickHouseStore(client)
    store.insert([event_row(one, NOW_MS) for one in events])
    store.insert(list(open_hours(events, NOW_MS)))
    store.insert(policies(events, NOW_MS))
    for part in (events[: len(events) // 2], events):
        store.insert([row_of(ticket, NOW_MS) for ticket in settled(_of_tickets(part)).values()])
    yield Told(settings, client, events)
    given_back(client)


@pytest.fixture
def empty(servers: Servers, tmp_path: Path) -> Iterator[Settings]:
    """Return settings whose database nobody has made yet."""
    settings, client = _database(servers, tmp_path, is_made=False)
    yield settings
    given_back(client)


def _run(settings: Settings, *arguments: str) -> Result:
    environment = {
        "SERVICEPULSE_CLICKHOUSE": settings.clickhouse,
        "SERVICEPULSE_DATABASE": settings.database,
        "SERVICEPULSE_FOLDER": str(settings.folder),
    }
    return CliRunner().invoke(app, list(arguments), env=environment)


def _database(servers: Servers, folder: Path, *, is_made: bool = True) -> tuple[Settings, Client]:
    name = lent(servers.clickhouse) if is_made else any_name()
    settings = Settings(clickhouse=servers.clickhouse, database=name, folder=folder)
    return settings, connect(settings)


def _of_tickets(events: Sequence[Event]) -> list[Event]:
    return [one for one in events if one.ticket_id is not None]


def _events() -> list[Event]:
    """Return what a simulated desk tells, and what it never does: odd tickets, ratings of all sources."""
    told = [(one.source, one.id, one.at, one.subject, one.sequence, one.data) for one in simulated(7, START, END, 40)]
    ends_at = max(at for _, _, at, _, _, _ in told)
    begun = [(at, said) for _, _, at, _, _, said in told if isinstance(said, e.TicketCreated)]
    told += [
        (SOURCE, f"{said.ticket_id}-promised-{n}", at, said.ticket_id, None, said)
        for number, (begins_at, ticket) in enumerate(begun[::3])
        for n, (at, said) in enumerate(_promised(number, begins_at + timedelta(minutes=20), ticket))
        if at < ends_at
    ]
    hours = [(SOURCE, said.name, START + timedelta(hours=1), said.name, 0, said) for said in _schedules()]
    odd = [(SOURCE, f"odd-{n}", at, said.ticket_id, n, said) for n, (at, said) in enumerate(_odd())]
    return [
        decode(
            encode(said, source=source, id=id, time=at, name=e.NAME_OF[type(said)], subject=subject, subjectseq=number),
            now_ms=NOW_MS,
        )
        for source, id, at, subject, number, said in sorted([*told, *odd, *hours, *_policy()], key=lambda one: one[2])
    ]


def _promised(number: int, at: datetime, ticket: e.TicketCreated) -> Iterator[tuple[datetime, e.TicketData]]:
    """Yield a promise of an hour on a ticket, and what becomes of it: of twelve broken ones eleven are kept later."""
    fate = number % 20
    one = {"ticket_id": ticket.ticket_id, "promise_id": "of an hour"}
    due_at = at + timedelta(hours=1)
    yield at, e.PromiseMade(**one, kind=e.PromiseKind.CALL_BACK, due_at=due_at)
    if fate < 2:
        due_at += timedelta(hours=1)
        yield at + timedelta(minutes=50), e.PromiseMoved(**one, due_at=due_at)
    if fate < 8:
        yield due_at, e.PromiseKept(**one)
    elif fate > 8:
        yield due_at + timedelta(minutes=7 * fate), e.PromiseKept(**one)


def _policy() -> Iterator[tuple[str, str, datetime, str, int, e.Data]]:
    """Yield the policy as it is published, late, with a version that begins in between."""
    said = policy(7, START + timedelta(days=9), START + timedelta(days=9))
    yield SOURCE, said.id, said.at, SUBJECT, 0, said.data


def _schedules() -> Iterator[e.SchedulePublished]:
    """Yield schedules: of a desk that moves to Shanghai, of one that works at night, and of all others."""
    office, night = ("09:00-12:00", "13:00-17:30"), ("00:00-06:00", "20:00-24:00")
    weekdays = Week(*[office] * 5)
    yield e.SchedulePublished(name="default", versions=(_version("2026-01-01T00:00", weekdays),))
    yield e.SchedulePublished(name="delivery", versions=(_version("2026-03-18T12:00", Week(*[night] * 7)),))
    moved = _version("2026-03-27T15:10", Week(*[office] * 7), "Asia/Shanghai", holidays=(date(2026, 3, 30),))
    yield e.SchedulePublished(name="billing", versions=(_version("2026-01-01T00:00", weekdays), moved))
    yield e.SchedulePublished(name="warranty", versions=())


def _version(from_at: str, weekly: Week, zone: str = "Europe/Berlin", holidays: tuple[date, ...] = ()) -> Version:
    return Version(from_at=datetime.fromisoformat(from_at), zone=zone, weekly=weekly, holidays=holidays)


def _odd() -> Iterator[tuple[datetime, e.TicketData]]:
    """Yield the events of tickets that go a way of their own, most of them within the last week."""
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    week_starts, week_ends = (local_of(instant, UTC_CLOCKS) for instant in (LAST_WEEK.start_at, LAST_WEEK.end_at))

    def created(
        id: str, by: e.Party = e.Party.CUSTOMER, when: datetime = at, **more: Any
    ) -> tuple[datetime, e.TicketCreated]:
        return when, e.TicketCreated(ticket_id=id, channel="chat", created_by=by, team="odd ['team']", **more)

    def message(id: str, after: float, by: e.Party) -> tuple[datetime, e.MessageSent]:
        direction = e.Direction.IN if by is e.Party.CUSTOMER else e.Direction.OUT
        said = e.MessageSent(
            ticket_id=id,
            message_id=f"{id}-{after}",
            direction=direction,
            visibility=e.Visibility.PUBLIC,
            sender_type=by,
        )
        return at + after * hour, said

    def rated(
        id: str, raw: float, source: e.RatingSource, survey: str | None = None
    ) -> tuple[datetime, e.RatingSubmitted]:
        said = e.RatingSubmitted(
            ticket_id=id,
            rating_id=f"{id}-{source}-{raw}",
            raw=raw,
            scale_min=1,
            scale_max=5,
            source=source,
            survey_id=survey,
        )
        return at + 30 * hour, said

    yield created("test", is_test=True, contact_type=e.ContactType.COMPLAINT)
    yield created("by agent", e.Party.AGENT)
    yield message("by agent", 1, e.Party.AGENT)
    yield message("by agent", 2, e.Party.CUSTOMER)
    yield message("by agent", 5, e.Party.AGENT)
    yield created("bot only")
    yield message("bot only", 0.1, e.Party.BOT)
    yield created("closed unsolved")
    yield at + 3 * hour, e.TicketClosed(ticket_id="closed unsolved")
    yield created("unsure")
    yield at + 3 * hour, e.TicketResolved(ticket_id="unsure")
    yield message("unsure", 4, e.Party.CUSTOMER)
    yield at + 6 * hour, e.TicketReopened(ticket_id="unsure")
    yield message("unsure", 7, e.Party.AGENT)
    yield at + 9 * hour, e.TicketResolved(ticket_id="unsure")
    yield at + 9.5 * hour, e.TicketReopened(ticket_id="unsure")
    yield created("duplicate")
    yield message("duplicate", 2, e.Party.AGENT)
    yield rated("duplicate", 1, e.RatingSource.CUSTOMER)
    yield at + 2.5 * hour, e.TicketMerged(ticket_id="duplicate", into_ticket_id="unsure")
    yield created("rated by all")
    for source in e.RatingSource:
        for raw in (4, 4.2, 5):
            yield rated("rated by all", raw, source)
    yield created("rated by its agent")
    yield at + 9 * hour, e.SurveyOffered(ticket_id="rated by its agent", survey_id="for the customer")
    yield rated("rated by its agent", 5, e.RatingSource.AGENT, "for the customer")
    for days in (0, 4, 10):
        id, when = f"answered {days} days too early", datetime(2026, 4, 2, 8, tzinfo=UTC) - timedelta(days=days)
        yield created(id, when=when)
        yield when - hour, message(id, 0, e.Party.AGENT)[1]
    yield created("older duplicate", when=at - 240 * hour)
    yield created("younger original")
    yield at + hour, e.TicketMerged(ticket_id="older duplicate", into_ticket_id="younger original")
    yield created("on the first stroke", when=week_starts)
    yield week_ends, e.TicketResolved(ticket_id="on the first stroke")
    yield created("on the last stroke", when=week_ends)
    yield at + 5 * hour, e.TicketAssigned(ticket_id="never created", team="odd ['team']")


def _agrees(ledger: Ledger, figure: Figure, window: Window, part: tuple[str, str] | None = None) -> bool:
    """Tell whether a figure is what the ledger counts by hand, in a window and where a column has a value."""
    wanted = ledger.value(figure.metric, window, part)
    return figure.n == ledger.n(figure.metric, window, part) and (
        figure.value == wanted
        or (wanted is not None and figure.value is not None and isclose(figure.value, wanted, rel_tol=1e-12))
    )


# Against numbers counted by hand


@every_metric
def test_a_metric_is_what_can_be_counted_by_hand(told: Told, metric: Metric) -> None:
    figures = told.alone(metric)
    assert list(figures) == [(metric.name, None, window) for window in told.windows]
    for window in told.windows:
        assert told.ledger.n(metric, window), "the history must tell something of every metric"
        assert _agrees(told.ledger, figures[metric.name, None, window], window)


@every_metric
def test_an_interval_is_what_can_be_counted_by_hand(told: Told, metric: Metric) -> None:
    seen = told.ledger.seen(metric.name, LAST_WEEK)
    figure = told.alone(metric)[metric.name, None, LAST_WEEK]
    design = told.ledger.design(metric, LAST_WEEK) if metric.is_by_customer else 1.0
    assert figure.design_effect == pytest.approx(design, rel=1e-9)
    match metric.kind:
        case Kind.RATE:
            n, hits = told.ledger.rate(metric.name, LAST_WEEK)
            assert figure.interval == of_rate(hits, n, per=1000)
        case Kind.SHARE:
            assert figure.hits == sum(seen)
            assert figure.interval == pytest.approx(wilson(sum(seen) / design, len(seen) / design), rel=1e-9)
        case Kind.BALANCE:
            assert (figure.hits, figure.misses) == (seen.count(1), seen.count(-1))
            low, high = balance(seen.count(1) / design, seen.count(-1) / design, len(seen) / design)
            assert figure.interval == pytest.approx((100 * (low or 0), 100 * (high or 0)), rel=1e-9)
        case Kind.QUANTILE:
            low, high = quantile_ranks(metric.p, len(seen))
            assert figure.interval == (low and seen[low - 1], high and seen[high - 1])
        case Kind.SURVIVAL:
            lasted = told.ledger.lasted(metric.name, LAST_WEEK)
            assert figure.hits == sum(has_ended for _, has_ended in lasted) < figure.n
            assert figure.interval == survival_quantile(lasted, metric.p)[1:]
        case Kind.MEAN:
            deviation, p10, p90 = spread_of(seen)
            assert figure.spread == pytest.approx((deviation, p10, p90))
            assert figure.interval == pytest.approx(around_mean(sum(seen) / len(seen), deviation, len(seen) / design))
        case Kind.COUNT:
            assert figure.interval == (None, None)


@pytest.mark.parametrize("dimension", Dimension)
def test_parts_are_what_can_be_counted_by_hand_and_make_up_the_whole(told: Told, dimension: Dimension) -> None:
    """Parts by team and agent differ by metric; those by any other column are asked of a third of the metrics each."""
    turn = list(Dimension).index(dimension)
    asked = ALL if dimension in (Dimension.TEAM, Dimension.AGENT) else ALL[turn % 3 :: 3]
    figures = told.answer(LAST_WEEK, metrics=asked, by=dimension)
    for (name, part, window), figure in figures.items():
        chosen = None if part is None else (dimension.value, part)
        assert _agrees(told.ledger, figure, window, chosen), (name, part)
    for metric in [metric for metric in asked if dimension in metric.observations.dimensions]:
        parts = [figure for (name, part, _), figure in figures.items() if name == metric.name and part is not None]
        whole = figures[metric.name, None, LAST_WEEK].n
        assert sum(figure.n for figure in parts) == whole or metric.once_per, metric.name
    assert {part for _, part, _ in figures} <= told.ledger.parts(dimension.value) | {None}


@pytest.mark.parametrize("bucket", [Bucket.DAY, Bucket.WEEK, Bucket.MONTH])
def test_buckets_are_those_of_the_zone_over_a_change_of_its_clocks(told: Told, bucket: Bucket) -> None:
    window = Window(instant_of("2026-03-25T07:30", BERLIN), told.known.end_at)
    figures = told.answer(window, bucket=bucket, zone=BERLIN.key)
    buckets = buckets_of(window, bucket, BERLIN)
    assert [key[2] for key in figures if key[0] == "tickets"] == buckets
    for (name, _, one), figure in figures.items():
        cut = Window(max(one.start_at, window.start_at), min(one.end_at, window.end_at))
        inside = one if METRICS[name].observations.lasts else cut
        assert _agrees(told.ledger, figure, inside), (name, one)
    assert sum(figures["tickets", None, one].n for one in buckets) == len(told.ledger.seen("tickets", window))


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia"]
)
def test_hours_are_those_of_the_zone(told: Told, zone: str) -> None:
    window = Window(instant_of("2026-03-28T20:00", BERLIN), instant_of("2026-03-29T20:00", BERLIN))
    figures = told.answer(window, metrics=[METRICS["tickets"]], bucket=Bucket.HOUR, zone=zone)
    assert len(figures) == 23 + (zone in ("Asia/Kolkata", "Asia/Kathmandu"))
    for (_, _, hour), figure in figures.items():
        inside = Window(max(hour.start_at, window.start_at), min(hour.end_at, window.end_at))
        assert _agrees(told.ledger, figure, inside)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Beirut"])
@pytest.mark.parametrize("bucket", Bucket)
def test_this_machine_and_the_engine_agree_where_buckets_begin(told: Told, zone: str, bucket: Bucket) -> None:
    clocks = ZoneInfo(zone)
    for year in (2018, 2026):
        window = Window(instant_of(f"{year}-01-01", clocks), instant_of(f"{year + 1}-01-01", clocks))
        starts = [one.start_at // 1000 for one in buckets_of(window, bucket, clocks)]
        instants = [start + rest for start in starts for rest in (0, 1, 1_799, 3_599)]
        found = {
            start
            for portion in range(0, len(instants), _INSTANTS_AT_ONCE)
            for (start,) in told.client.query(
                f"""
                SELECT DISTINCT toUnixTimestamp(toDateTime(
                    toStartOfInterval(toDateTime64(arrayJoin({{instants:Array(UInt32)}}), 3, 'UTC'),
                                      INTERVAL 1 {bucket.value}, {{zone:String}}), {{zone:String}}))
                """,
                parameters={"instants": instants[portion : portion + _INSTANTS_AT_ONCE], "zone": zone},
            ).result_rows
        }
        assert sorted(found) == starts


def test_the_backlog_of_now_is_what_tickets_say_of_themselves(told: Told) -> None:
    figures = told.answer(told.known)
    row = told.client.query(
        """
        SELECT countIf(open_wait_since IS NOT NULL), countIf(status NOT IN ('resolved', 'closed'))
        FROM tickets FINAL WHERE is_effective
        """
    ).result_rows[0]
    assert (figures["open_waits", None, told.known].n, figures["backlog", None, told.known].n) == row


def test_what_lies_beyond_all_events_is_unknown_and_not_0(told: Told) -> None:
    long_ago = Window(told.known.start_at - 10 * DAY_MS, told.known.start_at - 9 * DAY_MS)
    assert {figure.shown for figure in told.answer(long_ago).values()} == {None}


def test_freshness_tells_how_far_the_database_is(told: Told) -> None:
    (stored,) = told.client.query("SELECT count() FROM events FINAL").result_rows[0]
    fresh = freshness(told.client, NOW_MS + 1_000)
    assert (fresh.known, fresh.events, fresh.events_lately) == (told.known, stored, stored)
    assert freshness(told.client, NOW_MS + HOUR_MS).events_lately == 0


# The command


def test_a_report_in_json_is_exact(told: Told) -> None:
    lines = told.lines("--from", "2026-03-26", "--to", "2026-04-02", "--zone", "Europe/Berlin")
    assert [line["metric"] for line in lines] == [metric.name for metric in ALL if metric.is_main]
    for line in lines:
        assert (line["start"], line["end"]) == ("2026-03-26T00:00:00.000+01:00", "2026-04-02T00:00:00.000+02:00")
        metric = METRICS[line["metric"]]
        assert line["n"] == told.ledger.n(metric, LAST_WEEK)
        wanted = told.ledger.value(metric, LAST_WEEK)
        is_enough = line["n"] >= by_policy(metric, versions_that_count(told.client)[-1]).n_min
        assert line["value"] == (pytest.approx(wanted, rel=1e-12) if is_enough and wanted is not None else None)


def test_a_report_stands_beside_the_period_before(told: Told) -> None:
    (line,) = told.lines("--from", "2026-03-26", "--to", "2026-04-02", "--zone", "Europe/Berlin", "--metric", "tickets")
    before = len(told.ledger.seen("tickets", previous(LAST_WEEK, BERLIN)))
    assert line["before_value"] == before
    assert line["change_points"] == line["value"] - before
    assert line["change_percent"] == pytest.approx(100 * (line["value"] - before) / before)


def test_too_few_observations_are_null_with_their_number(told: Told) -> None:
    lines = told.lines("--from", "2026-03-31T10:00", "--to", "2026-03-31T10:20", "--metric", "csat_share")
    assert [(line["value"], line["low"], line["text"]) for line in lines] == [
        (None, None, f"not enough data (n = {lines[0]['n']})")
    ]


def test_a_report_in_csv_has_a_line_for_each_day_and_part(told: Told) -> None:
    options = ("--from", "2026-03-30", "--to", "2026-04-01", "--bucket", "day", "--by", "team", "--metric", "tickets")
    lines = list(csv.DictReader(io.StringIO(told.run(*options, "--format", "csv").stdout)))
    parts = {line["part"] for line in lines}
    assert len(lines) == 2 * len(parts)
    assert {line["end"] for line in lines} == {"2026-03-31T00:00:00.000+00:00", "2026-04-01T00:00:00.000+00:00"}


def test_a_table_tells_values_with_units_intervals_and_changes(told: Told) -> None:
    shown = told.run("--from", "2026-03-26", "--zone", "Europe/Berlin")
    assert shown.exit_code == 0
    assert "2026-03-26 00:00 to 2026-04-02 10:" in shown.stdout
    line = next(line for line in shown.stdout.splitlines() if line.startswith("Time to first response, p90"))
    assert " h " in line
    assert " to " in line
    assert " % / " in line
    assert TOGETHER.partition("{")[0] not in shown.stdout


@pytest.mark.parametrize(
    ("asked", "also"), [(("--by", "team"), ", and ranks,"), (("--by", "team", "--bucket", "day"), "")]
)
def test_a_table_of_many_rows_says_that_clear_holds_for_all_of_it(
    told: Told, asked: tuple[str, ...], also: str
) -> None:
    shown = told.run("--from", "2026-03-26", "--metric", "csat_share", *asked)
    assert TOGETHER.format(also=also) in " ".join(shown.stdout.split())


def test_a_rate_that_still_moves_is_marked(told: Told) -> None:
    """As of the newest event."""
    metrics = [METRICS[name] for name in ("reopen_rate", "repurchase_30d", "csat_share_by_resolution")]
    fresh = replace(freshness(told.client, NOW_MS), followed_until=told.known.end_at)
    window = Window(told.known.end_at - 14 * DAY_MS, told.known.end_at)
    made = make(told.client, metrics, window, fresh)
    assert [line.maturity for line in made.lines] == [pytest.approx(4 / 14), 0, 0]
    console = Console(file=io.StringIO())
    show(console, made, fresh, NOW_MS)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert " % so far, 28 % mature" in shown
    assert "nothing until 10 to 30 days after the window" in shown


def test_of_a_log_that_ended_long_ago_nothing_moves_any_more(told: Told) -> None:
    lines = told.lines("--all", "--full")
    assert {line["maturity"] for line in lines} == {1.0}
    assert "so far" not in told.run("--all", "--metric", "reopen_rate").stdout


@every_metric
def test_the_tickets_behind_a_number_amount_to_it(told: Told, metric: Metric) -> None:
    shown = told.run(*WEEK, "--metric", metric.name, "--tickets", "--format", "json")
    assert shown.exit_code == 0, shown.output
    listed = json.loads(shown.stdout)
    figure = told.answer(LAST_WEEK, metrics=[metric])[metric.name, None, LAST_WEEK]
    if metric.kind is Kind.RATE:
        assert (listed["n"], listed["value"]) == (figure.hits, None)
        return
    assert listed["n"] == figure.n == told.ledger.n(metric, LAST_WEEK)
    assert listed["value"] == pytest.approx(figure.value, rel=1e-12)
    assert {one["ticket_id"] for one in listed["tickets"]} <= set(told.ledger.rows)


def test_the_tickets_of_one_part_are_listed_alone(told: Told) -> None:
    options = (*WEEK, "--metric", "complaint_rate", "--tickets", "--by", "team", "--part", "delivery")
    listed = json.loads(told.run(*options, "--format", "json").stdout)
    assert {one["team"] for one in listed["tickets"]} == {"delivery"}
    assert listed["n"] == len(told.ledger.seen("complaint_rate", LAST_WEEK, ("team", "delivery")))
    table = told.run(*options).stdout
    assert f"n = {listed['n']:,}" in table
    lines = list(csv.DictReader(io.StringIO(told.run(*options, "--format", "csv").stdout)))
    assert [line["ticket_id"] for line in lines] == [one["ticket_id"] for one in listed["tickets"]]


@pytest.mark.parametrize(
    ("clock", "name"),
    [("rated", "csat_share"), ("resolved", "csat_share_by_resolution"), ("created", "csat_share_by_creation")],
)
def test_satisfaction_is_reported_by_the_clock_that_is_asked_for(told: Told, clock: str, name: str) -> None:
    (line,) = told.lines(*WEEK, "--metric", "csat_share", "--clock", clock)
    assert line["metric"] == name
    assert line["n"] == told.ledger.n(METRICS[name], LAST_WEEK)


def test_a_full_report_tells_every_metric(told: Told) -> None:
    assert [line["metric"] for line in told.lines(*WEEK, "--full")] == list(METRICS)


def test_a_part_that_has_nothing_in_a_window_is_no_mistake(told: Told) -> None:
    long_ago = ("--from", "2020-01-01", "--to", "2020-02-01")
    shown = told.run(*long_ago, "--metric", "csat_share", "--tickets", "--by", "team", "--part", "billing")
    assert shown.exit_code == 0, shown.output


def test_names_of_parts_are_text_and_no_markup(told: Told) -> None:
    assert "odd ['team']" in told.run("--by", "team", "--metric", "tickets").stdout


def test_the_report_of_the_demo_is_the_same_table(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(told.settings, days=7)
    assert "Complaint rate" in capsys.readouterr().out


@pytest.mark.parametrize("is_migrated", [False, True])
def test_an_empty_database_says_how_to_get_events_in(empty: Settings, is_migrated: bool) -> None:
    if is_migrated:
        migrated(connect(empty))
    shown = _run(empty)
    assert shown.exit_code == 0, shown.output
    assert "servicepulse import" in shown.stdout
    asked = _run(empty, "--format", "json")
    assert (asked.stdout, asked.exit_code) == ("{}\n", 0)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--zone", "Berlin"], "Europe/Berlin"),
        (["--metric", "csat"], "csat_share or csat_mean"),
        (["--metric", "complain_rate"], "complaint_rate"),
        (["--from", "yesterday"], "2026-03-31"),
        (["--from", "2026-03-05", "--to", "2026-03-05"], "window is empty"),
        (["--all", "--from", "2026-03-05"], "leave --from and --to away"),
        (["--by", "colour"], "team"),
        (["--tickets"], "name it with --metric"),
        (["--metric", "tickets", "--part", "billing"], "goes with --tickets and --by"),
        (["--metric", "csat_share", "--tickets", "--by", "team", "--part", "biling"], "did you mean billing?"),
        (["--metric", "csat_share", "--tickets", "--by", "team", "--part", "x"], "report --all --by team"),
        (["--from", "2001-01-01", "--bucket", "hour"], "coarser bucket"),
    ],
)
def test_a_wrong_option_is_told_with_what_was_probably_meant(told: Told, options: list[str], hint: str) -> None:
    shown = told.run(*options)
    assert shown.exit_code == 2
    assert hint in " ".join(shown.stderr.replace("│", " ").split())


@every_metric
def test_the_sql_that_is_explained_is_sql_that_runs(told: Told, metric: Metric) -> None:
    shown = CliRunner().invoke(app, ["--explain", metric.name])
    assert shown.exit_code == 0, shown.output
    sql = shown.stdout[shown.stdout.index("WITH") : shown.stdout.index("GROUP BY period") + len("GROUP BY period")]
    parameters = {"starts": ["2026-03-01 00:00:00.000"], "ends": ["2026-04-01 00:00:00.000"]}
    rows = told.client.query(sql, parameters=parameters).result_rows
    window = Window(instant_of("2026-03-01T00:00Z", BERLIN), instant_of("2026-04-01T00:00Z", BERLIN))
    assert rows[0][1] == told.ledger.n(metric, window)
