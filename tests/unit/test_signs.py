"""What others wrote is shown as it is: no colours, no moved cursor, no markup of ours."""

import unicodedata
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from rich.text import Text

from streams.cli.signs import printable, printable_lines, shown


@given(st.text())
@example("\x1b[31mred\x1b[0m\r\x00\x9b2J")
@example("[bold]loud[/] [/]")
@example("a\nb\u202ec\u2066")
@example("ends with \\")
def test_nothing_that_others_wrote_is_more_than_text(text: str) -> None:
    lines = printable_lines(text)
    assert Text.from_markup(f"[bold]{shown(text)}[/] and more").plain == f"{lines} and more"
    assert lines.count("\n") == text.count("\n")
    assert "\n" not in printable(text)
    assert not [sign for sign in lines if unicodedata.category(sign) == "Cc" and sign != "\n"]
    assert not {"\u200e", "\u200f", "\u2028", "\u202e", "\u2066"} & set(lines)


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert printable("Rücksendungen – 退货 (north)") == "Rücksendungen – 退货 (north)"


def test_commands_escape_markup_by_nothing_else() -> None:
    commands = [*Path(__file__).parents[2].glob("streams/cli/*.py")]
    assert len(commands) > 20
    assert [one.name for one in commands if "rich.markup" in one.read_text()] == ["signs.py"]
