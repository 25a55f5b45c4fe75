"""The registry of metrics, and the SQL that is made of it: complete, parametrised, closed to injection."""

import re
from typing import Any, cast

import pytest

from schemas.rows import TicketRow, column_names
from streams.core.ask.question import Question, measures_of, statements
from streams.core.metrics import METRICS, Dimension, Kind, Metric, Unit
from streams.core.metrics.complaint_rate import COMPLAINT_RATE, COMPLAINTS_PER_1000_ORDERS
from streams.core.metrics.handling import FIRST_CONTACT_RESOLUTION, REPLIES_PER_RESOLUTION
from streams.core.metrics.load import BACKLOG, TICKETS_CREATED
from streams.core.metrics.satisfaction import CSAT_MEAN
from streams.core.window import Bucket, Window

HOSTILE = "team) FROM tickets; DROP TABLE tickets --"
WINDOW = Window(1_000, 2_000)

_OF_NO_TICKET = ("root_causes", "queued_contacts", "important_contacts", "first_orders")
_WHICH = re.compile(r"FROM ticket_days WHERE \{days\}")
"""Says which tickets or days are read at all; these are read in the latest version then."""

every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


def _sql(*metrics: Metric, **asked: Any) -> str:
    question = Question(metrics=metrics or tuple(METRICS.values()), windows=[WINDOW], **asked)
    return "\n".join(statement.sql for statement in statements(question))


@every_metric
def test_every_metric_says_what_it_needs_to_say(metric: Metric) -> None:
    assert METRICS[metric.name] is metric
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert all([metric.title, metric.numerator, metric.denominator, metric.clock, metric.about])
    assert bool(metric.hit) == (metric.kind in (Kind.SHARE, Kind.BALANCE, Kind.RATE, Kind.SURVIVAL))
    assert bool(metric.miss) == (metric.kind is Kind.BALANCE) == (metric.unit is Unit.BALANCE)
    assert (metric.unit is Unit.PER_1000) == (metric.kind is Kind.RATE)
    assert bool(metric.value) == (metric.kind in (Kind.MEAN, Kind.QUANTILE, Kind.SURVIVAL))
    assert (metric.unit is Unit.SHARE) == (metric.kind is Kind.SHARE)


@every_metric
def test_only_a_count_is_told_however_small_it_is(metric: Metric) -> None:
    assert (metric.n_min == 0) == (metric.kind is Kind.COUNT)
    is_of_cases = metric.observations.name in ("faults", "fault_fixes", "known_issues", "root_causes")
    assert metric.n_min in (0, 20, 200) or (metric.n_min == 1 and is_of_cases)


@every_metric
def test_observations_are_of_effective_tickets_in_their_latest_version(metric: Metric) -> None:
    observations = metric.observations
    source = re.sub(_WHICH, "", observations.source)
    readings = source.count("ticket_days AS ticket FINAL")
    assert source.count("ticket_days") == readings
    assert readings or observations.name in _OF_NO_TICKET, "these are of no ticket"
    assert source.count("AND is_effective") >= readings - 1
    assert "\n        AND is_effective" in _sql(metric)
    assert set(observations.columns) >= ({"since", "until"} if observations.lasts else {"at"})


def test_dimensions_are_columns_of_tickets() -> None:
    assert set(Dimension) <= set(column_names(TicketRow))


def test_metrics_of_the_same_observations_share_a_statement() -> None:
    (statement,) = statements(Question(metrics=[COMPLAINT_RATE, TICKETS_CREATED], windows=[WINDOW]))
    assert [metric.name for metric in statement.metrics] == ["complaint_rate", "tickets"]
    assert "countIf(contact_type = 'complaint') AS complaint_rate_hits" in statement.sql
    assert "count() AS tickets_n" in statement.sql


@every_metric
def test_every_measure_is_a_column_under_the_name_of_its_metric(metric: Metric) -> None:
    for name, sql in measures_of(metric).items():
        assert f"{sql} AS {metric.name}_{name}" in _sql(metric)


def test_windows_and_zones_are_parameters_and_never_in_the_text() -> None:
    asked = {"by": Dimension.TEAM, "bucket": Bucket.DAY}
    questions = [
        Question(metrics=tuple(METRICS.values()), windows=[window], zone=zone, **asked)  # type: ignore[arg-type]
        for window, zone in ((WINDOW, "UTC"), (Window(3_000, 90_000_000), "Europe/Berlin"))
    ]
    one, other = (statements(question) for question in questions)
    flows = [(a, b) for a, b in zip(one, other, strict=True) if not a.metrics[0].observations.lasts]
    assert [a.sql for a, _ in flows] == [b.sql for _, b in flows]
    assert flows[0][0].parameters == {
        "starts": ["1970-01-01 00:00:01.000"],
        "ends": ["1970-01-01 00:00:02.000"],
        "zone": "UTC",
    }
    assert all("Berlin" not in b.sql and "1970" not in b.sql for b in other)


def test_a_hostile_zone_reaches_no_text() -> None:
    question = Question(metrics=[COMPLAINT_RATE], windows=[WINDOW], bucket=Bucket.DAY, zone=HOSTILE)
    (statement,) = statements(question)
    assert "DROP" not in statement.sql
    assert statement.parameters["zone"] == HOSTILE


@pytest.mark.parametrize("field", ["by", "bucket"])
def test_what_is_no_dimension_and_no_bucket_is_refused(field: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        _sql(COMPLAINT_RATE, **{field: cast("Dimension", HOSTILE)})


def test_what_orders_do_not_know_divides_no_rate_of_orders() -> None:
    assert "GROUPING SETS" not in _sql(COMPLAINTS_PER_1000_ORDERS, by=Dimension.TEAM)
    assert "GROUPING SETS" in _sql(COMPLAINTS_PER_1000_ORDERS, by=Dimension.PRODUCT_LINE)


@every_metric
def test_only_days_of_the_windows_are_read(metric: Metric) -> None:
    lasts, lookback = metric.observations.lasts, metric.observations.lookback_seconds
    earliest = "greatest(" if lookback else ""
    between = f"day BETWEEN toDate({earliest}arrayMin({'ends' if lasts else 'starts'})"
    assert (between if lookback or not lasts else "day <= toDate(arrayMax(ends), 'UTC')") in _sql(metric)


def test_days_after_the_windows_are_read_where_they_decide() -> None:
    read_until = "toDate(arrayMax(ends) + toIntervalSecond(604800), 'UTC')"
    assert read_until in _sql(FIRST_CONTACT_RESOLUTION)
    assert read_until not in _sql(REPLIES_PER_RESOLUTION)


@pytest.mark.parametrize("dimension", Dimension)
def test_a_divided_question_asks_for_the_whole_as_well(dimension: Dimension) -> None:
    sql = _sql(COMPLAINT_RATE, by=dimension)
    assert f"GROUP BY GROUPING SETS ((period), (period, {dimension.value}))" in sql


def test_what_lasts_is_asked_at_the_end_of_each_bucket() -> None:
    day = 86_400_000
    question = Question(metrics=[BACKLOG], windows=[Window(0, 3 * day)], bucket=Bucket.DAY)
    (statement,) = statements(question)
    assert statement.parameters["ends"] == [f"1970-01-0{number} 00:00:00.000" for number in (2, 3, 4)]
    assert "zone" not in statement.parameters


def test_self_ratings_never_enter_satisfaction() -> None:
    assert all("source = 'customer'" in sql for sql in measures_of(CSAT_MEAN).values())
