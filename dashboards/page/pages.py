"""Pages and their price: what the watch would have paged, at which budget, and how late each tells a fall."""

from typing import Final

from dashboards import panel, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from dashboards.query import clock, quoted, select
from streams.core.backtest.budget import OTHERS

_NEWEST: Final = """
SELECT * FROM backtests FINAL
WHERE (segment_kind, segment, made_at) IN (
    SELECT segment_kind, segment, max(made_at) FROM backtests GROUP BY segment_kind, segment
)
""".strip()
OLD_DAYS: Final = 8
"""Made anew once a week, a page of this age says that its timer does not run."""
_WHOSE: Final = "concat(segment_kind, ' ', segment)"


def _budgets() -> Panel:
    paged = "arrayCount(note -> note = '', pages.note)"
    shown = {
        quoted(text.BUDGET): f"concat(toString(false_pages), if(max(is_chosen), ' ({text.CHOSEN})', ''))",
        quoted(text.PAGED): f"sum({paged})",
        quoted(text.ALLOWED): "sum(accepted)",
        quoted(text.OF_WHOM): f"arrayStringConcat(arraySort(groupArrayIf({_WHOSE}, {paged} > 0)), ', ')",
        quoted(text.WEEKS): "max(weeks)",
        quoted(text.UP_TO): clock("max(made_at)"),
        quoted(text.AGE): "dateDiff('second', max(made_at), now64(3))",
    }
    red = style.by_threshold([(None, style.PLAIN), (OLD_DAYS * 86_400, style.BAD)])
    return Panel(
        id=1,
        title=text.BUDGETS_TITLE,
        kind="table",
        about=text.BUDGETS,
        width=24,
        height=8,
        sql=select(shown, _NEWEST, "GROUP BY false_pages", "ORDER BY false_pages"),
        empty=text.NO_BACKTEST,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(text.ALLOWED, decimals=1),
            style.override(text.AGE, unit="s", decimals=0, custom__cellOptions={"type": "color-text"}, **red),
        ],
        options=panel.TABLE,
    )


def _late(condition: str) -> str:
    """Return how late a fall is told where a condition holds, in words; empty where nothing is known of it."""
    hours = f"maxIf(fall.2, {condition})"
    said = f"if({hours} < 72, concat(toString(round({hours})), ' h'), concat(toString(round({hours} / 24)), ' d'))"
    return f"if(countIf({condition}) = 0, '', ifNull({said}, '{text.NOT_TOLD}'))"


def _delays() -> Panel:
    shown = {
        quoted(text.WHOSE): _WHOSE,
        quoted(text.PER_DAY): "max(ratings_per_day)",
        quoted(text.MOODS): "max(mood_points)",
        quoted(text.FALL): "fall.1",
        quoted(text.AS_CHOSEN): _late("is_chosen"),
        **{quoted(text.AT_BUDGET.format(budget=one)): _late(f"false_pages = {one:g}") for one in OTHERS},
    }
    falls = "ARRAY JOIN arrayZip(falls.points, falls.hours) AS fall"
    order = "ORDER BY segment_kind DESC, segment, fall.1 DESC"
    return Panel(
        id=2,
        title=text.DELAYS_TITLE,
        kind="table",
        about=text.DELAYS,
        width=24,
        height=18,
        sql=select(shown, _NEWEST, falls, "GROUP BY segment_kind, segment, fall.1", order),
        empty=text.NO_BACKTEST,
        look=style.PLAIN_TABLE,
        overrides=[style.override(name, decimals=1) for name in (text.PER_DAY, text.MOODS)],
        options=panel.TABLE,
    )


def _paged() -> Panel:
    shown = {
        quoted(text.OPENED): clock("page.1"),
        quoted(text.RESOLVED): f"ifNull({clock('page.2')}, '{text.STILL_OPEN}')",
        quoted(text.WHOSE): _WHOSE,
        quoted(text.TOLD): "page.3",
        quoted(text.CONTRIBUTES): "page.4",
        quoted(text.NOTE): "page.5",
    }
    pages = "ARRAY JOIN arrayZip(pages.opened_at, pages.resolved_at, pages.told, pages.slices, pages.note) AS page"
    return Panel(
        id=3,
        title=text.PAGED_TITLE,
        kind="table",
        about=text.PAGED_ABOUT,
        width=24,
        height=8,
        sql=select(shown, _NEWEST, pages, "WHERE is_chosen", "ORDER BY page.1 DESC", "LIMIT 100"),
        empty=text.NO_PAGES,
        look=style.PLAIN_TABLE,
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="pages",
    since="now-90d",
    refresh="15m",
    variables=[variable.zone()],
    rows=[[_budgets()], [_delays()], [_paged()]],
)
