"""A cell is read as exactly what it says; what says less is refused, or counted with an example and its setting."""

import io

import pytest

from streams.core.mapping import MappingError, Notes, TableError, table_of
from streams.core.mapping.document import Dialect, Time
from streams.core.mapping.fault import RowError
from streams.core.mapping.instant import reader_of
from streams.core.mapping.number import number_of
from streams.core.mapping.zone import TimeSettingError
from tests.mappings import imported, outcomes_of, plan_for, rejections_of
from tests.unit.test_mapping import HEAD, created, events, rejection, rule, single, table

NOTE = 'message_id = "{$id}", direction = "in", visibility = "public", sender_type = "customer"'


def read(text: str, format: str, more: dict[str, object] | None = None) -> str:
    time = Time.model_validate({"from": "{x}", "format": format, "zone": "Europe/Rome"} | (more or {}))
    return reader_of(time)(text).isoformat()


# Times

ZONED = "%Y-%m-%d %H:%M:%S %Z"


@pytest.mark.parametrize(
    ("text", "format", "zones", "expected"),
    [
        ("2024-07-04 09:00:00 UTC", ZONED, {}, "2024-07-04T09:00:00+00:00"),
        ("2024-07-04 09:00:00 GMT", ZONED, {}, "2024-07-04T09:00:00+00:00"),
        ("2024-07-04 09:00:00 CEST", ZONED, {"CEST": "+02:00", "CET": "+01:00"}, "2024-07-04T09:00:00+02:00"),
        ("2024-01-04 09:00:00 CET", ZONED, {"CEST": "+02:00", "CET": "+01:00"}, "2024-01-04T09:00:00+01:00"),
        ("2024-07-04 09:00:00 ET", ZONED, {"ET": "America/New_York"}, "2024-07-04T09:00:00-04:00"),
        ("Thu Jul 04 09:00:00 EST 2024", "%a %b %d %H:%M:%S %Z %Y", {"EST": "-05:00"}, "2024-07-04T09:00:00-05:00"),
    ],
)
def test_a_zone_named_in_the_cell_is_the_zone_of_the_time(
    text: str, format: str, zones: dict[str, str], expected: str
) -> None:
    assert read(text, format, {"zones": zones}) == expected


@pytest.mark.parametrize("name", ["CEST", "CET", "IST", "local"])
def test_a_zone_that_the_mapping_does_not_explain_is_refused_on_every_machine(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.tzname", ("CET", "CEST"))
    with pytest.raises(RowError, match=r"names no time zone that is known .*`zones = \{ CEST"):
        read(f"2024-07-04 09:00:00 {name}", ZONED)


@pytest.mark.parametrize(
    ("text", "format", "complaint"),
    [
        ("1.76417E+12", "unix_ms", "was rounded by a spreadsheet"),
        ("1.7641E+09", "unix", "was rounded by a spreadsheet"),
        ("1719828000", "unix_ms", r"are these seconds \(`unix`\)"),
        ("1719828000000", "unix", r"are these milliseconds \(`unix_ms`\)"),
        ("1_719_828_000", "unix", "is no number of seconds"),
        ("nan", "unix", "is no number of seconds"),
        ("45477.375", "%Y-%m-%d", 'say `format = "excel"`'),
        ("2024-07-04", "excel", "is no number of days"),
        ("20240704", "excel", "beyond the days that spreadsheets count"),
    ],
)
def test_a_number_that_may_be_another_time_is_refused(text: str, format: str, complaint: str) -> None:
    with pytest.raises(RowError, match=complaint):
        read(text, format)


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        ("1719828000250", "unix_ms", "2024-07-01T10:00:00.250000+00:00"),
        ("1719828000.123456", "unix", "2024-07-01T10:00:00.123456+00:00"),
        ("1719828000,5", "unix", "2024-07-01T10:00:00.500000+00:00"),
        ("45477.375", "excel", "2024-07-04T09:00:00+02:00"),
        ("45477,375", "excel", "2024-07-04T09:00:00+02:00"),
        ("45477.37512", "excel", "2024-07-04T09:00:10+02:00"),
        ("45477.3751157407", "excel", "2024-07-04T09:00:10+02:00"),
        ("45477", "excel", "2024-07-04T00:00:00+02:00"),
        ("44015.375", "excel_1904", "2024-07-04T09:00:00+02:00"),
    ],
)
def test_counted_times_are_read_to_the_last_digit(text: str, format: str, expected: str) -> None:
    assert read(text, format) == expected


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        ("2024-07-04T24:00", "iso", "2024-07-05T00:00:00+02:00"),
        ("2024-12-31 24:00:00", "iso", "2025-01-01T00:00:00+01:00"),
        ("04/07/2024 24:00", "%d/%m/%Y %H:%M", "2024-07-05T00:00:00+02:00"),
        ("24.07.2024 24:00", "%d.%m.%Y %H:%M", "2024-07-25T00:00:00+02:00"),
    ],
)
def test_the_hour_24_begins_the_next_day_if_the_mapping_says_so(text: str, format: str, expected: str) -> None:
    assert read(text, format, {"hour_24": "next_day"}) == expected
    with pytest.raises(RowError, match=r"is no time .*hour_24 = \"next_day\""):
        read(text, format)


