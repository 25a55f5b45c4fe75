"""The web server of the preview: loopback only, pages and answers only for its own pages, no SQL from outside."""

import asyncio
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web
from aiohttp.typedefs import Handler

from dashboards.preview.draw.scene import Drawing
from dashboards.preview.draw.words import html_of
from dashboards.preview.fault import PreviewError, UnknownError
from dashboards.preview.frame import Ask
from dashboards.preview.library import Dashboard, Library
from dashboards.preview.panels import View, page, panel_drawing, view_of

STATIC: Final = Path(__file__).parent / "static"
NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
"""As what a browser on this machine may address us; any other name was led here by somebody else's DNS."""
AT_ONCE: Final = 4
"""Queries that run side by side: a page has a dozen panels, and the database other work."""
_KINDS: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Nothing comes from elsewhere. Only styles may stand in the page: the charting library writes its own there."""


def chart_library() -> Path:
    """Return the charting library's script, which its Python package carries.

    Raises:
        PreviewError: When the package is not installed.
    """
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise PreviewError("the preview draws with plotly, which is not installed: pip install 'servicepulse[preview]'")
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


@dataclass(frozen=True)
class Preview:
    """What the pages are made from.

    Attributes:
        library: The dashboards.
        ask: Runs a query; called from several threads at once.
        now_ms: The clock.
    """

    library: Library
    ask: Ask
    now_ms: Callable[[], int]


def application(preview: Preview) -> web.Application:
    """Return the web application.

    Raises:
        PreviewError: When the charting library is not installed.
    """
    app = web.Application(middlewares=[_guard], handler_args={"access_log": None})
    routes = _Routes(preview, chart_library(), asyncio.Semaphore(AT_ONCE))
    app.add_routes(
        [
            web.get("/", routes.home),
            web.get("/manual", routes.manual),
            web.get("/d/{uid}", routes.shell),
            web.get("/d/{uid}/{slug}", routes.shell),
            web.get("/static/plotly.js", routes.charts),
            web.get("/static/{name}", routes.static),
            web.get("/favicon.ico", routes.icon),
            web.get("/api/dashboards", routes.dashboards),
            web.get("/api/d/{uid}", routes.dashboard),
            web.get("/api/d/{uid}/panel/{panel}", routes.panel),
        ]
    )
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only those who mean us, and nothing to pages of others."""
    if request.host.rpartition(":")[0] not in NAMES and request.host not in NAMES:
        return _text("this address is not ours: open the one that servicepulse printed", 421)
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"} and request.path.startswith("/api"):
        return _text("answers are for the pages of this server only", 403)
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        return _text(refusal.reason, refusal.status)
    response.headers.update(_HEADERS)
    return response


class _Routes:
    """What each address answers."""

    def __init__(self, preview: Preview, charts: Path, turn: asyncio.Semaphore) -> None:
        self._preview = preview
        self._charts = charts
        self._turn = turn

    async def home(self, request: web.Request) -> web.StreamResponse:
        """Lead to the first dashboard, with the range and the choices that were asked for."""
        uid = self._preview.library.dashboards[0].uid
        chosen = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        return web.Response(status=302, headers={"Location": f"/d/{uid}{chosen}"})

    async def shell(self, request: web.Request) -> web.StreamResponse:
        found = any(each.uid == request.match_info["uid"] for each in self._preview.library.dashboards)
        missing = "# There is no such dashboard\n\n[Those that there are](/)"
        return _file(STATIC / "index.html") if found else _page(missing, status=404)

    async def manual(self, _: web.Request) -> web.StreamResponse:
        return _page((STATIC / "manual.md").read_text(encoding="utf-8"))

    async def charts(self, _: web.Request) -> web.StreamResponse:
        return _file(self._charts, seconds=86_400)

    async def static(self, request: web.Request) -> web.StreamResponse:
        files = {file.name: file for file in STATIC.iterdir() if file.suffix in _KINDS}
        file = files.get(request.match_info["name"])
        return _file(file) if file else _text("there is no such file", 404)

    async def icon(self, _: web.Request) -> web.StreamResponse:
        """Return the icon where browsers look for it by themselves, as beside a picture or an answer of the API."""
        return _file(STATIC / "icon.svg")

    async def dashboards(self, _: web.Request) -> web.StreamResponse:
        listed = [{"uid": each.uid, "title": each.title} for each in self._preview.library.dashboards]
        return _json({"dashboards": listed})

    async def dashboard(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, page)

    async def panel(self, request: web.Request) -> web.StreamResponse:
        number = _number(request.match_info["panel"], "panel")
        points = _number(request.query.get("points", "600"), "points")

        def draw(view: View, ask: Ask) -> Drawing:
            return panel_drawing(view, view.dashboard.panel(number), points, ask)

        return await self._answer(request, draw)

    async def _answer(self, request: web.Request, make: Callable[[View, Ask], Drawing]) -> web.StreamResponse:
        """Make an answer in a thread; what is wrong with a panel is an answer too, for its reader."""
        try:
            dashboard = self._preview.library.dashboard(request.match_info["uid"])
            async with self._turn:
                made = await asyncio.to_thread(lambda: make(self._view(request, dashboard), self._preview.ask))
        except UnknownError as error:
            return _json({"kind": "error", "text": str(error)}, 404)
        except PreviewError as error:
            return _json({"kind": "error", "text": str(error)})
        return _json(made)

    def _view(self, request: web.Request, dashboard: Dashboard) -> View:
        query = request.query
        wanted = {name.removeprefix("var-"): query.getall(name) for name in query if name.startswith("var-")}
        return view_of(
            dashboard,
            begin=query.get("from"),
            end=query.get("to"),
            zone=_zone(query.get("zone", "UTC")),
            wanted=wanted,
            now_ms=self._preview.now_ms(),
        )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownError(f"there is no time zone {name[:40]!r}") from error


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise web.HTTPNotFound(reason=f"{what} must be a number")
    return int(text)


def _file(file: Path, seconds: int = 0) -> web.StreamResponse:
    cache = f"max-age={seconds}" if seconds else "no-cache"
    return web.FileResponse(file, headers={"Content-Type": _KINDS[file.suffix], "Cache-Control": cache})


def _page(markdown: str, status: int = 200) -> web.StreamResponse:
    shell = (STATIC / "manual.html").read_text(encoding="utf-8")
    text = shell.replace("<!-- words -->", html_of(markdown))
    return web.Response(text=text, content_type="text/html", status=status)


def _json(content: Mapping[str, object], status: int = 200) -> web.StreamResponse:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=text, content_type="application/json", status=status, headers=headers)


def _text(text: str, status: int) -> web.StreamResponse:
    return web.Response(text=f"{text}\n", status=status, headers=_HEADERS)
