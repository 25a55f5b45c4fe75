"""Macros expand as the plugin's own table says, and no value leaves its quotes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.macro import ALL, MacroError, built_in, expand, interpolate, interval_text

FROM_MS = 1_700_000_000_123
TO_MS = 1_700_086_400_456
NASTY = [
    "x",
    "O'Neill",
    "\\",
    "\\'",
    "'; DROP TABLE tickets --",
    "$__dateFilter(x)",
    "*/ 1",
    "a\nb",
    '"',
    "`",
    "",
    "日本",
]


def expanded(sql: str, interval_seconds: float = 30) -> str:
    return expand(sql, from_ms=FROM_MS, to_ms=TO_MS, interval_seconds=interval_seconds)


@pytest.mark.parametrize(
    ("macro", "sql"),
    [
        ("$__timeFilter(c)", "c >= toDateTime(1700000000) AND c <= toDateTime(1700086400)"),
        (
            "$__timeFilter_ms(c)",
            "c >= fromUnixTimestamp64Milli(1700000000123) AND c <= fromUnixTimestamp64Milli(1700086400456)",
        ),
        ("$__dateFilter(c)", "c >= toDate('2023-11-14') AND c <= toDate('2023-11-15')"),
        (
            "$__dateTimeFilter(d, c)",
            "(d >= toDate('2023-11-14') AND d <= toDate('2023-11-15')) AND "
            "(c >= toDateTime(1700000000) AND c <= toDateTime(1700086400))",
        ),
        ("$__fromTime", "toDateTime(1700000000)"),
        ("$__toTime()", "toDateTime(1700086400)"),
        ("$__fromTime_ms", "fromUnixTimestamp64Milli(1700000000123)"),
        ("$__toTime_ms", "fromUnixTimestamp64Milli(1700086400456)"),
        ("$__timeFrom(c)", "c >= toDateTime(1700000000)"),
        ("$__timeTo(c)", "c <= toDateTime(1700086400)"),
        ("$__timeInterval(c)", "toStartOfInterval(toDateTime(c), INTERVAL 30 second)"),
        ("$__timeInterval_ms(c)", "toStartOfInterval(toDateTime64(c, 3), INTERVAL 30000 millisecond)"),
        ("$__timeGroup(c,5m)", "toStartOfInterval(toDateTime(c), INTERVAL 300 second)"),
        ("$__timeGroup(c, 1h30m)", "toStartOfInterval(toDateTime(c), INTERVAL 5400 second)"),
        ("$__interval_s", "30"),
        ("$__interval", "30s"),
        ("$__interval_ms", "30000"),
    ],
)
def test_each_macro_expands_as_the_table_says(macro: str, sql: str) -> None:
    assert expanded(macro) == sql
    assert expanded(f"SELECT ({macro}) FROM t") == f"SELECT ({sql}) FROM t"


def test_both_names_of_the_date_and_time_filter_mean_the_same() -> None:
    assert expanded("$__dt(d,c)") == expanded("$__dateTimeFilter(d,c)")


def test_macros_expand_inside_of_macros() -> None:
    assert expanded("$__timeGroup(least(c, $__toTime), 1h)") == (
        "toStartOfInterval(toDateTime(least(c, toDateTime(1700086400))), INTERVAL 3600 second)"
    )


def test_comments_are_gone_before_macros_are_looked_for() -> None:
    assert expanded("SELECT 1 -- $__timeFilter(\n, 2 /* $__dt( */, '-- $__interval_s'") == "SELECT 1  \n, 2  , '-- 30'"


def test_unknown_macros_stay() -> None:
    assert expanded("$__lttb(a) $__fromTimes") == "$__lttb(a) $__fromTimes"


@pytest.mark.parametrize(
    "sql",
    ["$__timeFilter", "$__timeFilter()", "$__timeFilter(a, b)", "$__dt(a)", "$__timeGroup(c)", "$__timeFilter(a"],
)
def test_a_wrong_number_of_arguments_is_an_error(sql: str) -> None:
    with pytest.raises(MacroError, match=r"arguments|bracket"):
        expanded(sql)


@pytest.mark.parametrize("duration", ["1d", "5", "m", "5 m", "1h!"])
def test_only_durations_of_go_are_durations(duration: str) -> None:
    with pytest.raises(MacroError, match="duration"):
        expanded(f"$__timeGroup(c, {duration})")


@pytest.mark.parametrize(("seconds", "step"), [(0.2, "1"), (1, "1"), (59.9, "59"), (3600, "3600")])
def test_a_step_is_whole_seconds_and_at_least_one(seconds: float, step: str) -> None:
    assert expanded("$__interval_s", seconds) == step


@pytest.mark.parametrize(("seconds", "text"), [(0.5, "500ms"), (1, "1s"), (90, "1m"), (7200, "2h"), (172_800, "2d")])
def test_steps_are_written_in_the_largest_unit(seconds: float, text: str) -> None:
    assert interval_text(seconds) == text


# In the browser -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "filled"),
    [
        ("x IN (${team:singlequote})", "x IN ('a','b')"),
        ("x IN ($team)", "x IN ('a','b')"),
        ("x IN (${team})", "x IN ('a','b')"),
        ("x = ${zone:singlequote}", "x = 'Europe/Berlin'"),
        ("toTimeZone(x, '$zone')", "toTimeZone(x, 'Europe/Berlin')"),
        ("LIMIT $count", "LIMIT 5"),
        ("LIMIT ${count:raw}", "LIMIT 5"),
        ("x = ${empty:singlequote}", "x = ''"),
        ('"${zone}"', '"Europe/Berlin"'),
        ("$teams $unknown $__timeFilter(x) ${other:csv}", "$teams $unknown $__timeFilter(x) ${other:csv}"),
        ("1 -- $team\n", "1 -- $team\n"),
        ("$__from $__to $__interval ${__interval_ms}", "1700000000123 1700086400456 30s 30000"),
        ("$__interval_s $__fromTime", "$__interval_s $__fromTime"),
    ],
)
def test_variables_are_filled_in_by_their_format(sql: str, filled: str) -> None:
    given = {"team": ["a", "b"], "zone": "Europe/Berlin", "count": "5", "empty": ""}
    own = built_in(from_ms=FROM_MS, to_ms=TO_MS, interval_seconds=30)
    assert interpolate(sql, {**given, **own}) == filled


def test_a_condition_falls_away_when_all_or_nothing_is_chosen() -> None:
    sql = "WHERE $__conditionalAll(team IN (${team:singlequote}), $team) AND $__conditionalAll(f(a, b), ${other})"
    assert interpolate(sql, {"team": ["a"], "other": ["x"]}) == "WHERE team IN ('a') AND f(a, b)"
    assert interpolate(sql, {"team": [ALL], "other": ALL}) == "WHERE 1=1 AND 1=1"
    assert interpolate(sql, {"team": [], "other": ""}) == "WHERE 1=1 AND 1=1"


def test_conditions_may_stand_inside_of_conditions() -> None:
    sql = "$__conditionalAll(a IN ($a) OR $__conditionalAll(b IN ($b), $b), $a)"
    assert interpolate(sql, {"a": ["1"], "b": ["2"]}) == "a IN ('1') OR b IN ('2')"
    assert interpolate(sql, {"a": ["1"], "b": ALL}) == "a IN ('1') OR 1=1"
    assert interpolate(sql, {"a": ALL, "b": ["2"]}) == "1=1"


@pytest.mark.parametrize(
    "sql",
    [
        "$__conditionalAll(a)",
        "$__conditionalAll(a, b, $c)",
        "$__conditionalAll(a, c)",
        "$__conditionalAll(a, ${c:csv})",
    ],
)
def test_a_condition_needs_a_plain_variable(sql: str) -> None:
    with pytest.raises(MacroError, match="conditionalAll"):
        interpolate(sql, {"c": "1"})


def test_all_never_reaches_the_engine() -> None:
    with pytest.raises(MacroError, match="needs \\$__conditionalAll"):
        interpolate("x IN (${team:singlequote})", {"team": [ALL]})
    with pytest.raises(MacroError, match="needs \\$__conditionalAll"):
        interpolate("x IN ($team)", {"team": []})


@pytest.mark.parametrize("sql", ["'${v:singlequote}'", "'$list'", "${v:regex}", "`${v:doublequote}`"])
def test_formats_that_would_break_the_place_where_they_stand_are_refused(sql: str) -> None:
    with pytest.raises(MacroError):
        interpolate(sql, {"v": "x", "list": ["x"]})


@pytest.mark.parametrize("value", ["1 OR 1=1", "-1", "a)", "--", "/*", "'", "$x", "", "a b", "a;", "x\n", "١"])
@pytest.mark.parametrize("sql", ["LIMIT $v", "LIMIT ${v:raw}", "LIMIT ${v:csv}"])
def test_outside_of_quotes_only_numbers_and_words_are_let_in(value: str, sql: str) -> None:
    with pytest.raises(MacroError):
        interpolate(sql, {"v": value})


def meaning(literal: str) -> str:
    """Read a literal as ClickHouse does."""
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'", literal, re.DOTALL), f"{literal} is not one literal"
    named = {"n": "\n", "r": "\r", "t": "\t"}

    def letter(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else named.get(match[2], match[2])

    return re.sub(r"\\(?:x([0-9a-f]{2})|(.))", letter, literal[1:-1], flags=re.DOTALL)


values = st.one_of(st.sampled_from(NASTY), st.text(min_size=1)).filter(lambda value: value != ALL)


@given(values)
def test_a_value_stays_in_its_quotes_and_means_itself(value: str) -> None:
    for sql in ("${v:singlequote}", "'$v'", "'${v}'"):
        filled = interpolate(sql, {"v": value})
        assert meaning(filled) == value
        assert expanded(filled) == filled, "no macro and no comment is found in a value"


@given(st.lists(values, min_size=1, max_size=4))
def test_a_choice_of_several_values_is_as_many_literals(chosen: list[str]) -> None:
    (filled,) = {interpolate(sql, {"v": chosen}) for sql in ("$v", "${v}", "${v:singlequote}")}
    literals = re.findall(r"'(?:[^'\\]|\\.)*'", filled, re.DOTALL)
    assert ",".join(literals) == filled
    assert [meaning(literal) for literal in literals] == chosen


@given(values)
def test_a_value_in_the_argument_of_a_macro_stays_there(value: str) -> None:
    filled = expanded(interpolate("$__timeFrom(f(${v:singlequote}, 1))", {"v": value}))
    literal = filled.removeprefix("f(").removesuffix(", 1) >= toDateTime(1700000000)")
    assert meaning(literal) == value
