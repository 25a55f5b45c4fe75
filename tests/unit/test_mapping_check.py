"""`servicepulse mapping check` says what a mapping makes of a file and asks for what it leaves undecided."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from streams.cli.mapping import app
from streams.core.mapping.key import keys_of

MAPPING = """
source = "urn:test:desk"
ticket = "{Ticket}"
time = { from = "{When}", zone = "Europe/Rome" }
[[rule]]
name = "created"
event = "ticket.created"
data = { channel = "mail", created_by = "customer", team = "{Team}" }
"""
ROWS = "Ticket,When,Team\nT1,2024-05-02,a\nT2,2024-05-02T09:00,b\n"


def check(folder: Path, mapping: str, rows: str | bytes) -> Result:
    (folder / "map.toml").write_text(mapping)
    (folder / "desk.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    return CliRunner().invoke(app, ["check", str(folder / "map.toml"), str(folder / "desk.csv")])


def test_it_asks_for_the_key_of_rows_that_change_and_counts_what_was_read_in_between(tmp_path: Path) -> None:
    result = check(tmp_path, MAPPING, ROWS)
    assert result.exit_code == 0, result.output
    assert "which columns stay?" in result.output
    assert 'id = "{Ticket}"   tells all rows of this file apart' in result.output
    assert "1 dates without a time, read as the beginning of the day, such as '2024-05-02'" in result.output
    assert "ticket.created  2" in result.output


def test_a_key_is_told_and_asked_for_no_more(tmp_path: Path) -> None:
    result = check(tmp_path, 'id = "{Ticket}"' + MAPPING, ROWS)
    assert result.exit_code == 0
    assert "told apart by the columns of `id`" in result.output
    assert "which columns stay?" not in result.output


@pytest.mark.parametrize("place", ["id", "rule[1] (created).data.reason"])
def test_what_hangs_on_row_numbers_is_named(tmp_path: Path, place: str) -> None:
    mapping = 'id = "{$row}"' + MAPPING if place == "id" else MAPPING.replace('team = "{Team}"', 'reason = "{$row}"')
    result = check(tmp_path, mapping, ROWS)
    assert result.exit_code == 1
    assert f"`{place}` is made of row numbers ({{$row}})" in result.output


def test_rows_that_mostly_end_early_name_the_setting(tmp_path: Path) -> None:
    result = check(tmp_path, MAPPING, ROWS.replace(",a", "").replace(",b", ""))
    assert result.exit_code == 1
    assert 'say `missing_cells = "empty"` in [csv]' in result.output


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("Ticket;When;Team\n", "its columns are 'Ticket;When;Team'; it begins with the bytes b'Ticket;When;Team"),
        ("\ufeffTicket,When,Team\n".encode("utf-16-le"), 'UTF-16: say `encoding = "utf-16"` in [csv]'),
        ("sep=,\nTicket,When,Team\n", "say `delimiter = ','`, `preamble = 1`"),
        (b"PK\x03\x04rest\n", "a workbook of a spreadsheet: save it as CSV"),
    ],
)
def test_a_file_of_another_kind_is_shown_as_it_is(tmp_path: Path, content: str | bytes, shown: str) -> None:
    result = check(tmp_path, MAPPING, content)
    assert result.exit_code == 2
    assert shown in result.output


cells = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_keys_tell_all_rows_apart_and_none_is_larger_than_it_must_be(rows: list[tuple[str, str, str]]) -> None:
    keys = keys_of("xyz", rows)
    sizes = {len(key) for key in keys}
    assert len(sizes) <= 1
    for key in keys:
        places = ["xyz".index(column) for column in key]
        assert len({tuple(row[place] for place in places) for row in rows}) == len(rows)
        assert all(row[place] for row in rows for place in places)
    if not keys and rows:
        assert len(set(rows)) < len(rows) or any("" in row for row in rows)
