"""The package of upstream services: of the same sources, under a name of its own, beside whatever they have."""

import json
import re
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.deploy.folder import ROOT
from tests.outbox import AT, FOLDER, Dying, backend, recipe_of

pytestmark = pytest.mark.weighty

HEAVY: Final = {"aiohttp", "aiokafka", "clickhouse_connect", "faust", "pydantic", "structlog", "tenacity", "typer"}
_SERVICE: Final = """
import json, sys
import schemas, streams.mine
from servicepulse_events.events import Party, TicketCreated
from servicepulse_events.publisher import Publisher
from servicepulse_events.event_form import EventForm
from datetime import UTC, datetime
told = TicketCreated(ticket_id="T", channel="web", created_by=Party.CUSTOMER)
event = EventForm("urn:x").read(EventForm("urn:x").written(told, id="1", time=datetime.now(UTC)))
loaded = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(json.dumps([schemas.MINE, streams.mine.MINE, event.subject, sorted(n for n in loaded if not n.startswith("_"))]))
"""

_ASYNC: Final = """
import json, sys
import servicepulse_events.async_publisher
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that has the package, as it would be installed."""
    folder = tmp_path_factory.mktemp("site")
    backend().generate(folder)
    return folder


def test_a_service_with_packages_of_our_names_keeps_its_own(site: Path, tmp_path: Path) -> None:
    for name in ("schemas", "streams"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"MINE = '{name} of the service'\n")
    (tmp_path / "streams" / "mine.py").write_text("MINE = 'a module of the service'\n")
    (tmp_path / "service.py").write_text(_SERVICE)
    environment = {"PYTHONPATH": f"{tmp_path}:{site}", "PATH": ""}
    command = [sys.executable, "-P", "service.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    mine, also_mine, subject, loaded = json.loads(done.stdout)
    assert (mine, also_mine, subject) == ("schemas of the service", "a module of the service", "T")
    assert not HEAVY & set(loaded)


def test_the_publisher_for_asyncio_needs_what_its_extra_brings_and_no_more(site: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(site), "PATH": ""}
    command = [sys.executable, "-P", "-c", _ASYNC]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert {"aiokafka", "msgspec", "servicepulse_events"} <= loaded
    assert not (HEAVY - {"aiokafka"}) & loaded


def test_it_is_typed_and_says_what_the_project_says(site: Path) -> None:
    assert (site / "servicepulse_events" / "py.typed").exists()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    light = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    assert light["version"] == project["version"]
    for requirement in [*light["dependencies"], *light["optional-dependencies"]["async"]]:
        assert requirement in project["dependencies"], requirement


def test_what_is_no_part_of_it_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = backend()
    monkeypatch.setitem(module.SOURCES, "schemas", ("codec",))
    monkeypatch.setattr(module, "_OURS", re.compile(r"\bschemas\.(?=codec\b)"))
    with pytest.raises(ValueError, match="is no part of servicepulse_events"):
        module.generate(tmp_path)


@pytest.fixture(scope="module")
def recipe(site: Path) -> Iterator[dict[str, Any]]:
    yield from recipe_of("outbox", site)


@given(dies_at=st.integers(0, 9))
def test_an_outbox_loses_nothing_wherever_the_relay_dies(recipe: dict[str, Any], dies_at: int) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE tickets (id TEXT PRIMARY KEY)")
    database.execute(recipe["TABLE"])
    for number in range(3):
        recipe["create_ticket"](database, f"T-{number}", AT)
    with pytest.raises(sqlite3.IntegrityError):
        recipe["create_ticket"](database, "T-1", AT)
    broker = Dying(dies_at)
    for _ in range(3):
        try:
            recipe["relay"](database, broker)
        except ConnectionError:
            continue
    assert set(broker.kept) == {f"created-T-{number}" for number in range(3)}
    assert database.execute("SELECT count(*) FROM outbox").fetchall() == [(0,)]
    database.close()
