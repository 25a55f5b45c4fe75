"""Of a list within a row only the columns are read that a question names."""

from streams.core.ask.narrow import narrowed


def test_of_a_list_only_the_columns_that_are_named_are_taken() -> None:
    asked = (
        "SELECT wait.answered_at, awaited.x FROM t ARRAY JOIN waits AS wait WHERE wait.started_at < wait.answered_at"
    )
    assert narrowed(asked) == (
        "SELECT wait.answered_at, awaited.x FROM t "
        "ARRAY JOIN waits.answered_at AS `wait.answered_at`, waits.started_at AS `wait.started_at` "
        "WHERE wait.started_at < wait.answered_at"
    )


def test_columns_that_a_query_within_names_are_taken_too() -> None:
    asked = (
        "SELECT cycle.a FROM t ARRAY JOIN cycles AS cycle WHERE 1 IN (SELECT cycle.b FROM t ARRAY JOIN cycles AS cycle)"
    )
    assert narrowed(asked).count("ARRAY JOIN cycles.a AS `cycle.a`, cycles.b AS `cycle.b`") == 2


def test_pairs_and_computed_lists_stay_as_they_are() -> None:
    asked = "SELECT span.1 FROM t ARRAY JOIN open AS span ARRAY JOIN wait.open AS other ARRAY JOIN [1, 2] AS number"
    assert narrowed(asked) == asked