def test_nothing_lies_after_the_hour_24() -> None:
    with pytest.raises(RowError, match="after the end of its day"):
        read("2024-07-04T24:30", "iso", {"hour_24": "next_day"})


@pytest.mark.parametrize(
    ("format", "complaint"),
    [("%Y-%m-%d %I:%M", "add %p"), ("%Y-%W", "read as the year alone"), (ZONED, "no time zone 'Mars'")],
)
def test_a_format_in_which_something_would_be_dropped_is_refused(format: str, complaint: str) -> None:
    with pytest.raises(TimeSettingError, match=complaint):
        read("", format, {"zones": {"X": "Mars"}})


def test_what_was_read_though_the_cell_says_less_is_counted_with_an_example_and_its_setting() -> None:
    head = HEAD.replace("%Y-%m-%d %H:%M", "iso").replace("+01:00", "Europe/Rome") + 'nonexistent = "shift"\n'
    rows = ["2024-07-04", "2024-07-05", "2024-10-27T02:30", "2024-03-31T02:30", "2024-07-04T00:00"]
    plan = plan_for(head + rule(data=NOTE), table(*(f"T,{when},x," for when in rows)))
    assert [(note.kind, note.number, note.example, note.setting) for note in plan.notes] == [
        (
            "dates without a time, read as the beginning of the day",
            2,
            "2024-07-04",
            "`from` and `format` in [time]",
        ),
        ("local times that happened twice, read as the earlier", 1, "2024-10-27 02:30:00", "`ambiguous` in [time]"),
        (
            "local times that never happened, moved forward",
            1,
            "2024-03-31 02:30:00",
            "`nonexistent` in [time]",
        ),
    ]


def test_a_month_without_a_day_is_counted() -> None:
    notes = Notes()
    time = Time.model_validate({"from": "{x}", "format": "%Y-%m", "zone": "UTC"})
    assert reader_of(time, notes)("2024-07").day == 1
    assert [note.kind for note in notes] == ["times without a day, read as the first"]


# Numbers


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "expected"),
    [
        ("1,234.50", ".", ",", "1234.50"),
        ("-1.234.567,5", ",", ".", "-1234567.5"),
        ("1 234", ".", " ", "1234"),
        ("1\u202f234,5", ",", " ", "1234.5"),
        ("1'234", ".", "'", "1234"),
        ("12", ".", ",", "12"),
    ],
)
def test_thousands_can_be_divided(text: str, decimal: str, thousands: str, expected: str) -> None:
    assert str(number_of(text, decimal, thousands)) == expected


@pytest.mark.parametrize("text", ["1,23.4", "12,34", "1,2345", ",123", "1,234,56"])
def test_what_does_not_divide_groups_of_three_divides_no_thousands(text: str) -> None:
    with pytest.raises(RowError, match="is no number"):
        number_of(text, ".", ",")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,234.50", "if ',' divides thousands, say `thousands = \",\"`"),
        ("€ 12.50", "if '€' is the currency, give the field `sign = \"€\"`"),
        ("12.50 EUR", "if 'EUR' is the currency"),
        ("twelve", ""),
    ],
)
def test_a_number_that_cannot_be_read_names_the_setting_that_it_may_lack(text: str, hint: str) -> None:
    with pytest.raises(RowError) as raised:
        number_of(text, ".")
    assert str(raised.value).partition("; ")[2].startswith(hint)
    assert bool(str(raised.value).partition("; ")[2]) is bool(hint)


