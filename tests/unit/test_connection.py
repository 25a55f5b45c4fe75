"""What we take for a server that will do, and how many ids one question names."""

import pytest
from clickhouse_connect.driver.binding import bind_query
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.call import MAX_FIELD_BYTES
from streams.sinks.clickhouse import portions
from streams.sinks.connection import LEAST_VERSION, refuse_old
from streams.store_error import StoreRejectedError

LEAST = ".".join(map(str, LEAST_VERSION))


@pytest.mark.parametrize("version", [f"{LEAST}.1.1", "26.8.19.9", "27.1.1.1", "26.10.1.1-testing"])
def test_a_server_that_is_new_enough_will_do(version: str) -> None:
    refuse_old(version)


@pytest.mark.parametrize("version", ["26.2.9.1", "25.12.1.1", "9.9.9", ""])
def test_an_older_server_is_refused_by_the_version_that_is_needed(version: str) -> None:
    with pytest.raises(StoreRejectedError, match=f"{LEAST} or newer is needed"):
        refuse_old(version)


# Text that is escaped, text of several bytes, and text as it usually is, at lengths that fill a field.
_TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.builds(str.__mul__, st.sampled_from(["\\", "'", "\n", "é", "漢", "a", "\\'\0"]), st.integers(1, 3_000)),
)


@given(st.lists(_TEXT, max_size=40).map(lambda texts: texts * 20), st.booleans())
def test_every_portion_of_ids_fits_into_a_field_and_together_they_are_all(ids: list[str], are_tuples: bool) -> None:
    named = [(id, id[:50], "x") for id in ids] if are_tuples else ids
    named_at_once = [list(portion) for portion in portions(named)]
    assert [id for portion in named_at_once for id in portion] == named
    sql = "SELECT {ids:Array(Tuple(String, String, String))}" if are_tuples else "SELECT {ids:Array(String)}"
    for portion in named_at_once:
        _, fields = bind_query(sql, {"ids": portion})
        assert len(fields["param_ids"].encode()) <= MAX_FIELD_BYTES
