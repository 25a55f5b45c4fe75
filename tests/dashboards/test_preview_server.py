"""The server of the preview on the real engine: what it answers, and what it refuses."""

import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from dashboards.preview.library import CHECKED_IN, Library
from streams.cli.preview import ask_of, listening
from streams.core.window import DAY_MS
from tests.dashboards.month import END_MS, ODD_TEAMS, Month, lately
from tests.dashboards.preview_board import Site, board, drawings, panel, site
from tests.dashboards.target import choices, panel_target

pytestmark = pytest.mark.integration

PULSE: Final = "service-pulse"
TEAM: Final = {
    "name": "team",
    "type": "query",
    "query": {"rawSql": "SELECT DISTINCT team FROM tickets FINAL ORDER BY team"},
    "multi": True,
    "includeAll": True,
    "current": {"value": ["$__all"]},
}
OF_TEAM: Final = "SELECT count() AS n FROM tickets FINAL WHERE $__conditionalAll(team IN (${team:singlequote}), $team)"
BOARD: Final = board(
    panel("stat", OF_TEAM, number=1),
    panel("stat", "SELECT no_such_column FROM tickets", number=2),
    panel("stat", "SELECT 1 AS n WHERE $__timeFilter(a, b)", number=3),
    panel("piechart", "SELECT 1 AS n", number=4),
    panel("stat", "SELECT count() AS n FROM tickets FINAL WHERE team = '$one'", number=5),
    panel("stat", "SELECT count() AS n FROM tickets LIMIT ${one}", number=6),
    panel("table", "SELECT '<img src=x onerror=alert(1)>' AS team, 1 AS n", number=7),
    panel("barchart", "SELECT team, count() AS n FROM tickets FINAL GROUP BY team ORDER BY team", number=8),
    panel("stat", "SELECT count() AS n FROM tickets", number=9, transformations=[{"id": "merge"}]),
    variables=[TEAM, {"name": "one", "type": "textbox", "query": "delivery"}],
    annotations={
        "list": [{"name": "Deployments", "enable": True, "target": {"rawSql": "SELECT now() AS time, 'v2' AS text"}}]
    },
)


@pytest.fixture(scope="module")
def pages(month: Month) -> Iterator[Site]:
    """Return a preview of the checked-in dashboards, and of one that has everything wrong, over a month of a desk."""
    with site([*Library.read(CHECKED_IN).dashboards, BOARD], ask_of(month.client), END_MS) as made:
        yield made


@pytest.fixture(scope="module")
def bare(nothing: Month) -> Iterator[Site]:
    """Return a preview over an empty database."""
    with site([*Library.read(CHECKED_IN).dashboards], ask_of(nothing.client), END_MS) as made:
        yield made


def number_of(drawing: Any) -> str:
    (value,) = drawing["values"]
    return str(value["text"])


def test_the_first_page_keeps_the_range_and_the_choices_of_its_address(pages: Site) -> None:
    with closing(HTTPConnection(urlsplit(pages.url).netloc, timeout=20)) as browser:
        browser.request("GET", "/?from=now-30d&to=now&var-team=it%27s%0d%0a")
        assert browser.getresponse().headers["Location"] == f"/d/{PULSE}?from=now-30d&to=now&var-team=it%27s%0d%0a"


def test_over_an_empty_database_every_panel_says_why_it_is_empty(bare: Site) -> None:
    for title, drawing in drawings(bare):
        assert drawing["kind"] != "error", f"{title}: {drawing}"
        if drawing["kind"] == "empty":
            assert len(drawing["text"]) > len("No data"), f"{title} does not say why it is empty"


def test_a_panel_shows_what_its_query_answers(pages: Site, month: Month) -> None:
    (row,) = month.ask(panel_target(PULSE, 1), choices(PULSE), lately(7)).result_rows
    drawing = pages.panel(PULSE, 1)
    (value,) = drawing["values"]
    assert value["text"] == f"{row[1] * 100:.1f}"
    assert value["name"] == row[2]
    assert value["links"][0]["href"].startswith("/d/tickets/")


def test_range_and_choices_change_the_number(pages: Site) -> None:
    week = pages.panel("board", 1)
    assert number_of(week) != number_of(pages.panel("board", 1, var__team=["delivery"]))
    both = [
        int(number_of(pages.panel("board", 1, var__team=[team])).replace(",", "")) for team in ("delivery", "billing")
    ]
    together = number_of(pages.panel("board", 1, var__team=["delivery", "billing"])).replace(",", "")
    assert int(together) == sum(both)
    earlier = {"from": str(END_MS - 40 * DAY_MS), "to": str(END_MS - 20 * DAY_MS)}
    assert pages.panel(PULSE, 1, **earlier) != pages.panel(PULSE, 1)


@pytest.mark.parametrize("team", ODD_TEAMS)
def test_values_never_leave_their_quotes(pages: Site, month: Month, team: str) -> None:
    (row,) = month.client.query(
        "SELECT count() FROM tickets FINAL WHERE team = {team:String}", {"team": team}
    ).result_rows
    assert row[0] > 0
    for query in ({"var__team": [team]}, {"var__one": team}):
        assert number_of(pages.panel("board", 1 if "var__team" in query else 5, **query)) == str(row[0])