@pytest.mark.parametrize("written", ["1.76417E+12", "1.5E+11"])
def test_a_number_that_a_spreadsheet_rounded_is_refused(written: str) -> None:
    with pytest.raises(RowError, match="rounded by a spreadsheet"):
        number_of(written, ".")


def test_a_number_too_short_for_a_spreadsheet_to_round_is_what_it_says() -> None:
    assert number_of("1.5E+10", ".") == 15_000_000_000
    assert number_of("1e2", ".") == 100


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("€ 12.50", 1250), ("12.50€", 1250), ("-€12.50", -1250), ("€ -12.50", -1250), ("12.50 EUR", 1250), ("7", 700)],
)
def test_an_amount_may_bear_the_sign_of_its_currency(cell: str, amount: int) -> None:
    mapping = HEAD + rule(
        event="compensation.granted",
        data='compensation_id = "c", kind = "refund", currency = "EUR", '
        'amount = { from = "{Extra}", decimals = 2, sign = ["€", "EUR"] }',
    )
    assert single(mapping, f"T,2024-01-02 03:04,x,{cell}")["data"]["amount"] == amount


def test_thousands_are_the_files_and_hold_in_conditions_too() -> None:
    mapping = HEAD + '[csv]\nthousands = ","\n' + rule(data=NOTE, more="when = { Extra = { above = 1000 } }")
    found = imported(mapping, table('T,2024-01-02 03:04,x,"1,234.5"', "T,2024-01-02 03:05,x,999"))
    assert [event.row for event in found] == [1]
    with pytest.raises(MappingError, match="both"):
        imported(mapping.replace('","', '"."'), table())


# Lists


def test_a_list_inside_a_cell_is_named_and_can_be_taken_apart() -> None:
    cell = 'T,2024-01-02 03:04,x,"[""day"", ""night""]"'
    field = 'team = {{ from = "{{Extra}}", {} }}'
    taken = created(field.format('separator = "json", item = -1'))
    assert single(taken, cell)["data"]["team"] == "night"
    assert 'give the field `separator = "json"`' in rejection(created(field.format("item = 1")), cell)
    assert "is no JSON list" in rejection(taken, "T,2024-01-02 03:04,x,[day")
    second = created(field.format('separator = "|", item = 2, default = "none"'))
    assert single(second, "T,2024-01-02 03:04,x,day | night")["data"]["team"] == "night"
    assert single(second, "T,2024-01-02 03:04,x,day")["data"]["team"] == "none"


# Rows


def test_lines_before_the_header_are_left_out_if_the_mapping_says_how_many() -> None:
    text = f"Report of the desk\n\n{table('T,2024-01-02 03:04,x,', 'T,never,x,')}"
    found = outcomes_of(HEAD + "[csv]\npreamble = 2\n" + rule(data=NOTE), text)
    assert list(rejections_of(found)) == [5]
    assert found[0].record.line == 4


@pytest.mark.parametrize(("delimiter", "line"), [(",", "sep=;"), (";", "sep=;"), (",", "sep=,")])
def test_a_first_line_that_names_the_delimiter_is_named(delimiter: str, line: str) -> None:
    with pytest.raises(TableError, match=rf"say `delimiter = '{line[-1]}'`, `preamble = 1`"):
        table_of(io.StringIO(f"{line}\na;b\n"), Dialect(delimiter=delimiter))


def test_a_delimiter_at_the_end_of_every_row_is_named_and_can_be_allowed() -> None:
    rows = table("T,2024-01-02 03:04,x,y,", "T,2024-01-02 03:04,x,y,z")
    said = "5 cells instead of 4"
    hint = "; if every row ends in a delimiter, say `trailing_delimiter = true` in [csv]"
    assert rejections_of(outcomes_of(HEAD + rule(data=NOTE), rows)) == {2: said + hint, 3: said}
    allowed = outcomes_of(HEAD + "[csv]\ntrailing_delimiter = true\n" + rule(data=NOTE), rows)
    assert rejections_of(allowed) == {3: said}


def test_rows_that_end_early_can_be_filled_and_are_counted() -> None:
    mapping = HEAD + '[csv]\nmissing_cells = "empty"\n' + rule(data=NOTE)
    rows = table("T,2024-01-02 03:04", "T,2024-01-02 03:05,x,")
    assert [event["importrow"] for event in events(imported(mapping, rows))] == [1, 2]
    [note] = plan_for(mapping, rows).notes
    assert (note.number, note.example, note.setting) == (1, "T,2024-01-02 03:04", "`missing_cells` in [csv]")
