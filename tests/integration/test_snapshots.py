"""A weekly list of all tickets goes through command, broker, worker and ClickHouse: what stands is the truth."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.integration.conftest import Servers
from tests.properties.test_restating import LIST
from tests.snapshots import written
from tests.space import Space, new_space, wait_until

pytestmark = pytest.mark.integration

HEADER = "Ticket,Opened,Channel,Team,Customer,Agent,Solved,Score,Best,Refund"


def row(number: int, *, team: str = "red", score: int = 1, solved: str = "2024-01-20") -> list[str]:
    return [f"T{number}", "2024-01-10", "mail", team, f"c{number}", "ann", solved, str(score), "5", ""]


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Space]:
    with new_space(servers.kafka, servers.clickhouse, tmp_path) as space:
        space.started_worker()  # what nobody reads is no base for a comparison
        (tmp_path / "list.toml").write_text("snapshot = true\n" + LIST)
        yield space


def imported(desk: Space, folder: Path, rows: list[list[str]], *options: str) -> tuple[int, str]:
    (folder / "list.csv").write_text(written(HEADER, rows))
    done: CompletedProcess[bytes] = desk.run(
        "import", str(folder / "list.csv"), "--mapping", str(folder / "list.toml"), *options
    )
    wait_until(desk.is_quiet, "the workers have read it")  # the embedded broker is late to say where a topic ends
    return done.returncode, " ".join(done.stderr.decode().split())


def test_weekly_lists_amount_to_the_truth_and_each_import_says_what_it_did(desk: Space, tmp_path: Path) -> None:
    weeks = [row(number) for number in range(40)]
    code, told = imported(desk, tmp_path, weeks, "--as-of", "2024-02-01")
    assert (code, "New 160 events" in told) == (0, True), told

    better = [row(number, team="blue", score=4) if number < 20 else row(number) for number in range(40)]
    torn = [*better[:30], better[30][:3], better[30][3:], *better[31:]]
    code, told = imported(desk, tmp_path, torn, "--as-of", "2024-02-08")
    assert code == 1, told
    for words in ("Known 116 events", "Corrected 20 rows:", "20 rating.revised, 20 ticket.updated", "rejected 2"):
        assert words in told, told
    assert "vanished: T30: imported before" in told, told

    lost = [*better[:35], *better[36:]]
    code, told = imported(desk, tmp_path, lost, "--as-of", "2024-02-15")
    assert code == 1, told
    assert "vanished: T35: imported before, and not among the rows that can be read now" in told, told

    code, told = imported(desk, tmp_path, weeks, "--as-of", "2024-02-01")
    assert code == 0, told
    assert "Older 40 rows of which something newer is known" in told, told

    code, told = imported(desk, tmp_path, better, "--as-of", "2024-02-22")
    assert (code, "Known 160 events" in told, "Corrected" in told) == (0, True, False), told

    assert desk.query("SELECT team, ratings.raw[1], count() FROM tickets FINAL GROUP BY ALL ORDER BY team") == [
        ("blue", 4.0, 20),
        ("red", 1.0, 20),
    ]
    assert desk.value("SELECT count() FROM dead_letters FINAL") == 0
