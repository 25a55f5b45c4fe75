"""Databases for the dashboards: a month of a desk beside the same month counted by hand, and none of anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards.month import Month, new_database, told
from tests.integration.conftest import Servers


@pytest.fixture(scope="session")
def month(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """Return a month of a desk, stored."""
    made = told(servers, tmp_path_factory.mktemp("month"))
    yield made
    made.remove()


@pytest.fixture(scope="session")
def nothing(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """Return a database that was set up and has no event yet."""
    made = new_database(servers, tmp_path_factory.mktemp("nothing"), [])
    yield made
    made.remove()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for rendered files."""
    return tmp_path / "json"
