"""A demo that is interrupted anywhere ends as well as one that is not."""

import subprocess
import sys
import textwrap

import pytest

from tests.space import ROOT

pytestmark = pytest.mark.weighty

SCRIPT = """
    import os, signal
    from streams.cli.demo import interrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        exec("os.kill(os.getpid(), signal.SIGINT); sum(range(1_000_000))")
    except KeyboardInterrupt:
        print("ended")
"""


def test_an_interrupt_within_an_import_is_an_ordinary_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr
