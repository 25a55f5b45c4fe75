"""An environment with a worker's requirements alone: the worker is whole there, and runs on the real urllib3."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.space import ROOT

_ASYNC = """
import importlib.metadata, json
from servicepulse_events.async_publisher import AsyncPublisher
print(json.dumps(sorted(one.metadata["Name"].lower() for one in importlib.metadata.distributions())))
"""
_PROBE = """
import importlib.metadata, importlib.util, json, sys
import streams.worker, streams.cli, urllib3
from clickhouse_connect.driver import httputil
print(json.dumps({
    "urllib3": urllib3.__version__, "installed": importlib.metadata.version("urllib3"),
    "driver's": httputil.PoolManager is urllib3.PoolManager,
    "others": [name for name in ("niquests", "urllib3_future", "grafana_client", "plotly", "chdb", "pytest")
               if importlib.util.find_spec(name)],
}))
"""


@pytest.mark.lengthy
def test_a_worker_needs_its_extra_alone_and_runs_on_the_real_urllib3(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", f"{ROOT}[worker]"]
    subprocess.run([python, *install], check=True, stdout=sys.stderr)
    told = subprocess.run([python, "-c", _PROBE], check=True, capture_output=True, text=True, cwd=tmp_path)
    found = json.loads(told.stdout)
    assert found == {"urllib3": found["installed"], "installed": found["installed"], "driver's": True, "others": []}


@pytest.mark.lengthy
def test_an_upstream_service_on_asyncio_installs_the_contract_and_its_clients_alone(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{ROOT}/deploy/events[async]"]
    subprocess.run([python, *install], check=True, stdout=sys.stderr)
    told = subprocess.run([python, "-c", _ASYNC], check=True, capture_output=True, text=True, cwd=tmp_path)
    clients = {"aiokafka", "async-timeout", "packaging", "typing_extensions"}
    assert set(json.loads(told.stdout)) - {"pip", "setuptools"} - clients == {
        "kafka-python", "msgspec", "servicepulse-events",
    }  # fmt: skip
