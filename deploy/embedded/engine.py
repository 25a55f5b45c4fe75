"""The only module that touches the ClickHouse engine: opens its directory, runs statements, maps its errors."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Protocol, cast

from deploy.embedded.statement import from_file

LOCK_NAME = "servicepulse.lock"
UNKNOWN_EXCEPTION = 1002
_SEVERAL = (
    "Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed): send one statement a request. "
    "(SYNTAX_ERROR)"
)
_VERSION = re.compile(r" \(version [^()]*(\([^()]*\))?\)\Z")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_Errors = Callable[[], AbstractContextManager[None]]
_CODE = re.compile(r"Code: (\d+)\. ")


class DirectoryInUseError(RuntimeError):
    """Another process has the data directory open: end that one or choose another directory."""


class UnusableDirectoryError(RuntimeError):
    """The engine cannot open the data directory: it must be repaired, moved away, or another one chosen."""


class StatementError(RuntimeError):
    """The engine refused or broke off a statement; `code` is ClickHouse's error code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Counts:
    """What a statement read, returned and wrote."""

    read_rows: int = 0
    read_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


class _Outcome(Protocol):
    """What the engine returns for a statement or a piece of a result."""

    def bytes(self) -> bytes | None: ...
    def rows_read(self) -> int: ...
    def bytes_read(self) -> int: ...
    def storage_rows_read(self) -> int: ...
    def storage_bytes_read(self) -> int: ...
    def rows_written(self) -> int: ...
    def bytes_written(self) -> int: ...


class _Stream(Protocol):
    def fetch(self) -> _Outcome | None: ...


class _Classifier(Protocol):
    def classify_query(self, sql: str) -> dict[str, int]: ...


class _Connection(Protocol):
    """The part of chdb's connection that is used here."""

    _conn: _Classifier

    def query(self, query: bytes, format: str, params: dict[str, str]) -> _Outcome: ...
    def send_query(self, query: bytes, format: str, params: dict[str, str]) -> _Stream: ...
    def close(self) -> None: ...


class Engine:
    """The open engine of one data directory. A process can open one directory only."""

    def __init__(self, path: Path, address: str = "") -> None:
        """Open the directory, made when missing, and hold it until `close`.

        Raises:
            DirectoryInUseError: when another process has it open.
            UnusableDirectoryError: when it is no directory, may not be written or holds what the engine cannot read.
        """
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = _hold(path, address)
            self._keeper = self._connect()
        except (OSError, RuntimeError) as error:
            if isinstance(error, DirectoryInUseError):
                raise
            raise UnusableDirectoryError(
                f"The engine cannot open {path}: {error}. Choose another folder, or move this one away to start anew."
            ) from error
        self.version = self._scalar("SELECT version()")
        self.timezone = self._scalar("SELECT timezone()")

    def close(self) -> None:
        """Flush and close the directory; sessions must be closed before."""
        self._keeper.close()
        os.close(self._lock)

    def session(self) -> "Session":
        """Open a connection of its own: settings and database of one session are not seen by another.

        Statements of one session run one after another, those of different sessions in parallel.
        """
        return Session(self._connect(), self.version)

    def cancel(self, mark: str) -> None:
        """Ask the statements of the session with this mark to stop; they fail with QUERY_WAS_CANCELLED."""
        self._kill(f"Settings['log_comment'] = {quoted(mark)}")

    def cancel_all(self) -> None:
        """Ask every statement to stop."""
        self._kill("1")

    def _kill(self, condition: str) -> None:
        with closing(self.session()) as session:
            session.run(f"KILL QUERY WHERE {condition} ASYNC".encode())

    def _connect(self) -> _Connection:
        # chdb takes a second to import: only the process that serves it pays.
        import chdb

        # Its types ask for text; it takes bytes, and only those can carry what is not UTF-8.
        return cast("_Connection", chdb.connect(str(self._path)))

    def _scalar(self, sql: str) -> str:
        return (self._keeper.query(sql.encode(), "TSVRaw", {}).bytes() or b"").decode().strip()


