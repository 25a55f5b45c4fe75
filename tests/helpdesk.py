"""The real help-desk log: where it is, and the figures that were computed from it independently."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.space import ROOT

EVENTS = 31_149
"""What the mapping makes of the 21,348 rows."""

MAPPING = ROOT / "tests" / "mappings" / "helpdesk.toml"


def data_folder(name: str) -> Path:
    """Return a folder of real data; without it the test is skipped, under CI it fails."""
    folder = Path(os.environ.get("SERVICEPULSE_DATA", ROOT.parent / "shared" / "data")) / name
    if not folder.is_dir():
        missing = f"no real data at {folder}; set SERVICEPULSE_DATA to where they are"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


def reference() -> dict[str, Any]:
    """Return the independently computed figures."""
    figures: dict[str, Any] = json.loads((data_folder("helpdesk") / "reference.json").read_text())
    return figures
