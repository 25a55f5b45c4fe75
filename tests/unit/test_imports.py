"""Importing a module does nothing: no socket, no process, no Faust app."""

import subprocess
import sys

import pytest

from tests.space import ROOT

pytestmark = pytest.mark.weighty

_PROBE = """
import importlib, pkgutil, socket, subprocess, sys, threading

import aiohttp, clickhouse_connect, faust.app.base, kafka  # what libraries do is theirs: one asks the platform its name

def refuse(*_, **__):
    raise AssertionError("importing must not do this")

socket.socket.connect = refuse
socket.socket.bind = refuse
subprocess.Popen.__init__ = refuse
faust.app.base.App.__init__ = refuse
before = set(threading.enumerate())
names = []
for package in ("schemas", "streams", "dashboards", "deploy"):
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            names.append(module.name)
assert set(threading.enumerate()) == before, "a thread was started"
print(len(names))
"""


def test_importing_any_module_opens_no_socket_and_builds_no_app() -> None:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 30, "too few modules were found to prove anything"


@pytest.mark.parametrize("bad", ["socket.socket().bind(('127.0.0.1', 0))", "subprocess.Popen(['true'])"])
def test_the_probe_notices_what_it_looks_for(bad: str) -> None:
    probe = _PROBE.replace("names = []", bad)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "importing must not do this" in done.stderr
