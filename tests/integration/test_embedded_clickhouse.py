"""The embedded ClickHouse seen through the client that everything else uses, and through plain HTTP."""

import contextlib
import gzip
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import clickhouse_connect
import lz4.frame
import psutil
import pytest
from backports import zstd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from deploy.embedded.stack import Service
from tests.process import Process
from tests.servers import stack_of_its_own

pytestmark = pytest.mark.integration

COLUMNS = 20


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """Plain HTTP to the engine, a connection for each request."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(
        self,
        body: bytes | str = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        raw: str = "",
        url: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, f"/?{raw}&{urlencode(url or {})}", body or None, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())

    def text(self, sql: str, **url: str) -> str:
        answer = self.request(sql, url=url)
        assert answer.status == 200, answer.body
        return answer.body.decode()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    stack = stack_of_its_own(tmp_path_factory.mktemp("stack"))
    yield stack.up(["clickhouse"], attached=True)[0]
    stack.down(["clickhouse"])


@pytest.fixture(scope="module")
def web(service: Service) -> Http:
    return Http(_port(service))


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with _client(service) as client:
        client.command("DROP DATABASE IF EXISTS sp SYNC")
        client.command("CREATE DATABASE sp ENGINE = Atomic")
        yield client


def _client(service: Service, **options: Any) -> Client:
    return clickhouse_connect.get_client(host="127.0.0.1", port=_port(service), **options)


def _port(service: Service) -> int:
    return int((service.address or "").rpartition(":")[2])


def _until(claim: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# -- an unchanged client ----------------------------------------------------------------------------------------------


def test_an_unchanged_client_inserts_columns_and_reads_them_back(client: Client) -> None:
    client.command("CREATE TABLE sp.t (id String, n UInt64) ENGINE = MergeTree ORDER BY id")
    summary = client.insert("sp.t", [["a", "b"], [1, 2]], column_names=["id", "n"], column_oriented=True)
    assert summary.written_rows == 2
    assert summary.query_id()
    assert client.query("SELECT * FROM sp.t ORDER BY id").result_rows == [("a", 1), ("b", 2)]
    assert client.command("SELECT count() FROM sp.t") == 2
    assert client.raw_query("SELECT sum(n) AS s FROM sp.t", fmt="JSONEachRow") == b'{"s":3}\n'


@pytest.mark.parametrize(
    ("column_type", "values"),
    [
        ("UInt64", [0, 2**63, 2**64 - 1]),
        ("Int64", [-(2**63), 0, 2**63 - 1]),
        ("UInt8", [0, 1, 255]),
        ("Float64", [0.1, -1e308, float("inf")]),
        ("Bool", [True, False, True]),
        ("String", ["", "plain", 'it\'s "q" \\ \t \n é 漢字 🙂 \x00 end']),
        ("Nullable(String)", [None, "", "x"]),
        ("Nullable(Float64)", [None, 1.5, -0.0]),
        ("LowCardinality(String)", ["a", "b", "a"]),
        ("LowCardinality(Nullable(String))", ["a", None, "a"]),
        ("FixedString(3)", [b"abc", b"\xff\x00\x01", b"xyz"]),
        ("DateTime64(3, 'UTC')", [datetime(2026, 11, 21, 12, 0, 0, 123000, UTC), datetime(1970, 1, 1, tzinfo=UTC)]),
        ("Nullable(DateTime64(3, 'UTC'))", [None, datetime(2026, 11, 21, tzinfo=UTC)]),
        ("DateTime('UTC')", [datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)]),
        ("Date", [date(2026, 11, 21), date(1970, 1, 1)]),
        ("Array(String)", [[], ["a'b", "\\"], ["ü"] * 300]),
        ("Array(Nullable(Float64))", [[], [None, 1.5], [None, None]]),
        ("Array(UInt64)", [[], [2**64 - 1], list(range(1000))]),
        ("Map(String, UInt8)", [{}, {"a": 1, "b'": 2}]),
        ("Map(LowCardinality(String), Array(UInt64))", [{"k": [1, 2]}, {}]),
        ("Tuple(a UInt8, b String)", [{"a": 1, "b": "x"}]),
        ("UUID", [UUID(int=0), UUID(int=2**128 - 1)]),
        ("Decimal(18, 4)", [Decimal("-12345.6789"), Decimal(0)]),
        ("Enum8('new' = 1, 'closed' = 2)", ["new", "closed"]),
    ],
)
def test_values_of_every_type_come_back_as_they_were_inserted(
    client: Client, column_type: str, values: list[Any]
) -> None:
    client.command(f"CREATE TABLE sp.t (n UInt32, x {column_type}) ENGINE = MergeTree ORDER BY n")
    client.insert("sp.t", [list(range(len(values))), values], column_names=["n", "x"], column_oriented=True)
    rows = client.query("SELECT x FROM sp.t ORDER BY n", tz_mode="aware").result_columns[0]
    assert list(rows) == values


def test_strings_hold_any_bytes(client: Client) -> None:
    values = [b"", b"\x00", b"\xff\xfe invalid \x80", bytes(range(256)), b"'; DROP TABLE t; --"]
    client.command("CREATE TABLE sp.t (n UInt32, x String, y LowCardinality(String)) ENGINE = MergeTree ORDER BY n")
    client.insert("sp.t", [list(range(5)), values, values], column_names=["n", "x", "y"], column_oriented=True)
    rows = client.query("SELECT x, y FROM sp.t ORDER BY n", query_formats={"String": "bytes"}).result_rows
    assert rows == [(value, value) for value in values]


@pytest.mark.parametrize("form", [False, True], ids=["url", "form"])
@pytest.mark.parametrize(
    ("parameter_type", "value"),
    [
        ("String", 'it\'s "quoted" \\ back\\slash \t tab \n line é 漢字 🙂 {x} % & = +'),
        ("String", ""),
        ("Nullable(String)", None),
        ("Nullable(String)", "\\N"),
        ("UInt64", 2**64 - 1),
        ("Int64", -(2**63)),
        ("Bool", True),
        ("Array(String)", []),
        ("Array(String)", ["a'b", 'c"d', "e\\f", "g,h", "]", "ü", "\n"]),
        ("Array(String)", [f"ticket-{n:06d}'{n}" for n in range(5000)]),
        ("Array(UInt64)", [0, 2**64 - 1]),
        ("Array(Nullable(Float64))", [1.5, None]),
        ("Date", date(2026, 11, 21)),
    ],
)
def test_typed_parameters_arrive_unchanged(service: Service, parameter_type: str, value: Any, form: bool) -> None:
    with _client(service, form_encode_query_params=form) as client:
        rows = client.query(f"SELECT {{x:{parameter_type}}}", parameters={"x": value}).result_rows
    assert rows == [(value,)]


def test_an_instant_with_milliseconds_is_a_typed_parameter(client: Client) -> None:
    instant = datetime(2026, 11, 21, 23, 59, 59, 999000, UTC)
    text = instant.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    sql = "SELECT toUnixTimestamp64Milli({x:DateTime64(3, 'UTC')})"
    assert client.query(sql, parameters={"x": text}).result_rows == [(int(instant.timestamp() * 1000),)]
    assert client.query(sql, parameters={"x_64": instant}).result_rows == [(int(instant.timestamp() * 1000),)]


def test_a_parameter_may_hold_bytes_that_are_not_utf8(web: Http) -> None:
    assert web.request("SELECT hex({x:String}), {y:UInt8}", raw="param_x=%FF%80'a&param_y=7").body == b"FF802761\t7\n"


def test_a_url_may_be_several_hundred_kilobytes_long(web: Http) -> None:
    ids = "[" + ",".join(f"'ticket-{n:08d}'" for n in range(30_000)) + "]"
    assert len(quote(ids)) > 600_000
    assert web.text("SELECT length({ids:Array(String)})", param_ids=ids) == "30000\n"


def test_external_data_is_joined_as_a_table(client: Client) -> None:
    external = ExternalData(
        file_name="wanted.csv", data=b"2,two\n5,five\n", fmt="CSV", structure=["n UInt64", "s String"]
    )
    external.add_file(file_name="more.tsv", data=b"7\n", types=["UInt64"], fmt="TSV")
    sql = "SELECT number, s FROM numbers(9) AS every JOIN wanted ON n = number ORDER BY number"
    assert client.query(sql, external_data=external).result_rows == [(2, "two"), (5, "five")]
    assert client.query("SELECT _1 FROM more", external_data=external).result_rows == [(7,)]


# -- statements, formats, settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ({}, b"INSERT INTO sp.t FORMAT JSONEachRow\n" + b'{"n":1,"s":"a"}\n{"n":2,"s":"b"}\n'),
        ({}, b"/* FORMAT CSV */ insert into sp.t (n, s) format CSV 1,a\n2,b\n"),
        ({}, b"INSERT INTO sp.t (n, s) VALUES (1, 'a'), (1 + 1, lower('B'));"),
        ({"query": "INSERT INTO sp.t (n, s) FORMAT TSV"}, b"1\ta\n2\tb\n"),
        ({"query": "INSERT INTO sp.t VALUES"}, b"(1, 'a'), (2, 'b')"),
        ({"query": "INSERT INTO sp.t SETTINGS max_threads = 1 FORMAT CSV", "database": "sp"}, b"1,a\n2,b\n"),
        ({"database": "sp"}, b"INSERT INTO t -- FORMAT JSON\n SELECT number + 1, char(97 + number) FROM numbers(2)"),
        (
            {"param_x": "a", "param_t": "t", "database": "sp"},
            b"INSERT INTO {t:Identifier} VALUES (1, {x:String}), (2, 'b')",
        ),
    ],
    ids=["json", "csv", "values", "data-in-body", "values-in-body", "settings", "select", "parameters"],
)
def test_inserts_find_their_data_wherever_it_is(client: Client, web: Http, url: dict[str, str], body: bytes) -> None:
    client.command("CREATE TABLE sp.t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    answer = web.request(body, url=url)
    assert (answer.status, answer.body) == (200, b"")
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert client.query("SELECT * FROM sp.t ORDER BY n").result_rows == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("width", [9, 10, 12, 13, 32])
def test_a_number_of_columns_that_looks_like_white_space_is_data(client: Client, width: int) -> None:
    names = [f"c{place}" for place in range(width)]
    client.command(f"CREATE TABLE sp.t ({', '.join(f'{name} UInt8' for name in names)}) ENGINE = Memory")
    client.insert("sp.t", [[place] for place in range(width)], column_names=names, column_oriented=True)
    assert client.query("SELECT * FROM sp.t").result_rows == [tuple(range(width))]


def test_an_answer_says_its_format_zone_query_and_counts(web: Http) -> None:
    answer = web.request("SELECT sum(number) FROM numbers(10) FORMAT JSON", url={"query_id": "mine"})
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("10", "1")
    assert json.loads(answer.body)["data"] == [{"sum(number)": 45}]


@pytest.mark.parametrize(("url", "expected"), [({}, b"1\ta\n"), ({"default_format": "CSV"}, b'1,"a"\n')])
def test_the_default_format_gives_way_to_the_one_in_the_statement(
    web: Http, url: dict[str, str], expected: bytes
) -> None:
    assert web.request("SELECT 1, 'a'", url=url).body == expected
    assert web.request("SELECT 1, 'a' FORMAT Values", url=url).body == b"(1,'a')"


def test_totals_of_a_text_format_come_along(web: Http) -> None:
    sql = "SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k"
    assert web.text(sql) == "0\t2\n1\t2\n\n0\t4\n"


def test_settings_of_one_request_do_not_leak_into_the_next(web: Http) -> None:
    sql = "SELECT getSetting('max_block_size'), getSetting('log_comment')"
    assert web.text(sql, max_block_size="777", log_comment="it's \\ mine") == "777\tit\\'s \\\\ mine\n"
    assert web.text("SELECT getSetting('max_block_size') = 777") == "0\n"


def test_the_database_of_a_request_is_its_own(client: Client, web: Http) -> None:
    client.command("CREATE TABLE sp.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    assert web.text("SELECT currentDatabase(), (SELECT count() FROM t)", database="sp") == "sp\t0\n"
    assert web.text("SELECT currentDatabase()") == "default\n"


def test_an_empty_request_and_a_ping_are_answered_without_a_statement(web: Http) -> None:
    assert web.request(method="GET").body == b"Ok.\n"
    connection = http.client.HTTPConnection("127.0.0.1", web.port)
    with contextlib.closing(connection):
        connection.request("GET", "/ping")
        assert connection.getresponse().read() == b"Ok.\n"


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "url", "status", "code", "text"),
    [
        ("SELEC 1 FROM x", {}, 400, 62, "SYNTAX_ERROR"),
        ("SELECT * FROM missing", {}, 404, 60, "UNKNOWN_TABLE"),
        ("SELECT missing", {}, 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT 1", {"database": "missing"}, 404, 81, "UNKNOWN_DATABASE"),
        ("SELECT 1", {"mising_setting": "1"}, 404, 115, "UNKNOWN_SETTING"),
        ("SELECT 1", {"max_threads": "many"}, 400, 27, "CANNOT_PARSE"),
        ("SELECT 1", {"x = 1, y": "1"}, 400, 36, "not the name of a setting"),
        ("SELECT 1", {"compress": "1"}, 400, 36, "Accept-Encoding"),
        ("SELECT 1", {"client_protocol_version": "new"}, 400, 36, "client_protocol_version"),
        ("SELECT {x:UInt8}", {"param_x": "abc"}, 500, 457, "BAD_QUERY_PARAMETER"),
        ("SELECT throwIf(number = 3) FROM numbers(9)", {}, 500, 395, "throwIf"),
        ("SELECT throwIf(number = 3) FROM numbers(9) FORMAT Native", {}, 500, 395, "throwIf"),
        ("SELECT count() FROM numbers(1e13)", {"max_execution_time": "0.3"}, 408, 159, "TIMEOUT_EXCEEDED"),
        ("SELECT 1; DROP DATABASE sp", {}, 400, 62, "Multi-statements"),
        ("INSERT INTO missing FORMAT CSV 1", {}, 404, 60, "UNKNOWN_TABLE"),
        ("INSERT INTO system.one FORMAT CSV 1", {}, 501, 48, "NOT_IMPLEMENTED"),
    ],
)
def test_errors_have_the_code_status_and_text_of_a_server(
    web: Http, sql: str, url: dict[str, str], status: int, code: int, text: str
) -> None:
    answer = web.request(sql, url=url)
    assert (answer.status, answer.headers.get("X-ClickHouse-Exception-Code")) == (status, str(code)), answer.body
    assert answer.body.startswith(b"Code: %d. DB::Exception: " % code)
    assert text in answer.body.decode()


def test_the_client_raises_the_code_of_the_engine(client: Client) -> None:
    with pytest.raises(DatabaseError, match=r"Code: 60.*UNKNOWN_TABLE.*version 26") as caught:
        client.query("SELECT * FROM sp.missing")
    assert caught.value.code == 60


def test_data_that_does_not_fit_its_table_is_refused(client: Client, web: Http) -> None:
    client.command("CREATE TABLE sp.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    assert web.request(b"INSERT INTO sp.t FORMAT Native\n" + b"garbage" * 99).status >= 400
    assert web.request("INSERT INTO sp.t FORMAT JSONEachRow\n" + '{"n": 1}\n{"n": "x"}').status == 400
    assert client.command("SELECT count() FROM sp.t") == 0


def test_a_get_request_changes_nothing(client: Client, web: Http) -> None:
    answer = web.request(method="GET", url={"query": "DROP DATABASE sp"})
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert client.command("EXISTS DATABASE sp") == 1


def test_an_error_in_the_middle_of_a_long_result_reaches_the_client(client: Client, web: Http) -> None:
    sql = "SELECT number, throwIf(number = 3000000, 'too far') FROM numbers(10000000)"
    with pytest.raises(StreamFailureError, match="too far"), client.query_row_block_stream(sql) as blocks:
        for _ in blocks:
            pass
    answer = web.request(sql, url={"default_format": "Native"})
    tag = answer.headers["X-ClickHouse-Exception-Tag"]
    assert answer.status == 200
    assert answer.body.endswith(f" {tag}\r\n__exception__\r\n".encode())


def test_a_result_asked_for_as_a_whole_has_its_late_error_as_status(web: Http) -> None:
    sql = "SELECT number, throwIf(number = 3000000, 'too far') FROM numbers(10000000)"
    answer = web.request(sql, url={"default_format": "Native", "wait_end_of_query": "1"})
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_what_a_foreign_web_page_sends_is_refused(web: Http, header: dict[str, str]) -> None:
    assert web.request("SELECT 1", headers=header).status == 403
    assert web.request("SELECT 1", headers={"Origin": "http://localhost:3000"}).status == 200


# -- bodies -----------------------------------------------------------------------------------------------------------

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda plain: plain,
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("encoding", PACKED)
def test_compressed_inserts_are_understood(client: Client, web: Http, encoding: str) -> None:
    client.command("CREATE TABLE sp.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    pack = PACKED[encoding]
    rows = b"".join(b"%d\n" % n for n in range(100_000))
    body = pack(b"INSERT INTO sp.t FORMAT TSV\n" + rows[:1000]) + pack(rows[1000:])
    assert web.request(body, headers={"Content-Encoding": encoding}).status == 200
    assert client.command("SELECT (count(), sum(n)) FROM sp.t") == "(100000,4999950000)"


@pytest.mark.parametrize("compress", [True, False, "lz4", "zstd", "gzip"])
def test_the_client_may_compress_as_it_likes(service: Service, client: Client, compress: bool | str) -> None:
    client.command("CREATE TABLE sp.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    with _client(service, compress=compress) as packing:
        packing.insert("sp.t", [list(range(100_000))], column_names=["n"], column_oriented=True)
        assert packing.query("SELECT * FROM sp.t ORDER BY n").result_columns[0][-1] == 99_999


def test_an_unknown_encoding_is_named(web: Http) -> None:
    answer = web.request("SELECT 1", headers={"Content-Encoding": "snappy"})
    assert answer.status == 415
    assert b"'snappy'" in answer.body


@pytest.mark.parametrize("damage", [lambda body: body[:-3], lambda body: body[:50] + b"xxxx" + body[54:]])
def test_a_damaged_body_writes_nothing(client: Client, web: Http, damage: Callable[[bytes], bytes]) -> None:
    client.command("CREATE TABLE sp.t (s String) ENGINE = MergeTree ORDER BY s")
    body = gzip.compress(b"INSERT INTO sp.t FORMAT CSV\n" + b"".join(b"%d\n" % n for n in range(1000)))
    answer = web.request(damage(body), headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "117")
    assert client.command("SELECT count() FROM sp.t") == 0


def test_an_insert_that_is_cut_off_writes_nothing(client: Client, web: Http) -> None:
    client.command("CREATE TABLE sp.t (s String) ENGINE = MergeTree ORDER BY s")
    with socket.create_connection(("127.0.0.1", web.port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n")
        connection.sendall(b"INSERT INTO sp.t FORMAT CSV\n" + b"row\n" * 500_000)
        connection.shutdown(socket.SHUT_WR)
        _until(lambda: not connection.recv(4096))
    assert client.command("SELECT count() FROM sp.t") == 0


def test_an_insert_that_the_table_refuses_is_an_error_and_writes_nothing(client: Client) -> None:
    client.command("CREATE TABLE sp.t (x Int64, CONSTRAINT small CHECK x < 100) ENGINE = MergeTree ORDER BY x")
    with pytest.raises(DatabaseError, match="VIOLATED_CONSTRAINT"):
        client.insert("sp.t", [[5], [500]], column_names=["x"])
    assert client.command("SELECT count() FROM sp.t") == 0


def test_an_insert_that_a_view_refuses_is_an_error(client: Client) -> None:
    client.command("CREATE TABLE sp.t (`x y` Int64, d String DEFAULT 'later') ENGINE = MergeTree ORDER BY tuple()")
    client.command("CREATE TABLE sp.u (x Int64, CONSTRAINT small CHECK x < 100) ENGINE = MergeTree ORDER BY x")
    client.command("CREATE MATERIALIZED VIEW sp.v TO sp.u AS SELECT `x y` AS x FROM sp.t")
    with pytest.raises(DatabaseError, match="VIOLATED_CONSTRAINT"):
        client.insert("sp.t", [[500]], column_names=["x y"])
    client.insert("sp.t", [[50]], column_names=["x y"])
    assert client.query("SELECT x FROM sp.u").result_rows == [(50,)]
    assert ("50", "later") in client.query("SELECT toString(`x y`), d FROM sp.t").result_rows


# -- load -------------------------------------------------------------------------------------------------------------


def _running(web: Http, beginning: str) -> int:
    return int(web.text("SELECT count() FROM system.processes WHERE startsWith(query, {q:String})", param_q=beginning))


def _batch(first: int, rows: int) -> list[list[Any]]:
    ids = range(first, first + rows)
    texts = [f"ticket-{n}" for n in ids]
    return [list(ids), *([texts] * (COLUMNS - 1))]


def _make_wide_table(client: Client) -> list[str]:
    names = ["n", *(f"s{place}" for place in range(1, COLUMNS))]
    types = ["UInt64", *(["String", "LowCardinality(String)"] * COLUMNS)]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=False))
    client.command(f"CREATE TABLE sp.wide ({columns}) ENGINE = ReplacingMergeTree ORDER BY n")
    return names


def test_four_writers_and_four_readers_do_not_disturb_each_other(service: Service, client: Client) -> None:
    names = _make_wide_table(client)
    all_written = threading.Event()

    def write(writer: int) -> None:
        with _client(service) as own:
            for batch in range(10):
                columns = _batch((writer * 10 + batch) * 2000, 2000)
                assert own.insert("sp.wide", columns, column_names=names, column_oriented=True).written_rows == 2000

    def read(_: int) -> int:
        seen = 0
        with _client(service) as own:
            while True:
                is_last = all_written.is_set()
                count, distinct, wrong = own.query(
                    "SELECT count(), uniqExact(n), countIf(s19 != concat('ticket-', toString(n))) FROM sp.wide"
                ).result_rows[0]
                assert count == distinct >= seen
                assert wrong == 0
                seen = int(count)
                if is_last:
                    return seen

    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(read, n) for n in range(4)]
        try:
            for writer in [threads.submit(write, n) for n in range(4)]:
                writer.result(60)
        finally:
            all_written.set()
        assert [reader.result(60) for reader in readers] == [80_000] * 4


def test_a_slow_query_does_not_hold_up_a_quick_one(web: Http) -> None:
    with ThreadPoolExecutor(3) as threads:
        slow = [threads.submit(web.text, "SELECT sleep(2), 'slow'") for _ in range(3)]
        _until(lambda: _running(web, "SELECT sleep(2)") == 3)
        assert web.text("SELECT 1") == "1\n"
        assert not any(answer.done() for answer in slow)


def test_more_requests_than_places_wait_for_one(web: Http) -> None:
    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(lambda n: web.text(f"SELECT {n} + sleep(0.1)"), range(60)))
    assert answers == [f"{n}\n" for n in range(60)]


def test_a_client_that_hangs_up_ends_its_query(web: Http) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as connection:
        url = "/?cancel_http_readonly_queries_on_client_close=1&default_format=Native"
        sql = b"SELECT count() FROM numbers(1e14)"
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (url.encode(), len(sql))
        )
        connection.sendall(sql)
        _until(lambda: _running(web, "SELECT count() FROM numbers(1e14)") == 1)
    _until(lambda: _running(web, "SELECT count() FROM numbers(1e14)") == 0)


def test_a_query_is_killed_by_its_comment(web: Http) -> None:
    with ThreadPoolExecutor(1) as threads:
        victim = threads.submit(web.request, "SELECT count() FROM numbers(1e14)", url={"query_id": "victim"})
        _until(lambda: _running(web, "SELECT count() FROM numbers(1e14)") == 1)
        web.text("KILL QUERY WHERE Settings['log_comment'] = 'victim' ASYNC")
        assert victim.result(30).headers["X-ClickHouse-Exception-Code"] == "394"


def test_fifty_megabytes_go_in_and_come_out(service: Service, client: Client) -> None:
    client.command("CREATE TABLE sp.big (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    rows = 50_000
    with _client(service, compress=False) as plain:
        texts = [f"{n:09d}" * 111 for n in range(rows)]
        assert sum(map(len, texts)) > 49_000_000
        plain.insert("sp.big", [list(range(rows)), texts], column_names=["n", "s"], column_oriented=True)
        result = plain.query("SELECT n, s FROM sp.big ORDER BY n").result_columns
    assert list(result[1]) == texts


def test_a_long_result_is_streamed_in_bounded_memory(service: Service, client: Client) -> None:
    before = psutil.Process(service.pid).memory_info().rss
    peak = rows = 0
    with client.query_column_block_stream("SELECT number, number FROM numbers(40000000)") as blocks:
        for block in blocks:
            rows += len(block[0])
            peak = max(peak, psutil.Process(service.pid).memory_info().rss) if rows % 100 < 50 else peak
    assert rows == 40_000_000
    assert peak - before < 200_000_000


# -- Grafana's plugin -------------------------------------------------------------------------------------------------


GRAFANA = {"default_format": "Native", "client_protocol_version": "54460"}


def test_the_greeting_of_grafanas_plugin_is_answered_in_its_revision(web: Http) -> None:
    answer = web.request("SELECT displayName(), version(), revision(), timezone()", url=GRAFANA)
    assert answer.headers["X-ClickHouse-Format"] == "Native"
    assert answer.body.startswith(b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00")
    assert b"\x0arevision()\x06UInt32\x00" in answer.body
    assert answer.body.endswith(b"\x0atimezone()\x06String\x00\x03UTC")


@pytest.mark.parametrize(
    "expression",
    [
        "number", "toString(number)", "repeat('long ', number)", "number % 2 = 0", "toInt256(number)",
        "toLowCardinality(toString(number % 7))", "if(number % 3 = 0, NULL, 'x')",
        "CAST(if(number % 3 = 0, NULL, toString(number)), 'LowCardinality(Nullable(String))')",
        "range(number % 5)", "arrayMap(x -> toLowCardinality(toString(x)), range(number % 4))", "[[number], []]",
        "map('a', number)", "map('k', [toLowCardinality('z')])", "tuple(number, 'x', [1.5, NULL])",
        "CAST((1, 'a'), 'Tuple(a UInt8, `b, (c` String)')", "toDecimal32(number, 2)", "toDecimal128(number, 5)",
        "toFixedString('abc', 5)", "toUUID('00000000-0000-0000-0000-00000000000f')", "toDate('2026-01-01') + number",
        "toDateTime('2026-01-01 00:00:00', 'UTC')",
        "toDateTime64('2026-01-01 00:00:00.123', 3, 'UTC')", "toIPv6('::1')",
        "CAST('b', 'Enum8(\\'a, (\\' = 1, \\'b\\' = 2)')",
        "NULL", "[]", "(1.0, 2.0)::Point", "CAST([(1, 'a')], 'Nested(x UInt8, y String)')", "toIntervalDay(number)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("rows", [1, 300])
def test_blocks_of_a_later_revision_hold_the_same_columns(web: Http, expression: str, rows: int) -> None:
    def fetch(*columns: str, revision: str) -> bytes:
        sql = f"SELECT {', '.join(columns)} FROM numbers({rows}) ORDER BY number"
        answer = web.request(sql, url={"default_format": "Native", "client_protocol_version": revision})
        assert answer.status == 200, answer.body
        return answer.body

    first, second = f"materialize({expression}) AS x", "toString(number) AS y"
    head = len(_varint(1) + _varint(rows))
    plain = [fetch(column, revision="0")[head:] for column in (first, second)]
    expected = b"\x01\x00\x02\xff\xff\xff\xff\x00" + _varint(2) + _varint(rows)
    for column in plain:
        named = 2 + column[0]
        named += column[named - 1]
        expected += column[:named] + b"\x00" + column[named:]
    assert fetch(first, second, revision="54460") == expected


def test_an_empty_result_has_no_block(web: Http) -> None:
    assert web.request("SELECT 1 WHERE 0", url=GRAFANA).body == b""


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def test_a_type_that_cannot_be_sent_in_a_later_revision_is_named(web: Http) -> None:
    answer = web.request("SELECT 1::Dynamic", url=GRAFANA)
    assert answer.status == 501
    assert b"Dynamic" in answer.body


# -- life of the process ----------------------------------------------------------------------------------------------


def test_data_survives_a_restart_and_a_kill(tmp_path: Path) -> None:
    stack = stack_of_its_own(tmp_path)
    first = stack.up(["clickhouse"], attached=True)[0]
    try:
        with _client(first) as client:
            client.command("CREATE DATABASE kept ENGINE = Atomic")
            client.command("CREATE TABLE kept.t (n UInt64) ENGINE = MergeTree ORDER BY n")
            client.insert("kept.t", [[1, 2]], column_names=["n"], column_oriented=True)
        stack.down(["clickhouse"])
        second = stack.up(["clickhouse"], attached=True)[0]
        assert second.address == first.address
        with _client(second) as client:
            client.insert("kept.t", [[3]], column_names=["n"], column_oriented=True)
        stack.kill("clickhouse")
        third = stack.up(["clickhouse"], attached=True)[0]
        with _client(third) as client:
            assert client.command("SELECT groupArray(n) FROM (SELECT n FROM kept.t ORDER BY n)") == "[1,2,3]"
    finally:
        stack.down(["clickhouse"])


def _serve(*arguments: str) -> Process:
    command = [sys.executable, "-m", "deploy.embedded.clickhouse_http", *arguments]
    return Process(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_a_second_process_on_the_same_directory_is_told_who_has_it(service: Service) -> None:
    with _serve("--port", "0", "--path", str(service.data_path)) as second:
        _, said = second.communicate(timeout=30)
    assert second.returncode == 3
    assert f"process {service.pid} on {service.address}" in said
    assert "Traceback" not in said


def test_a_port_in_use_is_named(service: Service, tmp_path: Path) -> None:
    with _serve("--port", str(_port(service)), "--path", str(tmp_path)) as second:
        _, said = second.communicate(timeout=30)
    assert second.returncode == 3
    assert f"cannot listen on 127.0.0.1:{_port(service)}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com"])
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    with _serve("--host", host, "--port", "0", "--path", str(tmp_path / "d")) as refused:
        _, said = refused.communicate(timeout=30)
    assert refused.returncode == 2
    assert "listens on 127.0.0.1 only" in said
    assert not (tmp_path / "d").exists()


def test_a_request_in_flight_is_finished_before_the_process_ends(tmp_path: Path) -> None:
    stack = stack_of_its_own(tmp_path)
    service = stack.up(["clickhouse"], attached=True)[0]
    web = Http(_port(service))
    process = psutil.Process(service.pid)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(web.text, "SELECT sleep(1.5), 'finished'")
        _until(lambda: _running(web, "SELECT sleep") == 1)
        process.send_signal(signal.SIGTERM)
        assert slow.result(30) == "0\tfinished\n"
    process.wait(10)
    assert not stack.status()[1].is_running
