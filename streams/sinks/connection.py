"""How we reach ClickHouse, and what its errors mean for us."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from clickhouse_connect import get_client
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, OperationalError
from urllib3.exceptions import HTTPError, PoolError, ReadTimeoutError

from streams.settings import Settings
from streams.store_error import StoreOverloadedError, StoreRejectedError, StoreUnavailableError

_TRANSIENT: Final = frozenset({
    74,   # CANNOT_READ_FROM_FILE_DESCRIPTOR
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    225,  # NO_ZOOKEEPER
    236,  # ABORTED
    242,  # TABLE_IS_READ_ONLY
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS
    279,  # ALL_CONNECTION_TRIES_FAILED
    285,  # TOO_FEW_LIVE_REPLICAS
    286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    289,  # REPLICA_IS_NOT_IN_QUORUM
    319,  # UNKNOWN_STATUS_OF_INSERT
    394,  # QUERY_WAS_CANCELLED
    425,  # SYSTEM_ERROR
    439,  # CANNOT_SCHEDULE_TASK
    999,  # KEEPER_EXCEPTION
})  # fmt: skip
"""Codes of ClickHouse that go away by waiting. https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp"""

_TOO_MUCH: Final = frozenset({
    159,  # TIMEOUT_EXCEEDED
    160,  # TOO_SLOW
    173,  # CANNOT_ALLOCATE_MEMORY
    241,  # MEMORY_LIMIT_EXCEEDED
    307,  # TOO_MANY_BYTES
    396,  # TOO_MANY_ROWS_OR_BYTES
})  # fmt: skip
"""Codes that less at once may avoid. Those of memory come as well when others have taken it all."""
_TOO_LARGE_TO_SEND: Final = "HTTP driver received HTTP status 413"
"""What a load balancer before ClickHouse answers; it knows no codes."""

HOW_TO_BEGIN: Final = (
    "`servicepulse demo` plays eleven weeks of a simulated service desk. Your own come in by `servicepulse import` "
    "and `servicepulse publish`, or from any producer of CloudEvents on Kafka, while `servicepulse worker` runs."
)
_UNKNOWN_DATABASE: Final = 81
_UNKNOWN_TABLE: Final = 60
_NOT_MADE: Final = {
    _UNKNOWN_DATABASE: f"No events yet: no worker has made the database. {HOW_TO_BEGIN}",
    _UNKNOWN_TABLE: f"No worker of this version has made its tables yet, nor `servicepulse migrate`. {HOW_TO_BEGIN}",
}
_URL: Final = re.compile(r" (with url:|\(for url) \S+")
CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 300

LEAST_VERSION: Final = (26, 3)
"""The oldest ClickHouse that the migrations and every statement were tried on: a long-term release."""
FIELD_BYTES: Final = 100_000
"""A parameter travels in a form field, of which ClickHouse takes 128 KiB (`http_max_field_value_size`)."""
_EACH_WRITE: Final = {
    "async_insert": 0,
    "insert_deduplicate": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 0,
}
"""A write that a server takes for the repetition of an earlier one is left out, also from views that the earlier one
failed to fill. Here every table replaces rows by identity and version: writing twice changes nothing, and so nothing is
taken for a repetition. Nor is anything acknowledged that only lies in a server's buffer."""
_SINCE_26_2: Final = {"deduplicate_insert": "disable", "deduplicate_insert_select": "disable"}

_HAS_TABLE: Final = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {name:String}"
_HAS_ROWS: Final = """
SELECT count() FROM system.tables
WHERE database = {database:String} AND name != 'schema_migrations' AND total_rows > 0
"""


def connect(settings: Settings) -> Client:
    """Return a client of ClickHouse; threads may share it, each query takes a connection of its own.

    Raises:
        StoreUnavailableError: When nobody answers.
        StoreRejectedError: When the login is refused, no address is set, or the server is too old.
        SettingsError: When the certificate authority cannot be read.
    """
    if settings.clickhouse is None:
        raise StoreRejectedError("no ClickHouse is set: start the embedded one with `servicepulse up`")
    _spare_frames()
    url = urlsplit(settings.clickhouse)
    ca_file = settings.readable("clickhouse_ca_file")
    password = settings.clickhouse_password
    with named_errors():
        client = get_client(
            host=url.hostname,
            port=url.port,
            interface=url.scheme,
            username=settings.clickhouse_username,
            password=password.get_secret_value() if password else "",
            ca_cert=str(ca_file) if ca_file else None,
            autogenerate_session_id=False,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=ANSWER_SECONDS,
            client_name="servicepulse",
            form_encode_query_params=True,  # load balancers refuse the URL that a few hundred ids would make
            settings=_EACH_WRITE | (_quorum() if settings.clickhouse_replicated else {}),
        )
    refuse_old(client.server_version or "")
    for name, value in _SINCE_26_2.items():
        if name in client.server_settings:
            client.set_client_setting(name, value)
    client.database = settings.database  # not given above: it may have to be made first
    return client


def has_table(client: Client, name: str) -> bool:
    """Tell whether the database of a client has a table; also where nobody has made the database.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    parameters = {"database": client.database, "name": name}
    with named_errors():
        return bool(client.command(_HAS_TABLE, parameters=parameters, use_database=False))


def has_rows(client: Client) -> bool:
    """Tell whether anything is stored in the database of a client but its own history.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    with named_errors():
        return bool(client.command(_HAS_ROWS, parameters={"database": client.database}, use_database=False))


def refuse_old(version: str) -> None:
    """Do nothing when a server of this version will do.

    Raises:
        StoreRejectedError: When it is older than what was tried.
    """
    found = tuple(int(number) for number in version.split(".")[:2] if number.isdecimal())
    if found < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise StoreRejectedError(f"ClickHouse {version} is too old: {least} or newer is needed, upgrade the server")


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what the driver raises into an error that says whether to wait or to stop.

    Raises:
        StoreOverloadedError: When it was too much at once.
        StoreUnavailableError: When trying later may help.
        StoreRejectedError: When it will not.
    """
    try:
        yield
    except (HTTPError, ConnectionError, TimeoutError) as error:
        raise StoreUnavailableError(_sentence(error)) from error
    except ClickHouseError as error:
        if _is_too_much(error):
            raise StoreOverloadedError(_sentence(error)) from error
        if _is_transient(error):
            raise StoreUnavailableError(_sentence(error)) from error
        raise StoreRejectedError(_sentence(error)) from error


def _is_too_much(error: ClickHouseError) -> bool:
    code = error.code if isinstance(error, Error) else None
    if code is not None:
        return code in _TOO_MUCH
    return str(error).startswith(_TOO_LARGE_TO_SEND) or any(
        isinstance(cause, ReadTimeoutError) for cause in _causes(error)
    )


def _is_transient(error: ClickHouseError) -> bool:
    code = error.code if isinstance(error, Error) else None
    return code in _TRANSIENT or (code is None and isinstance(error, OperationalError))


def _sentence(error: Exception) -> str:
    """Return what is wrong: who does not answer, what was never made, else the first line of the error.

    That line goes without its URL, which is long, and whose parameters are nobody's business.
    """
    if isinstance(error, Error) and error.code in _NOT_MADE:
        return _NOT_MADE[error.code]
    causes = list(_causes(error))
    if pool := next((cause.pool for cause in causes if isinstance(cause, PoolError)), None):
        reason = getattr(causes[-1], "strerror", None) or causes[-1]
        return f"no ClickHouse answers at {pool.scheme}://{pool.host}:{pool.port}: {reason}"
    first_line = str(error).strip().split("\n")[0]
    return _URL.sub("", first_line)[:500] or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _spare_frames() -> None:
    """Let the driver take numpy and pandas for not installed: it would import them to see that no column is of them."""
    for name in ("np", "pd", "pd_time_test"):
        vars(options).setdefault(name, None)


def _quorum() -> dict[str, int | str]:
    """Return settings under which a row that was written is a row that is read, whichever replica answers.

    Without them a worker could take up a ticket from a replica that lags, and outdate facts it has not seen.
    """
    return {"insert_quorum": "auto", "insert_quorum_parallel": 0, "select_sequential_consistency": 1}
