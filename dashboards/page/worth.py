"""Worth: what a solved case changes, what each way of solving is worth, and what a cap on compensation costs."""

from collections.abc import Mapping
from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from dashboards.query import quoted, select
from streams.core.ask.maturity import FOLLOWED_UNTIL
from streams.core.metrics import METRICS, Unit
from streams.core.worth.ask import WITHIN_DAYS, with_range
from streams.core.worth.balance import UNLIKE, balance
from streams.core.worth.cap import EVERYTHING, caps
from streams.core.worth.churn import churn
from streams.core.worth.curves import curves
from streams.core.worth.lift import COMPARABLE_FROM, lift
from streams.core.worth.pace import By, open_and_old, outcomes
from streams.core.worth.strategy import PARTS, strategies

CAPS: Final = (5, 10, 20, 50, 100, 200)
"""To choose from, in whole units of the currency; any other can be typed."""
_MOST: Final = 100
_REFERRED: Final = METRICS["referred_share"]
_NARROWED: Final = query.filters(query.FILTERS)
_WITHIN_MS: Final = "toInt64OrZero(${within:singlequote}) * 86400000"
_CAP: Final = "toFloat64OrZero(${cap:singlequote}) * minor"
_SHARE: Final = style.unit(Unit.SHARE)
_POINTS: Final = {"unit": "none", "decimals": 2}
_COUNT: Final = style.unit(Unit.NUMBER)


def _with_names(*, is_matured: bool) -> str:
    """Return the WITH clause of the range: the chosen one, or as much earlier as cases must have been followed for."""
    shift = " - toIntervalMillisecond(within_ms)" if is_matured else ""
    return with_range(
        f"$__fromTime_ms{shift}", f"$__toTime_ms{shift}", f"least({FOLLOWED_UNTIL}, $__toTime_ms)", _WITHIN_MS
    )


def _table(
    id_: int,
    title: str,
    about: str,
    sql: str,
    looks: Mapping[str, style.Json],
    *,
    empty: str,
    width: int = 24,
    height: int = 9,
    is_matured: bool = True,
) -> Panel:
    return Panel(
        id=id_,
        title=title,
        kind="table",
        about=about,
        width=width,
        height=height,
        sql=_with_names(is_matured=is_matured) + "\n" + sql,
        empty=empty,
        look=style.PLAIN_TABLE,
        overrides=[style.override(name, **look) for name, look in looks.items()],
        options=panel.TABLE,
    )


def _lift() -> Panel:
    share = "concat(toDecimalString(100 * {0}, 1), ' %')"
    points = "concat(if({0} > 0, '+', ''), toDecimalString(100 * {0}, 1), ' {1}')"
    ratio = "toDecimalString({0}, 2)"
    lines = (
        (text.WITH_CASE, "share", share, "concat(toString(matched), ' {of} ', toString(customers))", "''"),
        (text.WITHOUT_CASE, "other", share, "toString(controls)", "''"),
        (text.LIFT_LINE, "lift", points, "''", "verdict"),
        (text.RATIO_LINE, "ratio", ratio, "''", "''"),
    )
    rows = ",\n        ".join(
        f"('{name}', "
        + ", ".join(
            f"ifNull({form.format(one, text.POINTS)}, '')" for one in (column, f"{column}_low", f"{column}_high")
        )
        + f", {n.format(of=text.OF)}, {verdict})"
        for name, column, form, n, verdict in lines
    )
    verdict = (
        f"multiIf(lift IS NULL, '{text.CANNOT_BE_TOLD}', matched < {COMPARABLE_FROM} * customers, "
        f"'{text.NOT_COMPARABLE}', lift_low > 0, '{text.HIGHER}', lift_high < 0, '{text.LOWER}', '{text.NOT_KNOWN}')"
    )
    told = f"SELECT *, {verdict} AS verdict FROM\n(\n{lift(_NARROWED)}\n)\nWHERE customers > 0"
    columns = {
        quoted(text.BOUGHT_AGAIN): "line.1",
        quoted(text.VALUE): "line.2",
        quoted(text.LOW): "line.3",
        quoted(text.HIGH): "line.4",
        quoted(text.CUSTOMERS): "line.5",
        quoted(text.VERDICT): "line.6",
    }
    sql = select(columns, told, f"ARRAY JOIN [\n        {rows}\n    ] AS line")
    return _table(1, text.LIFT_TITLE, text.LIFT, sql, {}, empty=text.NO_CASES, width=12, height=8)