class Session:
    """One connection to the engine, used by one request at a time."""

    def __init__(self, connection: _Connection, version: str) -> None:
        self._connection = connection
        self._version = version

    def prepare(self, database: str, settings: Mapping[str, str]) -> None:
        """Choose the database and the settings for the statements that follow.

        Raises:
            StatementError: for an unknown database, an unknown setting or a value that does not fit.
        """
        assignments = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
        if database:
            self.run(f"USE {quoted(database, '`')}".encode(errors="surrogateescape"))
        if assignments:
            self.run(f"SET {assignments}".encode(errors="surrogateescape"))

    def make_read_only(self) -> None:
        """Allow only statements that change nothing but settings from here on."""
        self.run(b"SET readonly = 2")

    def create_temporary(self, name: str, structure: str, format: str, content: bytes) -> None:
        """Create a table that lives as long as this session, filled with `content` in `format`.

        Raises:
            StatementError: for a structure that is none or content that does not fit it.
        """
        table = quoted(name, "`")
        self.run(f"CREATE TEMPORARY TABLE {table} ({structure})".encode())
        writer = self.insert(f"INSERT INTO {table}".encode(), format, {})
        writer.append(content)
        writer.finish()

    def run(
        self, sql: bytes, format: str = "Null", parameters: Mapping[str, str] | None = None
    ) -> tuple[bytes, Counts]:
        """Run any statement to its end; return its whole result in `format` and what it read and wrote.

        Raises:
            StatementError: when the engine refuses it.
        """
        self._refuse_several(sql)
        beside = self._beside(parameters or {})
        with self._errors():
            outcome = self._connection.query(sql, format, params=beside)
        return outcome.bytes() or b"", _counts(outcome)

    def select(self, sql: bytes, format: str, parameters: Mapping[str, str]) -> "Rows":
        """Start a SELECT whose result is fetched piece by piece, in memory that does not grow with the result.

        Raises:
            StatementError: when the engine refuses it.
        """
        self._refuse_several(sql)
        beside = self._beside(parameters)
        with self._errors():
            return Rows(self._connection.send_query(sql, format, params=beside), self._errors)

    def insert(self, head: bytes, format: str, parameters: Mapping[str, str]) -> "Writer":
        """Start an INSERT (without FORMAT and data) whose data is appended piece by piece."""
        self._set_parameters(parameters)
        return Writer(self, head, format)

    def close(self) -> None:
        """Give the connection back; a statement that still runs on it is broken off."""
        self._connection.close()

    def _set_parameters(self, parameters: Mapping[str, str]) -> None:
        self.prepare("", {f"param_{name}": value for name, value in parameters.items()})

    def _beside(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters to hand over beside the statement; none when one of them is not UTF-8.

        Beside the statement they must be text and have no size limit. Set in SQL they may hold any bytes but must fit
        `max_query_size`. The engine forgets the set ones when any is handed over.
        """
        if not any(_LONE_SURROGATE.search(value) for value in parameters.values()):
            return dict(parameters)
        self._set_parameters(parameters)
        return {}

    def _refuse_several(self, sql: bytes) -> None:
        """Refuse several statements in one request, as a server does: the second may be an injected one."""
        if b";" not in sql.rstrip(b"; \t\r\n"):
            return
        if self._connection._conn.classify_query(sql.decode(errors="replace"))["statement_count"] > 1:
            with self._errors():
                raise RuntimeError(_SEVERAL)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the engine raises into an error with ClickHouse's code and text."""
        try:
            yield
        except RuntimeError as error:
            text = str(error)
            found = _CODE.search(text)
            code = int(found[1]) if found else UNKNOWN_EXCEPTION
            message = text[found.start() :] if found else f"Code: {code}. DB::Exception: {text}"
            raise StatementError(code, self._complete(message)) from error

    def _complete(self, message: str) -> str:
        return f"{_VERSION.sub('', message.strip())} (version {self._version} (official build))"


class Rows:
    """The result of a running SELECT."""

    def __init__(self, stream: _Stream, errors: "_Errors") -> None:
        self._stream = stream
        self._errors = errors
        self.counts = Counts()
        self.is_at_end = False

    def fetch(self) -> bytes | None:
        """Return the next piece of the result, None at its end.

        Raises:
            StatementError: when the engine breaks the statement off.
        """
        with self._errors():
            piece = self._stream.fetch()
        if piece is None:
            self.is_at_end = True
            return None
        self.counts += _counts(piece)
        return piece.bytes() or b""


class Writer:
    """A running INSERT: its data gathers in memory and is inserted as a file. Without `finish` nothing of it stays.

    The engine's own streaming insert reports as written what a constraint or a materialized view refused, and data
    that stands behind a statement ends at its first line end.
    """

    def __init__(self, session: "Session", head: bytes, format: str) -> None:
        self._session = session
        self._head = head
        self._format = format.encode()
        self._data = os.fdopen(os.memfd_create("insert"), "wb")

    def append(self, piece: bytes) -> None:
        """Hand over the next piece of data."""
        self._data.write(piece)

    def finish(self) -> Counts:
        """Write what was appended and return the counts.

        Raises:
            StatementError: when the data does not fit the table or the format.
        """
        with self._data:
            self._data.flush()
            sql = from_file(self._head, b"/proc/self/fd/%d" % self._data.fileno(), self._format)
            _, counts = self._session.run(sql)
        return counts

    def cancel(self) -> None:
        """Break the INSERT off: nothing of it stays."""
        self._data.close()


def quoted(text: str, quote: str = "'") -> str:
    """Return a string literal, or an identifier for a backtick, that the engine reads back as `text`."""
    escaped = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return f"{quote}{escaped}{quote}"


def _counts(outcome: _Outcome) -> Counts:
    return Counts(
        read_rows=outcome.storage_rows_read(),
        read_bytes=outcome.storage_bytes_read(),
        result_rows=outcome.rows_read(),
        result_bytes=outcome.bytes_read(),
        written_rows=outcome.rows_written(),
        written_bytes=outcome.bytes_written(),
    )


def _hold(path: Path, address: str) -> int:
    """Take the directory for this process and leave word who has it.

    The kernel lets go of the lock when the process ends, however it ends, so a lock left over by kill -9 is not in
    the way.
    """
    lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 200).decode(errors="replace").strip()
        os.close(lock)
        raise DirectoryInUseError(
            f"{path} is open already in {holder or 'another process'}. Stop that one, or choose another folder."
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"process {os.getpid()} {address}".strip().encode())
    return lock