@pytest.mark.parametrize("value", ["1 UNION ALL SELECT 1", "1;", "(SELECT 1)", "1 --"])
def test_outside_of_quotes_sql_is_refused_before_the_engine_sees_it(pages: Site, value: str) -> None:
    drawing = pages.panel("board", 6, var__one=value)
    assert drawing["kind"] == "error"
    assert "may not stand in SQL" in drawing["text"]


@pytest.mark.parametrize(
    ("number", "says"), [(2, "no_such_column"), (3, "takes 1 arguments"), (4, "piechart"), (9, "transformation merge")]
)
def test_what_is_wrong_with_a_panel_is_told_in_the_panel(pages: Site, number: int, says: str) -> None:
    drawing = pages.panel("board", number)
    assert drawing["kind"] == "error"
    assert says in drawing["text"]
    assert pages.panel("board", 1)["kind"] == "stat", "the others go on"


def test_no_way_leads_sql_or_files_in(pages: Site) -> None:
    asked = {"rawSql": "SELECT 42 AS n", "sql": "SELECT 42 AS n", "query": "SELECT 42", "var__sql": "SELECT 42"}
    assert pages.panel("board", 1, **asked) == pages.panel("board", 1)
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/server.py", "/static/", "/server.py"):
        assert pages.get(path).status in {403, 404}, path


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/d/nowhere", {}),
        ("/api/d/board/panel/99", {}),
        ("/api/d/board", {"zone": "Mars/Base"}),
        ("/api/d/board", {"zone": "../../etc/passwd"}),
        ("/api/d/service-pulse", {"var__contact_type": ["x" * 1000]}),
    ],
)
def test_what_there_is_not_is_not_found(pages: Site, path: str, query: dict[str, Any]) -> None:
    answered = pages.get(path, None, **query)
    assert answered.status == 404
    assert answered.json["kind"] == "error"


def test_odd_numbers_and_ranges_are_named(pages: Site) -> None:
    assert pages.get("/api/d/board/panel/1e3").status == 404
    assert pages.get("/api/d/board/panel/1", None, points="x").status == 404
    assert "no instant" in pages.get("/api/d/board", None, **{"from": "'"}).json["text"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""]
)
def test_other_names_than_ours_are_turned_away(pages: Site, host: str) -> None:
    for path in ("/", "/api/dashboards", "/static/page.js"):
        answered = pages.get(path, {"Host": host})
        assert answered.status in {400, 421}, "a page of somebody else could read us through its own name"


def test_other_pages_cannot_make_us_ask(pages: Site) -> None:
    for where in ("cross-site", "same-site"):
        assert pages.get("/api/d/board", {"Sec-Fetch-Site": where}).status == 403
    assert pages.get("/api/d/board", {"Sec-Fetch-Site": "same-origin"}).status == 200
    assert pages.get("/d/board", {"Sec-Fetch-Site": "cross-site"}).status == 200, "a link from elsewhere may lead here"


@pytest.mark.parametrize(
    "path", ["/d/service-pulse", "/static/page.js", "/static/plotly.js", "/api/dashboards", "/manual"]
)
def test_the_browser_is_told_to_load_nothing_from_elsewhere(pages: Site, path: str) -> None:
    answered = pages.get(path)
    assert answered.status == 200
    policy = answered.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert answered.headers["X-Content-Type-Options"] == "nosniff"


def test_the_pages_name_no_other_host() -> None:
    static = CHECKED_IN.parent / "preview" / "static"
    for file in static.iterdir():
        found = set(re.findall(r"https?://[\w.-]+", file.read_text())) - {"http://www.w3.org", "http://localhost"}
        assert found == set(), f"{file.name} names {found}"


def test_the_front_page_is_the_pulse_and_says_how_to_run_the_real_thing(pages: Site) -> None:
    front = pages.get("/")
    assert front.status == 200
    assert "/static/page.js" in front.body
    assert "docker compose" in pages.get("/manual").body
    assert "There is no such dashboard" in pages.get("/d/nowhere").body


def test_a_page_offers_what_the_data_have(pages: Site) -> None:
    (team,) = [each for each in pages.get("/api/d/service-pulse").json["variables"] if each["name"] == "team"]
    assert ["$__all", "All"] in team["options"]
    assert ["delivery", "delivery"] in team["options"]
    assert team["value"] == ["$__all"]


def test_annotations_mark_every_chart_over_time(month: Month) -> None:
    chart = panel("timeseries", "SELECT now() AS time, 1 AS n", is_table=False)
    with site([board(chart, annotations=BOARD.json["annotations"])], ask_of(month.client), END_MS) as made:
        (mark,) = made.panel("board", 1)["marks"]
    assert mark["text"] == "v2"


def test_a_bar_chart_has_a_name_for_every_bar(pages: Site) -> None:
    drawing = pages.panel("board", 8)
    assert drawing["kind"] == "columns"
    assert len(drawing["names"]) == len(drawing["series"][0]["values"]) > 3


def test_it_listens_on_loopback_only() -> None:
    with listening(0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