def _balance() -> Panel:
    names, titles = (list(some) for some in zip(*text.BALANCE_MEASURES.items(), strict=True))
    columns = {
        quoted(text.BEFORE_CASE): f"transform(measure, {names}, {titles}, measure)",
        quoted(text.WITH_CASE): "mean",
        quoted(text.WITHOUT_CASE): "other_mean",
        quoted(text.APART): "apart",
        quoted(text.VERDICT): f"multiIf(mean IS NULL, '', abs(ifNull(apart, 0)) < {UNLIKE}, '{text.ALIKE}', "
        f"'{text.NOT_ALIKE}')",
    }
    sql = select(columns, balance(_NARROWED, "within_ms"), "WHERE mean IS NOT NULL")
    looks = {text.WITH_CASE: _POINTS, text.WITHOUT_CASE: _POINTS, text.APART: _POINTS}
    return _table(2, text.BALANCE_TITLE, text.BALANCE, sql, looks, empty=text.NO_CASES, width=12, height=8)


def _curves() -> Panel:
    is_shown = "followed > 0"
    columns = {quoted(text.AFTER_DAYS): "days"}
    for title, name in (
        (text.WITH_CASE, "share"),
        (f"{text.WITH_CASE}, {text.LOW}", "share_low"),
        (f"{text.WITH_CASE}, {text.HIGH}", "share_high"),
        (text.WITHOUT_CASE, "other"),
        (f"{text.WITHOUT_CASE}, {text.LOW}", "other_low"),
        (f"{text.WITHOUT_CASE}, {text.HIGH}", "other_high"),
    ):
        columns[quoted(title)] = f"if({is_shown}, {name}, NULL)"
    columns[quoted(text.FOLLOWED)] = "followed"
    bars = {"custom__cellOptions": {"type": "gauge", "mode": "basic"}, "min": 0, **style.fixed(style.ACCENT)}
    looks = {title.strip('"'): dict(_SHARE) for title in columns if title != quoted(text.AFTER_DAYS)}
    looks[text.WITH_CASE] |= bars
    looks[text.WITHOUT_CASE] |= bars
    looks[text.FOLLOWED] = _COUNT
    sql = select(columns, curves(_NARROWED), "ORDER BY days")
    return _table(3, text.CURVES_TITLE, text.CURVES, sql, looks, empty=text.NO_CASES, is_matured=False)


def _strategies(id_: int, title: str, *by: str) -> Panel:
    columns = {quoted(text.COLUMN_NAMES[name]): query.known_or_named(name) for name in ("strategy", *by)}
    verdict = (
        f"multiIf(expectation IS NULL AND left_out > 0, '{text.MONEY_UNKNOWN}', expectation IS NULL, "
        f"'{text.CANNOT_BE_TOLD}', low > 1, '{text.EARNS}', high < 1, '{text.COSTS}', '{text.NOT_KNOWN}')"
    )
    columns |= {
        quoted(text.EXPECTATION): "expectation",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.VERDICT): verdict,
        quoted(text.GAIN): "gain / minor",
        quoted(text.COST): "cost / minor",
        quoted(text.GAIN_SPREAD): "apart / minor",
        quoted(text.CURRENCY): "unit",
        quoted(text.SCORE): "score",
        quoted(text.SCORE_SPREAD): "score_apart",
        quoted(text.CASES): "n",
        quoted(text.MATCHED): "matched",
        quoted(text.LEFT_OUT): "left_out",
    }
    looks = dict.fromkeys((text.EXPECTATION, text.LOW, text.HIGH, text.GAIN, text.COST, text.GAIN_SPREAD), _POINTS)
    looks |= dict.fromkeys((text.SCORE, text.SCORE_SPREAD), style.unit(Unit.SCORE))
    looks |= dict.fromkeys((text.CASES, text.MATCHED, text.LEFT_OUT), _COUNT)
    order = f"ORDER BY n DESC, {', '.join(('strategy', *by))} LIMIT {_MOST}"
    sql = select(columns, strategies(by, _NARROWED), order)
    return _table(id_, title, text.STRATEGIES, sql, looks, empty=text.NO_STRATEGIES, height=6 if not by else 9)


