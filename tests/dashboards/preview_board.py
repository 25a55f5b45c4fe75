"""Small dashboards for the tests of the preview, and the preview of them in a thread."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from socket import socket
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from dashboards.preview.frame import Ask
from dashboards.preview.library import Dashboard, Json, Library
from dashboards.preview.server import Preview, application
from streams.cli.preview import listening, url_of


def panel(kind: str = "stat", *sql: str, is_table: bool = True, number: int = 1, **more: Any) -> Json:
    """Return a panel with a query for each SQL."""
    targets = [{"refId": chr(65 + index), "format": int(is_table), "rawSql": each} for index, each in enumerate(sql)]
    place = {"x": 0, "y": (number - 1) * 8, "w": 12, "h": 8}
    return {"id": number, "type": kind, "title": f"Panel {number}", "gridPos": place, "targets": targets, **more}


def board(*panels: Json, variables: Sequence[Json] = (), **more: Any) -> Dashboard:
    """Return a dashboard of these panels."""
    return Dashboard(
        {"uid": "board", "title": "Board", "panels": list(panels), "templating": {"list": list(variables)}, **more}
    )


class Answered(NamedTuple):
    """What the server said."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site(NamedTuple):
    """A preview that runs."""

    url: str

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: str | Sequence[str]) -> Answered:
        address = f"{self.url.rstrip('/')}{path}"
        if query:
            address += "?" + urlencode({name.replace("__", "-"): value for name, value in query.items()}, doseq=True)
        request = urllib.request.Request(address, headers=dict(headers or {}))
        try:
            with closing(urllib.request.urlopen(request, timeout=60)) as answer:
                return Answered(answer.status, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as refused:
            with closing(refused):
                return Answered(refused.code, refused.read().decode(), dict(refused.headers))

    def panel(self, uid: str, number: int, **query: str | Sequence[str]) -> Any:
        return self.get(f"/api/d/{uid}/panel/{number}", None, **query).json


@contextmanager
def site(dashboards: Sequence[Dashboard], ask: Ask, now_ms: int) -> Iterator[Site]:
    """Serve dashboards for as long as the block lasts."""
    is_ready, loops, ended = Event(), list[asyncio.AbstractEventLoop](), asyncio.Event()

    async def serve(sock: socket) -> None:
        runner = web.AppRunner(application(Preview(Library(list(dashboards)), ask, lambda: now_ms)), shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, sock).start()
        loops.append(asyncio.get_running_loop())
        is_ready.set()
        await ended.wait()
        await runner.cleanup()

    with closing(listening(0)) as sock:
        thread = Thread(target=lambda: asyncio.run(serve(sock)), name="preview")  # a loop of its own: tests have theirs
        thread.start()
        assert is_ready.wait(10)
        try:
            yield Site(url_of(sock))
        finally:
            loops[0].call_soon_threadsafe(ended.set)
            thread.join()


def drawings(pages: Site) -> Iterator[tuple[str, Any]]:
    """Return what is drawn for every panel of every dashboard that is served, by the titles of both."""
    for each in pages.get("/api/dashboards").json["dashboards"]:
        for place in pages.get(f"/api/d/{each['uid']}").json["panels"]:
            yield f"{each['title']}: {place['title']}", pages.panel(each["uid"], place["id"])
