"""Pages and their price: what the watch would have paged, at which budget, and how late each tells a fall."""

from typing import Final

from dashboards import panel, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from dashboards.query import quoted, select

_BUDGETS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Those that every backtest looks at."""
_NEWEST: Final = """
SELECT * FROM backtests FINAL
WHERE (segment_kind, segment, made_at) IN (
    SELECT segment_kind, segment, max(made_at) FROM backtests GROUP BY segment_kind, segment
)
""".strip()
_WHOSE: Final = "concat(segment_kind, ' ', segment)"


def _clock(instant: str) -> str:
    return f"formatDateTime({instant}, '%Y-%m-%d %H:%i', ${{zone:singlequote}})"


def _budgets() -> Panel:
    paged = "arrayCount(note -> note = '', pages.note)"
    shown = {
        quoted(text.BUDGET): f"concat(toString(false_pages), if(max(is_chosen), ' ({text.CHOSEN})', ''))",
        quoted(text.PAGED): f"sum({paged})",
        quoted(text.ALLOWED): "round(sum(accepted), 1)",
        quoted(text.OF_WHOM): f"arrayStringConcat(arraySort(groupArrayIf({_WHOSE}, {paged} > 0)), ', ')",
        quoted(text.WEEKS): "max(weeks)",
        quoted(text.UP_TO): _clock("max(made_at)"),
    }
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
        options=panel.TABLE,
    )


def _delays() -> Panel:
    hours = {text.AT_BUDGET.format(budget=budget): f"maxIf(fall.2, false_pages = {budget:g})" for budget in _BUDGETS}
    shown = {
        quoted(text.WHOSE): _WHOSE,
        quoted(text.PER_DAY): "round(max(ratings_per_day), 1)",
        quoted(text.MOODS): "round(max(mood_points), 1)",
        quoted(text.FALL): "fall.1",
        quoted(text.AS_CHOSEN): "3600 * maxIf(fall.2, is_chosen)",
        **{quoted(name): f"3600 * {sql}" for name, sql in hours.items()},
    }
    falls = "ARRAY JOIN arrayZip(falls.points, falls.hours) AS fall"
    return Panel(
        id=2,
        title=text.DELAYS_TITLE,
        kind="table",
        about=text.DELAYS,
        width=24,
        height=14,
        sql=select(
            shown,
            _NEWEST,
            falls,
            "GROUP BY segment_kind, segment, fall.1",
            "ORDER BY segment_kind DESC, segment, fall.1 DESC",
        ),
        empty=text.NO_BACKTEST,
        look=style.PLAIN_TABLE,
        overrides=[
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "unit", "value": "s"}, {"id": "decimals", "value": 1}],
            }
            for name in (text.AS_CHOSEN, *hours)
        ],
        options=panel.TABLE,
    )


def _paged() -> Panel:
    shown = {
        quoted(text.OPENED): _clock("page.1"),
        quoted(text.RESOLVED): f"ifNull({_clock('page.2')}, '{text.STILL_OPEN}')",
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
