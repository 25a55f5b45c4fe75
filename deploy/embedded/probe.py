"""Knows how to ask a service whether it works and is the very process that we started, not a stranger on its port."""

import contextlib
import http.client
import socket

HOST = "127.0.0.1"
PID_HEADER = "X-Service-Pid"
TIMEOUT_SECONDS = 3.0


def cluster_id(pid: int) -> str:
    """Return the cluster id of the broker that the process `pid` runs.

    The broker's log lives in memory, so each start is a new cluster.
    """
    return f"servicepulse-{pid}"


def is_broker_healthy(port: int, pid: int) -> bool:
    """Return whether the broker of process `pid` answers a metadata request on this port."""
    # kafka-python takes 0.2 s to import: only whoever probes pays for it.
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    if not _is_open(port):
        # The client would retry for seconds and log each try.
        return False
    milliseconds = int(TIMEOUT_SECONDS * 1000)
    try:
        client = KafkaAdminClient(
            bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=milliseconds, bootstrap_timeout_ms=milliseconds
        )
    except (KafkaError, OSError):
        return False
    try:
        return bool(client.describe_cluster()["cluster_id"] == cluster_id(pid))
    except (KafkaError, OSError):
        return False
    finally:
        client.close()


def is_clickhouse_healthy(port: int, pid: int) -> bool:
    """Return whether the ClickHouse engine of process `pid` answers on this port."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/ping")
            answer = connection.getresponse()
            return answer.status == http.HTTPStatus.OK and answer.headers[PID_HEADER] == str(pid)
        except (OSError, http.client.HTTPException):
            return False


def free_port(wanted: int) -> int:
    """Return `wanted` when nothing listens there, else a port that is free now."""
    for port in (wanted, 0):
        with socket.socket() as candidate, contextlib.suppress(OSError):
            # As the services do: connections of a former run that still linger are not in the way.
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind((HOST, port))
            return int(candidate.getsockname()[1])
    raise OSError(f"no free port on {HOST}")


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), TIMEOUT_SECONDS):
        return True
    return False