def _caps(id_: int, title: str, about: str, cap: str) -> Panel:
    kept = f"multiIf(net IS NULL, '{text.CANNOT_BE_TOLD}', net_low > 0, '{text.PAYS}', net_high < 0, '{text.LOSES}', "
    kept += f"more = fewer, '{text.NO_OTHER}', '{text.NOT_KNOWN}')"
    of_each = {
        quoted(
            text.COLUMN_NAMES["product_line"]
        ): f"multiIf(product_line = '{EVERYTHING}', '{text.ALL}', product_line)",
        quoted(text.REQUESTS): "n",
        quoted(text.CAP_HIT): "hit",
        quoted(text.LOW): "hit_low",
        quoted(text.HIGH): "hit_high",
        quoted(text.CAME_BACK): f"concat(toString(came_back), ' {text.OF} ', toString(refused))",
        quoted(text.REGRET): "regret / minor",
        quoted(text.BREAK_EVEN): "break_even / minor",
        quoted(text.BREAK_EVEN_LOW): "break_even_low / minor",
        quoted(text.BREAK_EVEN_HIGH): "break_even_high / minor",
    }
    at_cap = {
        quoted(text.MORE): "toInt64(more) - toInt64(fewer)",
        quoted(text.WOULD_COST): "cost / minor",
        quoted(text.WOULD_SAVE): "saved / minor",
        quoted(text.NET): "net / minor",
        quoted(text.NET_LOW): "net_low / minor",
        quoted(text.NET_HIGH): "net_high / minor",
        quoted(text.VERDICT): kept,
        quoted(text.CURRENCY): "unit",
    }
    columns = (of_each if cap else {quoted(text.CAP): "cap / minor"}) | at_cap
    money_names = (
        *(text.REGRET, text.BREAK_EVEN, text.BREAK_EVEN_LOW, text.BREAK_EVEN_HIGH, text.CAP),
        *(text.WOULD_COST, text.WOULD_SAVE, text.NET, text.NET_LOW, text.NET_HIGH),
    )
    looks = {name: _POINTS for name in money_names if quoted(name) in columns}
    looks[text.MORE] = _COUNT
    if cap:
        looks |= dict.fromkeys((text.CAP_HIT, text.LOW, text.HIGH), _SHARE) | {text.REQUESTS: _COUNT}
    sql = select(columns, caps(cap, _NARROWED), f"LIMIT {_MOST}")
    return _table(id_, title, about, sql, looks, empty=text.NO_REQUESTS)


def _outcomes(id_: int, by: By, title: str, about: str, group: str) -> Panel:
    columns = {
        quoted(text.GROUPS[by]): group,
        quoted(text.CASES): "n",
        quoted(text.SCORE): "score",
        quoted(text.LOW): "score_low",
        quoted(text.HIGH): "score_high",
        quoted(text.ORDERED_AGAIN): "again",
        quoted(text.AGAIN_LOW): "again_low",
        quoted(text.AGAIN_HIGH): "again_high",
    }
    looks = dict.fromkeys((text.SCORE, text.LOW, text.HIGH), style.unit(Unit.SCORE))
    looks |= dict.fromkeys((text.ORDERED_AGAIN, text.AGAIN_LOW, text.AGAIN_HIGH), _SHARE) | {text.CASES: _COUNT}
    sql = select(columns, outcomes(by, _NARROWED))
    return _table(id_, title, about, sql, looks, empty=text.NO_RESOLVED, width=12, height=10)


