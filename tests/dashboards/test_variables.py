"""Values of variables come from events, and so from strangers: whatever they say, they stay values."""

import pytest

from dashboards.link import LINKED
from dashboards.macro import expand, interpolate
from dashboards.query import FILTERS
from dashboards.text import COLUMN_NAMES
from streams.core.metrics import METRICS, Dimension
from tests.dashboards.month import ODD_TEAMS, Month, lately
from tests.dashboards.target import DASHBOARDS, choices, panel_target
from tests.dashboards.test_numbers import asked

pytestmark = pytest.mark.integration

SAFE = [team for team in ODD_TEAMS if "\\" not in team and "$" not in team]


def _offered(month: Month, name: str) -> list[str]:
    (variable,) = [one for one in DASHBOARDS["tickets"]["templating"]["list"] if one["name"] == name]
    return [row[0] for row in month.ask(variable["query"], {}, lately(7)).result_rows]


def _as_grafana_fills_in(sql: str, name: str, value: str) -> str:
    """Return the SQL as Grafana's format `singlequote` fills in a value: it escapes quotes and nothing else."""
    rest = interpolate(sql, choices("service-pulse") | {name: ["chosen"]})
    return rest.replace("'chosen'", "'" + value.replace("'", "\\'") + "'")


def test_a_value_that_quotes_cannot_hold_is_not_offered(month: Month) -> None:
    offered = _offered(month, "team")
    assert set(SAFE) < set(offered)
    assert not set(ODD_TEAMS) - set(SAFE) & set(offered)
    assert offered.index("delivery") == 0, "the most frequent first"


@pytest.mark.parametrize("name", ["team", "agent", "channel", "product_line", "contact_type", "reason"])
def test_everything_that_is_offered_finds_something(month: Month, name: str) -> None:
    offered = set(_offered(month, name)) - {"(unknown)"}  # of which older versions of a ticket may be the only ones
    assert len(offered) > 1
    column = COLUMN_NAMES[next(by for by, variable in LINKED.items() if variable == name)]
    while offered:  # the newest tickets alone are listed
        rows = asked(month, "tickets", 1, lately(70), metric="tickets", **{name: sorted(offered)})
        found = {row[column] for row in rows} & offered
        assert found, offered
        offered -= found


@pytest.mark.parametrize("team", SAFE)
def test_an_odd_value_chosen_in_grafana_finds_its_tickets_and_no_other(month: Month, team: str) -> None:
    sql = _as_grafana_fills_in(panel_target("service-pulse", 1)["rawSql"], "team", team)
    window = lately(7)
    expanded = expand(sql, from_ms=window.start_at, to_ms=window.end_at, interval_seconds=3_600)
    (row,) = month.client.query(expanded).named_results()
    assert row["evidence"] == "n 1"


@pytest.mark.parametrize("team", ODD_TEAMS)
def test_an_odd_value_in_the_preview_finds_its_tickets_and_no_other(month: Month, team: str) -> None:
    rows = asked(month, "tickets", 1, lately(7), metric="tickets", team=[team])
    assert [row["Ticket"] for row in rows] == [f"odd-{ODD_TEAMS.index(team)}"]


def test_what_nobody_named_can_be_chosen(month: Month) -> None:
    rows = asked(month, "tickets", 1, lately(70), metric="tickets", reason=["(unknown)"])
    unnamed = month.ledger.n(METRICS["tickets"], lately(70), ("reason", ""))
    assert 0 < unnamed == len(rows)


@pytest.mark.parametrize("dimension", FILTERS)
def test_a_choice_of_each_variable_narrows_every_number_to_its_part(month: Month, dimension: Dimension) -> None:
    value = _offered(month, FILTERS[dimension])[0]
    chosen = {FILTERS[dimension]: [value]}
    metric = METRICS["complaint_rate"]
    (row,) = asked(month, "service-pulse", 1, lately(14), **chosen)
    own = "" if value == "(unknown)" else value
    assert row["evidence"].endswith(f"n {month.ledger.n(metric, lately(14), (dimension.value, own))}")
