"""The pages of the preview in a real browser, over a month that stands still: looks, links, choices and charts."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import pytest

from dashboards.preview.library import CHECKED_IN, Dashboard, Json, Library
from streams.cli.preview import ask_of
from tests.dashboards.month import END_MS, Month
from tests.dashboards.preview_board import Site, board, drawings, panel, site
from tests.dashboards.visit import Visit, assert_opens, browser, visit, wall

__all__ = ["browser", "visit", "wall"]

pytestmark = pytest.mark.integration


DASHBOARDS: Final = Library.read(CHECKED_IN).dashboards


@pytest.fixture(scope="module")
def pages(month: Month) -> Iterator[Site]:
    """Return the dashboards as the month ends; what was asked once is not asked again."""
    with site(DASHBOARDS, cache(ask_of(month.client)), END_MS) as made:
        yield made


@pytest.fixture
def still(pages: Site) -> str:
    """Return the address of the dashboards."""
    return pages.url


def test_every_panel_of_every_dashboard_is_drawn(pages: Site) -> None:
    drawn = dict(drawings(pages))
    assert [title for title, drawing in drawn.items() if drawing["kind"] == "error"] == []
    assert len(drawn) > 80
    assert sum(drawing["kind"] != "empty" for drawing in drawn.values()) > len(drawn) * 0.8, "too little to prove much"


@pytest.mark.parametrize("uid", [dashboard.uid for dashboard in DASHBOARDS])
def test_every_dashboard_opens(visit: Callable[..., Visit], still: str, uid: str) -> None:
    assert_opens(visit(still), uid)


def test_it_is_legible_on_a_wall_in_light_and_in_dark_and_on_a_phone(visit: Callable[..., Visit], still: str) -> None:
    grounds = set()
    looks: dict[str, dict[str, Any]] = {
        "wall": {"viewport": {"width": 1920, "height": 1080}},
        "light": {"color_scheme": "light"},
        "phone": {"viewport": {"width": 390, "height": 844}},
    }
    for name, options in looks.items():
        seen = visit(still, **options)
        seen.open("/d/service-pulse?kiosk" if name == "wall" else "/d/service-pulse")
        seen.screenshot(f"service-pulse-{name}")
        size = float(
            seen.page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('.number')).fontSize)")
        )
        assert size > 60, f"the numbers are {size} px high on {name}"
        assert seen.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (
            f"{name} scrolls sideways"
        )
        grounds.add(seen.page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
        assert seen.complaints == []
    assert len(grounds) == 2


def test_what_is_chosen_stands_in_the_address_and_changes_the_numbers(visit: Callable[..., Visit], still: str) -> None:
    seen = visit(still)
    seen.open("/d/complaints")
    every = seen.numbers()
    seen.page.click("[data-variable=team]")
    seen.page.click(".menu label:has-text('warranty')")
    seen.wait(lambda: seen.numbers() != every, "the numbers are of one team")
    assert "var-team=warranty" in seen.page.url
    team = seen.numbers()
    seen.page.click("[aria-label='Time range']")
    seen.page.click(".menu >> text=Last 24 hours")
    seen.wait(lambda: seen.numbers() != team, "the numbers are of one day")
    assert "from=now-24h" in seen.page.url
    assert seen.complaints == []


def test_a_number_leads_to_the_tickets_behind_it(visit: Callable[..., Visit], still: str) -> None:
    seen = visit(still)
    seen.open("/d/service-pulse?var-team=delivery")
    seen.page.click("[data-panel='1'] .number")
    seen.wait(lambda: seen.page.title().startswith("Tickets"), "the list of tickets is open")
    assert "var-team=delivery" in seen.page.url
    assert "var-metric=complaint_rate" in seen.page.url
    seen.wait(lambda: seen.page.locator("tbody tr").count() > 5, "there are tickets")
    assert seen.complaints == []


def test_a_line_tells_its_numbers_and_a_drag_chooses_a_range(visit: Callable[..., Visit], still: str) -> None:
    seen = visit(still)
    seen.open("/d/complaints")
    mouse = seen.page.mouse

    def place() -> tuple[float, float]:
        box = seen.page.locator("[data-state=series] .plot").first.bounding_box()
        assert box
        return box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4

    def tells_a_value() -> bool:
        x, y = place()
        mouse.move(x, y)
        mouse.move(x + 5, y, steps=5)  # a chart that was not ready for the first move hears the next
        return "%" in (seen.page.locator(".hoverlayer").first.text_content() or "")

    def range_is_chosen() -> bool:
        x, y = place()
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 150, y, steps=5)
        mouse.up()
        seen.page.wait_for_timeout(500)
        return bool(re.search(r"from=\d{13}&to=\d{13}", seen.page.url))

    seen.wait(tells_a_value, "the chart tells a value")
    seen.wait(range_is_chosen, "the range is what was dragged over")
    assert seen.complaints == []


def test_the_time_axis_of_a_week_names_its_days(visit: Callable[..., Visit], month: Month) -> None:
    hourly = f"SELECT toDateTime({END_MS // 1000} - 3600 * (168 - number)) AS time, number AS n FROM numbers(168)"
    with site([board(panel("heatmap", hourly, is_table=False))], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board?from=now-7d&to=now")
        seen.wait(lambda: seen.page.locator(".xtick text").count() > 2, "the axis is labelled")
        labels = seen.page.locator(".xtick text").all_text_contents()
        assert len(set(labels)) == len(labels), labels
        assert not any(":" in label for label in labels), labels


COLOURS: Final = """() => Object.fromEntries([...document.querySelectorAll(".legend button")].map(each =>
    [each.textContent, each.style.getPropertyValue("--own")]))"""


def of_names(number: int, *names: str) -> Json:
    """Return a chart with a line for each name, in this order."""
    rows = ", ".join(f"({end - 3600}, '{name}'), ({end}, '{name}')" for end in [END_MS // 1000] for name in names)
    told = f"SELECT toDateTime(c1) AS time, c2 AS team, 1 AS n FROM values({rows}) ORDER BY time"
    look = {"color": {"mode": "palette-classic-by-name"}, "displayName": "${__field.labels.team}"}
    return panel("timeseries", told, is_table=False, number=number, fieldConfig={"defaults": look})


def test_a_name_keeps_its_colour_on_other_pages_and_shares_it_with_none_beside_it(
    visit: Callable[..., Visit], month: Month
) -> None:
    teams, fruits = ["ash", "birch", "cedar", "dogwood"], [f"fruit {n}" for n in range(8)]
    pages = [board(of_names(1, *teams)), board(of_names(1, *fruits)), board(of_names(1, *fruits[4:], *reversed(teams)))]
    told = [Dashboard({**page.json, "uid": f"page-{n}"}) for n, page in enumerate(pages)]
    with site(told, ask_of(month.client), END_MS) as served:
        seen, colours = visit(served.url), []
        for page in told:
            seen.open(f"/d/{page.uid}?from=now-1d&to=now")
            seen.wait(lambda: len(seen.page.evaluate(COLOURS)) >= 4, "the lines are named")
            colours.append(seen.page.evaluate(COLOURS))
        assert [len(set(page.values())) for page in colours] == [4, 8, 8]
        assert {name: colours[2][name] for name in teams} == colours[0]
        assert seen.complaints == []


def test_a_band_over_a_chart_says_what_it_is(visit: Callable[..., Visit], month: Month) -> None:
    lasted = f"SELECT toDateTime({END_MS // 1000} - 7200) AS time, toDateTime({END_MS // 1000} - 600) AS timeEnd"
    marks = {"name": "Signals", "enable": True, "target": {"rawSql": f"{lasted}, 'satisfaction fell' AS title"}}
    series = f"SELECT toDateTime({END_MS // 1000} - 60 * (180 - number)) AS time, number AS n FROM numbers(180)"
    made = board(panel("timeseries", series, is_table=False), annotations={"list": [marks]})
    with site([made], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board?from=now-3h&to=now")
        assert seen.page.locator(".legend .mark").all_text_contents() == ["Signals: satisfaction fell"]

        def tells_the_band() -> bool:
            box = seen.page.locator(".plot").first.bounding_box()
            assert box
            seen.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4)
            seen.page.mouse.move(box["x"] + box["width"] * 0.71, box["y"] + box["height"] * 0.4, steps=5)
            return "Signals: satisfaction fell" in (seen.page.locator(".hoverlayer").first.text_content() or "")

        seen.wait(tells_the_band, "the band tells its name wherever it is pointed at")
        assert seen.complaints == []


def test_a_panel_that_fails_says_so_alone_and_labels_are_never_markup(
    visit: Callable[..., Visit], month: Month
) -> None:
    odd = "<img src=x onerror=document.title=1>"
    series = f"SELECT now() - number * 60 AS time, '{odd}' AS team, number AS n FROM numbers(9) ORDER BY time"
    made = board(
        panel("stat", "SELECT nothing_of_that_name", number=1),
        panel("table", f"SELECT '{odd}' AS team, 1 AS n", number=2),
        panel("timeseries", series, is_table=False, number=3),
        panel("barchart", f"SELECT '{odd}' AS team, 1 AS n", number=4),
        panel("bargauge", f"SELECT '{odd}' AS team, 1 AS n", number=5, options={"reduceOptions": {"values": True}}),
        panel("heatmap", series, is_table=False, number=6),
        panel("text", number=7, options={"mode": "markdown", "content": f"**words** {odd}"}, description=odd),
    )
    with site([made], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board?from=now-10y&to=now%2B20y")
        assert "nothing_of_that_name" in (seen.page.locator("[data-panel='1']").text_content() or "")
        assert list(seen.states().values()) == ["error", "table", "series", "columns", "bars", "heat", "words"]
        assert seen.page.locator("img").count() == 0
        assert seen.page.title() == "Board · Service Pulse"
        assert seen.complaints == []
        seen.screenshot("every-kind-of-panel")


def test_a_preview_that_ended_is_told_and_what_was_seen_stays(visit: Callable[..., Visit], month: Month) -> None:
    with site([board(panel("stat", "SELECT 42 AS n"), refresh="1s")], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board")
    seen.wait(lambda: seen.page.locator("#trouble").is_visible(), "the page says that nobody answers")
    assert seen.numbers() == ["42"]
