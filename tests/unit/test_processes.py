"""Whoever starts a process ends and reaps it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import Process

pytestmark = pytest.mark.weighty

TESTS = Path(__file__).parent.parent
KEEPERS = {"process.py", "forks.py", "space.py", "kafka/broker.py", "chaos/servers.py", "chaos/before.py"}
"""Where objects keep processes longer than a block, and reap them when they are removed."""
STARTS = ("Popen", "Process", "new_space")


def test_a_process_ends_with_its_block_though_a_test_fails() -> None:
    with (
        pytest.raises(AssertionError, match="some claim"),
        Process([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process,
    ):
        raise AssertionError("some claim")
    assert process.returncode == -9


def test_one_that_has_ended_keeps_its_exit_code() -> None:
    with Process([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        process.wait()
    assert process.returncode == 3


def test_tests_start_processes_and_spaces_in_blocks_that_end_them() -> None:
    stray = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in TESTS.rglob("*.py")
        if str(path.relative_to(TESTS)) not in KEEPERS
        for line in _stray(path.read_text())
    ]
    assert not stray, "use tests.process.Process in a `with`: nobody reaps these when a test fails"


def _stray(text: str) -> Iterator[int]:
    """Yield the lines where something is started that no block ends."""
    if not any(name in text for name in STARTS):
        return
    tree = ast.parse(text)
    blocks = [item.context_expr for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items]
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    entered = [argument for call in _calls(tree, "enter_context") for argument in call.args]
    kept = {id(node) for node in (*blocks, *returned, *entered)}
    yield from (call.lineno for call in _calls(tree, *STARTS[:1]))
    yield from (call.lineno for call in _calls(tree, *STARTS[1:]) if id(call) not in kept)


def _calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            of = (
                node.func.value.id
                if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
                else ""
            )
            if name in names and of != "psutil":
                yield node
