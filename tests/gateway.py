"""What stands in front of a ClickHouse in production: it refuses long URLs, and is away at times."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

LONGEST_URL: Final = 8 * 1024
"""As load balancers have it."""
_OF_ONE_HOP: Final = frozenset({"transfer-encoding", "connection", "content-length", "keep-alive"})


class Gateway(ThreadingHTTPServer):
    """Hands requests on to a server, answer by answer.

    Attributes:
        refuses: So many requests are not answered from now on.
        longest_url: The longest one seen, in bytes.
        daemon_threads: Connections that are still open do not keep a test from ending.
    """

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Hop)
        self.target = urlsplit(target).netloc
        self.refuses = 0
        self.longest_url = 0

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


class _Hop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_GET(self) -> None:
        self._hand_on()

    def do_POST(self) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        body = self._body()
        self.server.longest_url = max(self.server.longest_url, len(self.path))
        if self.server.refuses:
            self.server.refuses -= 1
            self.close_connection = True
            return
        if len(self.path) > LONGEST_URL:
            self._answer(414, {}, b"URI Too Long")
            return
        target = http.client.HTTPConnection(self.server.target, timeout=60)
        target.request(self.command, self.path, body, dict(self.headers.items()))
        answer = target.getresponse()
        self._answer(answer.status, dict(answer.getheaders()), answer.read())
        target.close()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        del self.headers["Transfer-Encoding"]
        return b"".join(pieces)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def gateway_to(target: str) -> Iterator[Gateway]:
    """Run a gateway to a server, and end it with the block."""
    gateway = Gateway(target)
    thread = Thread(target=gateway.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        gateway.shutdown()
        gateway.server_close()
        thread.join()
