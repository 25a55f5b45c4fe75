"""Pulls: the history of a system from its API, whatever happens on the way, is the same events; none counts twice."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from schemas.codec import decode
from schemas.connectors import connector
from streams.cli import app
from streams.cli.asking import ATTEMPTS, Api, AwayError, RefusedError
from streams.cli.pulling import Pulled, Pulling, lookups_of, pulled_by
from streams.core.mapping import MappedEvent, Mapping
from streams.core.pull.checkpoint import Checkpoint, begun, told
from streams.core.pull.paging import PagingError, Span
from streams.core.ticket.measures import row_of
from tests.histories import folded
from tests.mappings import NOW_MS
from tests.process import Process
from tests.unit.test_connectors import FOLDER, deliveries, events_of, imported, said
from tests.unit.test_measures import columns
from tests.vendors import (
    TOKEN,
    USER,
    Asked,
    Chatwoot,
    Fault,
    Shopify,
    Standing,
    Told,
    Vendor,
    Zammad,
    Zendesk,
    standing,
)

SINCE_MS: Final = 1_735_689_600_000
ENVIRONMENT: Final = {"SERVICEPULSE_PULL_TOKEN": TOKEN, "SERVICEPULSE_PULL_USER": USER}


def zendesk(page: int = 3) -> Zendesk:
    samples = FOLDER / "zendesk" / "samples"
    events = json.loads((samples / "export.json").read_text())["ticket_events"]
    customer = {"id": 900100, "name": "Ida", "role": "end-user"}
    agents = json.loads((samples / "agents.json").read_text())["users"]
    return Zendesk(events, [customer, *agents, {"id": 900201, "name": "Ann", "role": "admin"}], page)


def shopify(**how: Any) -> Shopify:
    """Return a shop with the orders of the samples as they stand in the end."""
    latest: dict[int, dict[str, Any]] = {}
    for one in deliveries("shopify"):
        if one["$headers"]["X-Shopify-Topic"] != "refunds/create":
            latest[one["$body"]["id"]] = one["$body"]
    return Shopify(list(latest.values()), **how)


def zammad(page: int = 1) -> Zammad:
    return Zammad(deliveries("zammad"), page)


def chatwoot(page: int = 25) -> Chatwoot:
    return Chatwoot(json.loads((FOLDER / "chatwoot" / "samples" / "export.json").read_text()), page, messages=2)


class Puller:
    """Pulls from a vendor as the command does, but lets no time pass."""

    def __init__(self, stands: Standing, name: str) -> None:
        self.name, text, pull = pulled_by(name)
        self.stands = stands
        self.paused: list[float] = []
        self.said: list[str] = []
        credentials = {"token": TOKEN, "user": USER}
        api = Api(pull, credentials, say=self.said.append, pause=self.paused.append, now_ms=lambda: NOW_MS)
        lookups = lookups_of(api, stands.address, pull)
        mapping = Mapping.read(text, is_live=False, lookups=lookups)
        self.source = mapping.source
        self.pulling = Pulling(api, stands.address, pull, mapping, lambda: NOW_MS)

    def start(self, until_ms: int | None = None) -> Checkpoint:
        return begun(self.name, self.stands.address, self.source, Span(SINCE_MS, until_ms), NOW_MS)

    def pages(self, start: Checkpoint | None = None) -> Iterator[Pulled]:
        return self.pulling.pages(start or self.start())

    def events(self, start: Checkpoint | None = None) -> dict[str, str]:
        """Return what each event says by its id; each comes once."""
        found: dict[str, str] = {}
        for page in self.pages(start):
            assert not page.rejected
            for event in page.events:
                assert event.id not in found
                found[event.id] = said(event)
        return found


@cache
def undisturbed(vendor: Callable[[], Vendor], name: str) -> dict[str, str]:
    with standing(vendor()) as stands:
        return Puller(stands, name).events()


def invoke(stands: Standing, *arguments: str, name: str = "shopify", **environment: str | None) -> Result:
    asked = ["pull", name, "--address", stands.address, "--since", "2025-01-01", *arguments]
    return CliRunner().invoke(app, asked, env={**ENVIRONMENT, **environment})


def lines_of(path: Path) -> dict[str, Any]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({event["id"] for event in events}) == len(events)
    return {event["id"]: event for event in events}


def test_a_pull_of_zendesk_gives_what_an_import_of_the_export_gives() -> None:
    with standing(zendesk()) as stands:
        pulled = Puller(stands, "zendesk").events()
    export = imported(FOLDER / "zendesk" / "samples" / "export.json")
    assert pulled == {event.id: said(event) for event in export.events}
    assert stands.asked[2].query == {"start_time": ["1735689600"], "include": ["comment_events"]}


def test_a_pull_of_shopify_gives_the_orders_as_their_webhooks_told_them() -> None:
    live = events_of(Mapping.read(connector("shopify") or ""), deliveries("shopify"))
    assert undisturbed(shopify, "shopify") == live


FAULTS = st.one_of(
    st.sampled_from([429, 503]).flatmap(
        lambda status: st.sampled_from([{}, {"Retry-After": "2.0"}]).map(lambda headers: Fault(status, headers))
    ),
    st.just(Fault(500)),
    st.just(Fault(is_cut=True)),
)


@pytest.mark.weighty
@pytest.mark.parametrize("vendor", [zendesk, shopify, zammad, chatwoot])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    faults=st.dictionaries(st.integers(0, 12), FAULTS, max_size=6),
    page=st.integers(1, 4),
    forgets_at=st.integers(-1, 4),
    repeats_at=st.integers(-1, 4),
)
def test_whatever_goes_wrong_and_wherever_it_stops_the_events_are_the_same(
    vendor: Callable[..., Any],
    data: st.DataObject,
    faults: dict[int, Fault],
    page: int,
    forgets_at: int,
    repeats_at: int,
) -> None:
    name = vendor.__name__
    shop = {"forgets_at": forgets_at, "repeats_at": repeats_at} if name == "shopify" else {}
    expected = undisturbed(vendor, name)
    with standing(vendor(page=page, **shop)) as stands:
        stands.faults = faults
        found: dict[str, str] = {}
        at = None
        while at is None or not at.is_done:
            stop = data.draw(st.integers(1, 4))
            for number, pulled in enumerate(Puller(stands, name).pages(at), start=1):
                assert not pulled.rejected
                for event in pulled.events:
                    assert found.setdefault(event.id, said(event)) == said(event)
                at = pulled.checkpoint
                if number == stop:
                    break
    assert found == expected


@settings(max_examples=5)
@given(st.data())
def test_backfill_and_webhooks_in_any_order_are_the_events_that_either_alone_gives(data: st.DataObject) -> None:
    mapping = Mapping.read(connector("shopify") or "")
    hooks = [list(events_of(mapping, [one]).items()) for one in deliveries("shopify")]
    with standing(shopify(page=1)) as stands:
        pages = [[(event.id, said(event)) for event in page.events] for page in Puller(stands, "shopify").pages()]
    stored: dict[str, str] = {}
    for batch in data.draw(st.permutations([*hooks, *pages])):
        for id, content in batch:
            assert stored.setdefault(id, content) == content
    assert stored == dict(one for batch in hooks for one in batch) == dict(one for batch in pages for one in batch)


@settings(max_examples=5)
@given(st.data())
def test_what_zendesk_tells_by_hook_and_by_export_is_one_event_but_for_the_creation(data: st.DataObject) -> None:
    mapping = Mapping.read(connector("zendesk") or "")
    told = [one for one in deliveries("zendesk") if one["detail"]["id"] == "4711"]
    hooks = [list(events_of(mapping, [one]).items()) for one in told]
    pages = [list(undisturbed(zendesk, "zendesk").items())]
    stored: dict[str, str] = {}
    for batch in data.draw(st.permutations([*hooks, *pages])):
        for id, content in batch:
            assert stored.setdefault(id, content) == content
    live, export = {id for batch in hooks for id, _ in batch}, {id for id, _ in pages[0]}
    assert export - live == {"ticket-4711-audit-created"}
    unknown_to_audits = ("created", "complaint", "csat")
    assert all(any(word in id for word in unknown_to_audits) for id in live - export)


@settings(max_examples=5)
@given(st.data())
def test_what_zammad_tells_by_hook_and_by_its_api_is_one_event(data: st.DataObject) -> None:
    mapping = Mapping.read(connector("zammad") or "")
    hooks = [list(events_of(mapping, [one]).items()) for one in deliveries("zammad")]
    pulled = undisturbed(zammad, "zammad")
    stored: dict[str, str] = {}
    for batch in data.draw(st.permutations([*hooks, list(pulled.items())])):
        for id, content in batch:
            assert stored.setdefault(id, content) == content
    live = {id for batch in hooks for id, _ in batch}
    assert all("-owner-" in id or "-group-" in id for id in pulled.keys() - live)
    # What the API does not keep: attributes as they were before, and states that did not change.
    not_kept = ("-attributes-", "-state-", "-complaint-")
    assert not [id for id in live - pulled.keys() if not any(word in id for word in not_kept)]
    changed = [id for id in pulled if "-state-" in id]
    assert len(changed) > len({json.loads(pulled[id])["subject"] for id in changed})


@settings(max_examples=5)
@given(st.data())
def test_what_chatwoot_tells_by_hook_and_by_its_api_is_one_event_but_for_the_creation(data: st.DataObject) -> None:
    mapping = Mapping.read(connector("chatwoot") or "")
    hooks = [list(events_of(mapping, [one]).items()) for one in deliveries("chatwoot")]
    pulled = undisturbed(chatwoot, "chatwoot")
    stored: dict[str, str] = {}
    for batch in data.draw(st.permutations([*hooks, list(pulled.items())])):
        for id, content in batch:
            assert stored.setdefault(id, content) == content
    live = {id for batch in hooks for id, _ in batch}
    assert {id for id in live if id.startswith("message-") and "-rated-" not in id} <= pulled.keys()
    as_it_stands = {f"conversation-81-{word}-1772451001.5" for word in ("agent", "team", "priority")}
    assert pulled.keys() - live == as_it_stands | {
        "conversation-81-created-as-listed",
        "conversation-81-status-1772451001.5-resolved",
    }


@pytest.mark.parametrize(("vendor", "ticket"), [(zendesk, "4711"), (zammad, "21"), (chatwoot, "81")])
def test_history_beside_the_hook_leaves_the_tables_as_the_hook_alone_made_them(
    vendor: Callable[[], Any], ticket: str
) -> None:
    name = vendor.__name__
    mapping = Mapping.read(connector(name) or "")
    hook = [event for told in deliveries(name) for event in mapping.of(told, now_ms=NOW_MS).events]
    with standing(vendor()) as stands:
        history = [event for page in Puller(stands, name).pages() for event in page.events]

    def row(*events: MappedEvent) -> dict[str, Any]:
        told = [decode(event.raw, now_ms=NOW_MS) for event in events if event.subject == ticket]
        told_of = columns(row_of(folded(told, ticket), NOW_MS))
        return {name: value for name, value in told_of.items() if name not in ("version", "events", "state")}

    # A group from the creation on is known to Zammad's history alone: deliveries begin some milliseconds later.
    first = [event for event in history if event.id.endswith("-group-first")]
    assert row(*hook, *history) == row(*history, *hook) == row(*hook, *first)


def test_it_waits_as_long_as_the_api_says() -> None:
    with standing(shopify()) as stands:
        stands.faults = {0: Fault(429, {"Retry-After": "7.5"}), 2: Fault(429, {"Retry-After": "11"})}
        puller = Puller(stands, "shopify")
        assert puller.events() == undisturbed(shopify, "shopify")
    assert puller.paused == [7.5, 11]
    assert puller.said == ["Waiting 8 s: status 429.", "Waiting 11 s: status 429."]


def test_a_date_to_wait_for_is_understood_and_one_of_the_past_waits_not() -> None:
    with standing(shopify()) as stands:
        later, earlier = "Fri, 15 Jan 2027 08:00:09 GMT", "Fri, 15 Jan 2026 08:00:09 GMT"
        stands.faults = {0: Fault(503, {"Retry-After": later}), 1: Fault(503, {"Retry-After": earlier})}
        puller = Puller(stands, "shopify")
        puller.events()
    assert puller.paused == [9, 0]


def test_without_a_word_from_the_api_pauses_grow_and_end() -> None:
    with standing(shopify()) as stands:
        stands.faults = dict.fromkeys(range(100), Fault(500))
        puller = Puller(stands, "shopify")
        with pytest.raises(AwayError, match=r"/orders.json gave no page in 10 attempts: status 500"):
            puller.events()
    assert len(puller.paused) == ATTEMPTS - 1
    assert puller.paused[0] < 3 < puller.paused[4] < 61


def test_before_the_bucket_is_full_it_asks_more_slowly() -> None:
    with standing(shopify(used=37)) as stands:
        puller = Puller(stands, "shopify")
        puller.events()
    assert puller.paused == [2.0] * len(stands.asked)


def test_a_cursor_that_expired_is_begun_again_from_the_time_reached() -> None:
    with standing(shopify(page=1, forgets_at=2)) as stands:
        assert Puller(stands, "shopify").events() == undisturbed(shopify, "shopify")
    begins = [text for text in stands.queries("updated_at_min") if text]
    assert begins[0] == "2025-01-01T00:00:00Z"
    assert len(begins) == 2
    assert begins[1] > begins[0]


class Forgetful:
    """A shop whose cursors are never known."""

    def answer(self, asked: Asked) -> Told:
        if asked.one("page_info"):
            return Told({}, 400)
        url = f"http://{asked.headers['Host']}{asked.path}?page_info=never"
        return Told({"orders": []}, headers={"Link": f'<{url}>; rel="next"'})


def test_a_cursor_that_always_expires_is_no_endless_loop() -> None:
    with standing(Forgetful()) as stands, pytest.raises(RefusedError, match="once more before anything new was read"):
        Puller(stands, "shopify").events()


class Leading:
    """A shop that names one and the same next page for ever, here or elsewhere."""

    def __init__(self, url: str) -> None:
        self.url = url

    def answer(self, _: Asked) -> Told:
        return Told({"orders": []}, headers={"Link": f'<{self.url}>; rel="next"'})


def test_a_page_that_names_itself_ends_the_pull() -> None:
    with standing(Leading("/admin?page_info=again")) as stands:
        with pytest.raises(PagingError, match="page 2 leads back to one that was read"):
            Puller(stands, "shopify").events()
        assert len(stands.asked) == 2


def test_credentials_are_sent_to_no_other_host() -> None:
    with standing(shopify()) as other, standing(Leading(f"{other.address}/x")) as stands:
        with pytest.raises(PagingError, match="where no credentials are sent"):
            Puller(stands, "shopify").events()
        assert not other.asked


def test_only_the_time_asked_for_is_read_and_nothing_far_behind_it() -> None:
    with standing(zendesk(page=2)) as stands:
        puller = Puller(stands, "zendesk")
        until_ms = 1_772_444_412_000  # the first answer of the sample
        events = puller.events(puller.start(until_ms))
    times = [json.loads(content)["time"] for content in events.values()]
    assert max(times) == "2026-03-02T09:40:12Z"
    behind = [text for text in stands.queries("start_time") if text and int(text) * 1000 > until_ms]
    assert len(behind) == 1


def test_a_pull_writes_events_to_a_file_and_says_so(tmp_path: Path) -> None:
    with standing(zendesk()) as stands:
        result = invoke(stands, "--to", str(tmp_path / "out"), "--source", "urn:zendesk:acme", name="zendesk")
    assert result.exit_code == 0, result.output
    events = lines_of(tmp_path / "out")
    assert f"14 records of the time asked for: {len(events)} events written to {tmp_path / 'out'}" in result.output
    assert {event["source"] for event in events.values()} == {"urn:zendesk:acme"}
    assert all(event["replay"] for event in events.values())


@pytest.mark.parametrize("environment", [{"SERVICEPULSE_PULL_TOKEN": "tok-another"}, {"SERVICEPULSE_PULL_TOKEN": None}])
def test_a_wrong_token_is_said_in_a_sentence_and_nothing_begins(
    tmp_path: Path, environment: dict[str, str | None]
) -> None:
    with standing(zendesk()) as stands:
        result = invoke(stands, "--to", str(tmp_path / "out"), name="zendesk", **environment)
    assert result.exit_code == 2
    assert "SERVICEPULSE_PULL_TOKEN" in result.output
    assert "tok-" not in result.output
    assert not (tmp_path / "out").exists()


def test_no_token_is_in_anything_that_is_said_or_kept(tmp_path: Path) -> None:
    with standing(shopify(page=1)) as stands:
        stands.faults = {0: Fault(429, {"Retry-After": "0"}), 3: Fault(418)}
        result = invoke(stands, "--to", str(tmp_path / "out"), "--checkpoint", str(tmp_path / "point"))
    assert result.exit_code == 1
    assert "refuses what is asked (status 418)" in result.output
    kept = "".join(path.read_text() for path in tmp_path.iterdir())
    assert TOKEN not in kept + result.output + repr(result.exception)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://shop.example.com", "use https://"),
        ("https://me:secret@shop.example.com", "SERVICEPULSE_PULL_TOKEN"),
        ("shop.example.com", "is no address"),
        ("https://shop.example.com:x", "is no address"),
    ],
)
def test_an_address_that_would_show_the_token_is_refused(address: str, told: str) -> None:
    result = CliRunner().invoke(
        app, ["pull", "shopify", "--address", address, "--since", "2025-01-01"], env=ENVIRONMENT
    )
    assert result.exit_code == 2
    assert told in result.output
    assert "secret" not in result.output


def test_a_system_whose_api_no_mapping_describes_is_told_with_those_that_are() -> None:
    result = CliRunner().invoke(app, ["pull", "jira", "--address", "https://x.example", "--since", "2025-01-01"])
    assert result.exit_code == 2
    assert "jira does not say how its API is asked" in result.output
    assert "zendesk/export" in result.output


@pytest.mark.weighty
def test_a_pull_that_was_killed_goes_on_behind_the_last_page(tmp_path: Path) -> None:
    out, point = tmp_path / "out", tmp_path / "point"
    arguments = ["--to", str(out), "--checkpoint", str(point)]
    with standing(shopify(page=1)) as stands:
        command = [sys.executable, "-m", "streams.cli", "pull", "shopify", "--address", stands.address]
        with Process([*command, "--since", "2025-01-01", *arguments], env={**ENVIRONMENT, "PATH": ""}) as process:

            def kill(number: int) -> None:
                if number == 3:
                    process.send_signal(signal.SIGKILL)
                    process.wait()

            stands.before = kill
            assert process.wait(timeout=120) == -signal.SIGKILL
        with out.open("ab") as torn:
            torn.write(b'{"specversion":"1.0","id":"torn')  # of the page that no checkpoint knows
        stands.before = lambda _: None
        asked = len(stands.asked)
        result = invoke(stands, *arguments)
        assert result.exit_code == 0, result.output
        assert stands.asked[asked].one("page_info")
    assert lines_of(out).keys() == undisturbed(shopify, "shopify").keys()


def test_a_finished_pull_goes_on_with_what_is_new_since(tmp_path: Path) -> None:
    arguments = ["--to", str(tmp_path / "out"), "--checkpoint", str(tmp_path / "point")]
    shop = shopify()
    late = shop.orders.pop()
    with standing(shop) as stands:
        assert invoke(stands, *arguments).exit_code == 0
        shop.orders.append(late | {"updated_at": "2026-05-01T00:00:00Z"})
        asked = len(stands.asked)
        assert invoke(stands, *arguments).exit_code == 0
        assert stands.asked[asked].one("updated_at_min") > "2026"
    assert {json.loads(line)["id"] for line in (tmp_path / "out").read_text().splitlines()} == set(
        undisturbed(shopify, "shopify")
    )


def test_a_checkpoint_of_another_pull_is_refused(tmp_path: Path) -> None:
    point = tmp_path / "point"
    with standing(shopify()) as stands:
        for text, why in (
            (told(Puller(stands, "shopify").start(until_ms=1)), "of a pull with another until"),
            (b"{}", "no checkpoint of a pull"),
        ):
            point.write_bytes(text)
            result = invoke(
                stands, "--to", str(tmp_path / "out"), "--checkpoint", str(point), "--source", "urn:shopify"
            )
            assert result.exit_code == 2
            assert why in result.output


def test_what_gives_no_events_is_kept_and_told(tmp_path: Path) -> None:
    shop = shopify()
    shop.orders[0]["financial_status"] = "strange"
    with standing(shop) as stands:
        arguments = ["--to", str(tmp_path / "out"), "--rejected", str(tmp_path / "rejected")]
        result = invoke(stands, *arguments)
        assert invoke(stands, *arguments, "--allow-rejected").exit_code == 0
    assert result.exit_code == 1
    assert "no rule applies" in result.output
    kept = json.loads((tmp_path / "rejected").read_text().splitlines()[0])
    assert kept["document"] == shop.orders[0]
