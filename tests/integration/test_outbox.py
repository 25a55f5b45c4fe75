"""The recipe of the outbox on PostgreSQL itself: nothing is lost or held up, whoever dies or is late."""

from collections.abc import Iterator
from threading import Thread
from typing import Any, Final

import psycopg
import pytest

from tests.outbox import AT, Dying, recipe_of
from tests.postgres import opened, postgres, programs

BIN: Final = programs()
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BIN is None, reason="PostgreSQL is not installed (Debian: apt install postgresql)"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    assert BIN is not None
    with postgres(BIN) as address:
        yield address


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    yield from recipe_of("outbox on PostgreSQL", tmp_path_factory.mktemp("site"))


@pytest.fixture
def database(address: str, recipe: dict[str, Any]) -> "Iterator[psycopg.Connection[Any]]":
    """Return a connection to empty tables."""
    with opened(address) as database:
        database.execute("DROP TABLE IF EXISTS tickets, outbox")
        database.execute("CREATE TABLE tickets (id TEXT PRIMARY KEY)")
        database.execute(recipe["TABLE"])
        yield database


def left(database: "psycopg.Connection[Any]") -> int:
    return int(database.execute("SELECT count(*) FROM outbox").fetchall()[0][0])


@pytest.mark.parametrize("dies_at", range(8))
def test_nothing_is_lost_wherever_the_relay_dies(
    database: "psycopg.Connection[Any]", recipe: dict[str, Any], dies_at: int
) -> None:
    for number in range(3):
        recipe["create_ticket"](database, f"T-{number}", AT)
    with pytest.raises(psycopg.errors.UniqueViolation):
        recipe["create_ticket"](database, "T-1", AT)
    broker = Dying(dies_at)
    for _ in range(3):
        try:
            recipe["relay"](database, broker)
        except ConnectionError:
            continue
    assert set(broker.kept) == {f"created-T-{number}" for number in range(3)}
    assert left(database) == 0


def test_an_event_that_is_committed_after_a_later_one_is_relayed_then(
    database: "psycopg.Connection[Any]", address: str, recipe: dict[str, Any]
) -> None:
    broker = Dying(-1)
    with opened(address) as slow:
        with slow.transaction():
            recipe["create_ticket"](slow, "T-slow", AT)
            recipe["create_ticket"](database, "T-quick", AT)
            assert recipe["relay"](database, broker) == 1
        assert recipe["relay"](database, broker) == 1
    assert broker.kept == ["created-T-quick", "created-T-slow"]


def test_a_second_relay_takes_what_the_first_has_not_in_hand_and_waits_for_nothing(
    database: "psycopg.Connection[Any]", address: str, recipe: dict[str, Any]
) -> None:
    recipe["create_ticket"](database, "T-1", AT)
    second = Dying(-1)

    class Slow(Dying):
        def flush(self) -> None:
            recipe["create_ticket"](other, "T-2", AT)
            relaying = Thread(target=recipe["relay"], args=(other, second))
            relaying.start()
            relaying.join(60)
            assert not relaying.is_alive()
            super().flush()

    with opened(address) as other:
        first = Slow(-1)
        recipe["relay"](database, first)
    assert (first.kept, second.kept, left(database)) == (["created-T-1"], ["created-T-2"], 0)


def test_a_relay_that_is_cut_off_before_it_forgets_leaves_its_events_for_the_next(
    database: "psycopg.Connection[Any]", address: str, recipe: dict[str, Any]
) -> None:
    recipe["create_ticket"](database, "T-1", AT)

    class CutOff(Dying):
        def flush(self) -> None:
            super().flush()
            database.execute("SELECT pg_terminate_backend(%s)", [dying.info.backend_pid])

    with pytest.raises(psycopg.OperationalError), opened(address) as dying:
        recipe["relay"](dying, CutOff(-1))
    broker = Dying(-1)
    assert (recipe["relay"](database, broker), broker.kept) == (1, ["created-T-1"])
