"""Where a statement ends and the data of an INSERT begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.statement import Kind, split


@pytest.mark.parametrize(
    ("text", "sql", "form", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1\n", b"INSERT INTO t ", "CSV", b"1\n"),
        (b"INSERT INTO t FORMAT CSV 1\n", b"INSERT INTO t ", "CSV", b"1\n"),
        (b"INSERT INTO t FORMAT CSV;\n1", b"INSERT INTO t ", "CSV", b"1"),
        (b"INSERT INTO t FORMAT CSV\r\n\n1", b"INSERT INTO t ", "CSV", b"\n1"),
        (b"insert into t(a, b)format Native\n\x01\x00 FORMAT", b"insert into t(a, b)", "Native", b"\x01\x00 FORMAT"),
        (b"INSERT INTO `a FORMAT b` FORMAT TSV\n", b"INSERT INTO `a FORMAT b` ", "TSV", b""),
        (b"INSERT INTO format FORMAT TSV\n", b"INSERT INTO format ", "TSV", b""),
        (b"INSERT INTO db.values FORMAT TSV\n", b"INSERT INTO db.values ", "TSV", b""),
        (b"INSERT INTO TABLE values VALUES (1)", b"INSERT INTO TABLE values ", "Values", b" (1)"),
        (b"INSERT INTO FUNCTION file('FORMAT x') FORMAT TSV\n", b"INSERT INTO FUNCTION file('FORMAT x') ", "TSV", b""),
        (b"INSERT INTO t (`values`, format) VALUES (1, 2)", b"INSERT INTO t (`values`, format) ", "Values", b" (1, 2)"),
        (b"INSERT INTO t SETTINGS a = 'VALUES' FORMAT TSV\n", b"INSERT INTO t SETTINGS a = 'VALUES' ", "TSV", b""),
        (
            b"-- VALUES\n/* FORMAT */ INSERT INTO t FORMAT TSV\n1",
            b"-- VALUES\n/* FORMAT */ INSERT INTO t ",
            "TSV",
            b"1",
        ),
    ],
)
def test_an_insert_is_split_from_its_data(text: bytes, sql: bytes, form: str, data: bytes) -> None:
    statement = split(text)
    assert (statement.kind, statement.sql, statement.format) == (Kind.INSERT_DATA, sql, form)
    assert statement.data == data


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t SELECT * FROM s FORMAT x",
        b"INSERT INTO t (SELECT 1)",
        b"INSERT INTO t (a) WITH 1 AS a SELECT a",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"CREATE TABLE t (a Int8) ENGINE = Memory",
        b"SHOW TABLES",
        b"",
        b"  -- nothing",
    ],
)
def test_other_statements_stay_whole(text: bytes) -> None:
    assert (split(text).kind, split(text).sql) == (Kind.OTHER, text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"SELECT 1", None),
        (b"/* x */ with 1 as a select a format JSON", "JSON"),
        (b"(SELECT 1) UNION ALL (SELECT 2)\n FORMAT Native ; \n", "Native"),
        (b"SELECT 'FORMAT CSV'", None),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
    ],
)
def test_a_select_says_its_format(text: bytes, form: str | None) -> None:
    assert (split(text).kind, split(text).format) == (Kind.SELECT, form)


@given(name=st.text(), data=st.binary())
def test_any_data_behind_any_name_is_found_unchanged(name: str, data: bytes) -> None:
    quoted = name.replace("\\", "\\\\").replace("`", "\\`").encode(errors="replace")
    statement = split(b"INSERT INTO `%s` (a) FORMAT RowBinary\n%s" % (quoted, data))
    assert (statement.kind, statement.format, statement.data) == (Kind.INSERT_DATA, "RowBinary", data)


@given(st.binary())
def test_nothing_is_lost_from_any_text(text: bytes) -> None:
    statement = split(text)
    assert text.startswith(statement.sql)
    assert text.endswith(statement.data)