def _took() -> str:
    def hours(name: str) -> str:
        return f"toDecimalString({name} / 3600, 1)"

    return f"concat({hours('from_seconds')}, ' {text.TO} ', {hours('to_seconds')}, ' h')"


def _churn() -> Panel:
    names, titles = (list(some) for some in zip(*text.CHURN_GROUPS.items(), strict=True))
    verdict = (
        f"multiIf(lift IS NULL, '{text.CANNOT_BE_TOLD}', lift_low > 0, '{text.MORE_LEAVE}', lift_high < 0, "
        f"'{text.FEWER_LEAVE}', '{text.NOT_KNOWN}')"
    )
    columns = {
        quoted(text.CONTACT): f"transform(group, {names}, {titles}, group)",
        quoted(text.CUSTOMERS): "matched",
        quoted(text.STAYED_AWAY): "share",
        quoted(text.WITHOUT_CONTACT): "other",
        quoted(text.EFFECT): "100 * lift",
        quoted(text.LOW): "100 * lift_low",
        quoted(text.HIGH): "100 * lift_high",
        quoted(text.VERDICT): verdict,
    }
    points = {"unit": "suffix: points", "decimals": 1}
    looks = dict.fromkeys((text.STAYED_AWAY, text.WITHOUT_CONTACT), _SHARE)
    looks |= dict.fromkeys((text.EFFECT, text.LOW, text.HIGH), points) | {text.CUSTOMERS: _COUNT}
    sql = select(columns, churn(_NARROWED), "ORDER BY number")
    return _table(11, text.CHURN_TITLE, text.CHURN, sql, looks, empty=text.NO_CONTACTS_FOLLOWED, is_matured=False)


def _old() -> Panel:
    columns = {quoted(text.OPEN_AND_OLD): "old", quoted(text.THAN_HOURS): "seconds / 3600"}
    sql = select(columns, open_and_old(_NARROWED))
    looks = {text.OPEN_AND_OLD: _COUNT, text.THAN_HOURS: {"unit": "h", "decimals": 1}}
    about = text.OLD
    return _table(13, text.OLD_TITLE, about, sql, looks, empty=text.NO_TICKETS, width=12, height=5, is_matured=False)


DASHBOARD: Final = Dashboard(
    uid="worth",
    since="now-90d",
    refresh="15m",
    variables=[
        *variable.narrowings(query.FILTERS),
        variable.choice("within", text.WITHIN_LABEL, {str(days): f"{days}" for days in WITHIN_DAYS}, "30"),
        variable.choice("cap", text.CAP, {str(cap): f"{cap}" for cap in CAPS}, "100", takes_others=True),
        variable.zone(),
    ],
    rows=[
        [_lift(), _balance()],
        [_strategies(4, text.STRATEGIES_TITLE)],
        [_caps(6, text.CAPS_TITLE, text.CAPS, _CAP)],
        [_curves()],
        [_strategies(5, text.STRATEGY_PARTS_TITLE, *PARTS)],
        [
            _outcomes(9, By.PACE, text.PACE_TITLE, text.PACE, _took()),
            _outcomes(10, By.SCORE, text.SCORES_TITLE, text.SCORES, f"{list(text.SCORE_GROUPS)}[number + 1]"),
        ],
        [_churn()],
        [figure.number(12, _REFERRED, width=12), _old()],
        [_caps(7, text.OTHER_CAPS_TITLE, text.OTHER_CAPS, "")],
        [panel.words(8, text.DEFINITIONS, f"{text.WORTH}\n\n{text.definition(_REFERRED)}", height=11)],
    ],
)
