"""Systems for tests, as their documentation describes their APIs: pages, cursors, limits; and what goes wrong there."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from streams.core.mapping.pull import Pull
from streams.core.pull.paging import at_ms

USER: Final = "ida@example.com"
TOKEN: Final = "tok-3n-never-shown"


class Asked(NamedTuple):
    """A request."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    def one(self, name: str, otherwise: str = "") -> str:
        return self.query.get(name, [otherwise])[0]


class Told(NamedTuple):
    """An answer."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Fault(NamedTuple):
    """What goes wrong with one request: another status, or the connection is cut in the middle of the page."""

    status: int = 0
    headers: Mapping[str, str] = {}
    is_cut: bool = False


class Vendor(Protocol):
    def answer(self, asked: Asked, /) -> Told: ...


@dataclass
class Standing:
    """A vendor that stands on a port of its own.

    Attributes:
        address: Of its API.
        asked: All requests so far.
        faults: What goes wrong with which request, counted from 0.
        before: Called with the number of each request before it is answered.
    """

    vendor: Vendor
    address: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    before: Callable[[int], None] = lambda _: None

    def queries(self, name: str) -> list[str]:
        return [one.one(name) for one in self.asked]


@contextmanager
def standing(vendor: Vendor) -> Iterator[Standing]:
    """Let a vendor answer, each request by a thread of its own."""
    stands = Standing(vendor)

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else each waits for the other's acknowledgement

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(parts.path, parse_qs(parts.query), dict(self.headers.items()))
            number = len(stands.asked)
            stands.asked.append(asked)
            stands.before(number)
            fault = stands.faults.get(number)
            told = vendor.answer(asked)
            if fault and fault.status:
                told = Told({"error": "of the test"}, fault.status, fault.headers)
            body = json.dumps(told.body).encode()
            self.send_response(told.status)
            for name, text in {**told.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault and fault.is_cut else body)
            if fault and fault.is_cut:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    stands.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stands
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Zendesk:
    """The incremental ticket event export, which goes by time, and the users of an account.

    Items of the second with which a page ends come again on the next one, as the documentation warns.
    """

    events: list[dict[str, Any]]
    users: list[dict[str, Any]]
    page: int = 3

    def answer(self, asked: Asked) -> Told:
        expected = b64encode(f"{USER}/token:{TOKEN}".encode()).decode()
        if asked.headers.get("Authorization") != f"Basic {expected}":
            return Told({"error": "Couldn't authenticate you"}, 401)
        if asked.path == "/api/v2/users.json":
            return self._users(asked)
        if asked.path != "/api/v2/incremental/ticket_events.json":
            return Told({"error": "InvalidEndpoint"}, 404)
        start = int(asked.one("start_time"))
        left = sorted((one for one in self.events if one["timestamp"] >= start), key=lambda one: one["timestamp"])
        shown = left[: self.page]
        # A page ends later than it begins, or the export would go round for ever.
        while len(shown) < len(left) and shown[-1]["timestamp"] == start:
            shown = left[: len(shown) + 1]
        end = shown[-1]["timestamp"] if shown else start
        following = urlencode({"start_time": end})
        if asked.one("include") != "comment_events":
            shown = [one | {"child_events": _without_comments(one)} for one in shown]
        return Told(
            {
                "ticket_events": shown,
                "count": len(shown),
                "end_of_stream": len(shown) == len(left),
                "end_time": end,
                "next_page": f"http://{asked.headers['Host']}{asked.path}?{following}",
            }
        )

    def _users(self, asked: Asked) -> Told:
        """Users come by cursor, one a page."""
        wanted = [one for one in self.users if one["role"] in asked.query["role[]"]]
        place = int(asked.one("page[after]", "0"))
        has_more = place + 1 < len(wanted)
        again = [("role[]", role) for role in asked.query["role[]"]]
        following = urlencode([*again, ("page[size]", "100"), ("page[after]", str(place + 1))])
        url = f"http://{asked.headers['Host']}{asked.path}?{following}"
        links = {"next": url, "prev": None}
        return Told({"users": wanted[place : place + 1], "meta": {"has_more": has_more}, "links": links})


def _without_comments(event: Mapping[str, Any]) -> list[Any]:
    return [child for child in event["child_events"] if child["event_type"] != "Comment"]


@dataclass
class Shopify:
    """Orders by time of their last change; pages by cursors, which the shop forgets; a bucket that leaks.

    Attributes:
        forgets_at: With so many cursors handed out, all of before are forgotten.
        repeats_at: Which page is given once more instead of the one behind it.
        used: How full the bucket is said to be.
    """

    orders: list[dict[str, Any]]
    page: int = 2
    forgets_at: int = -1
    repeats_at: int = -1
    used: int = 1
    cursors: dict[str, tuple[str, int]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("X-Shopify-Access-Token") != TOKEN:
            return Told({"errors": "[API] Invalid API key or access token"}, 401)
        if asked.path != "/admin/api/2026-01/orders.json":
            return Told({"errors": "Not Found"}, 404)
        cursor = asked.one("page_info")
        if cursor and len(asked.query) > 2:
            return Told({"errors": {"base": "only limit and page_info can be given together"}}, 400)
        if cursor and cursor not in self.cursors:
            return Told({"errors": {"page_info": "Invalid value."}}, 400)
        since, place = self.cursors[cursor] if cursor else (asked.one("updated_at_min"), 0)
        return self._told(asked, since, place)

    def _told(self, asked: Asked, since: str, place: int) -> Told:
        left = sorted((one for one in self.orders if _ms(one) >= _instant(since)), key=_ms)
        if place and len(self.cursors) == self.repeats_at:
            place -= self.page
        headers = {"X-Shopify-Shop-Api-Call-Limit": f"{self.used}/40"}
        if place + self.page < len(left):
            cursor = f"cursor{len(self.cursors)}"
            self.cursors[cursor] = (since, place + self.page)
            if len(self.cursors) == self.forgets_at:
                self.cursors = {f"forgotten{number}": one for number, one in enumerate(self.cursors.values())}
            base = f"http://{asked.headers['Host']}{asked.path}"
            headers["Link"] = f'<{base}?limit=250&page_info=x>; rel="previous", ' if place else ""
            headers["Link"] += f'<{base}?limit=250&page_info={cursor}>; rel="next"'
        return Told({"orders": left[place : place + self.page]}, headers=headers)


@dataclass
class Zammad:
    """Tickets by their number, expanded as `expand=true` asks, with articles and history of each.

    Attributes:
        deliveries: What the webhook told of the tickets, in the order of time.
    """

    deliveries: list[dict[str, Any]]
    page: int = 100

    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("Authorization") != f"Token token={TOKEN}":
            return Told({"error": "Invalid BasicAuth credentials"}, 401)
        place, _, id = asked.path.removeprefix("/api/v1/").rpartition("/")
        of_ticket = [one for one in self.deliveries if str(one["ticket"]["id"]) == id]
        match place:
            case "":
                return Told(self._tickets(int(asked.one("page"))))
            case "ticket_articles/by_ticket":
                articles = [one["article"] for one in of_ticket if one["article"]]
                return Told(list({one["id"]: one for one in articles}.values()))
            case "ticket_history":
                return Told({"history": self._history([one["ticket"] for one in of_ticket]), "assets": {}})
        return Told({"error": "No route matches"}, 404)

    def _tickets(self, page: int) -> list[dict[str, Any]]:
        latest = {one["ticket"]["id"]: one["ticket"] for one in sorted(self.deliveries, key=_changed)}
        some = [latest[id] for id in sorted(latest)][(page - 1) * self.page : page * self.page]
        return [one | {name: _name_of(one.get(name)) for name in ("customer", "group", "priority")} for one in some]

    def _history(self, tickets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what changed, under the instant of the change as the ticket has it; creations name no state."""
        ordered = sorted(tickets, key=lambda one: str(one["updated_at"]))
        made = [{"object": "Ticket", "type": "created", "created_at": ordered[0]["created_at"]}] if ordered else []
        return made + [
            {
                "object": "Ticket",
                "type": "updated",
                "attribute": attribute,
                "value_from": _name_of(before[attribute]),
                "value_to": _name_of(after[attribute]),
                "id_from": before[f"{attribute}_id"],
                "id_to": after[f"{attribute}_id"],
                "created_at": after["updated_at"],
            }
            for before, after in pairwise(ordered)
            for attribute in ("state", "owner", "group")
            if _name_of(before[attribute]) != _name_of(after[attribute])
        ]


