from deploy.embedded.statement import Kind, split


def test_a_quoted_table_name_does_not_hide_the_format_of_an_insert() -> None:
    statement = split(b"INSERT INTO `one` (`x`) FORMAT Native\n\x01data\n\n")
    assert (statement.kind, statement.format, statement.data) == (Kind.INSERT_DATA, "Native", b"\x01data\n\n")


def test_a_table_called_format_is_a_table() -> None:
    statement = split(b"INSERT INTO format FORMAT CSV\n1\n")
    assert (statement.sql, statement.format, statement.data) == (b"INSERT INTO format ", "CSV", b"1\n")