def _changed(delivery: dict[str, Any]) -> str:
    return str(delivery["ticket"]["updated_at"])


def _name_of(thing: Any) -> Any:
    """Return what an expanded answer has in the place of a thing: its name, of a person the login."""
    return thing.get("name", thing.get("login")) if isinstance(thing, dict) else thing


@dataclass
class Chatwoot:
    """The conversations of an account, page by page, and the messages of each, behind a given one.

    Attributes:
        listed: Conversations, each with its messages.
    """

    listed: list[dict[str, Any]]
    page: int = 25
    messages: int = 100

    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("api_access_token") != TOKEN:
            return Told({"errors": ["You need to sign in or sign up before continuing."]}, 401)
        place = asked.path.removeprefix("/conversations").strip("/")
        if not place:
            page = int(asked.one("page"))
            shown = [one["conversation"] for one in self.listed][(page - 1) * self.page : page * self.page]
            return Told({"data": {"meta": {"all_count": len(self.listed)}, "payload": shown}})
        of = {str(one["conversation"]["id"]): one["messages"] for one in self.listed}[place.partition("/")[0]]
        behind = [one for one in of if one["id"] > int(asked.one("after"))]
        return Told({"meta": {}, "payload": behind[: self.messages]})


_UPDATED: Final = Pull.model_validate({"path": "/", "at": "updated_at"})


def _ms(order: object) -> int:
    found = at_ms(_UPDATED, order)
    assert found is not None
    return found


def _instant(text: str) -> int:
    return _ms({"updated_at": text})
