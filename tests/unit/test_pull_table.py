"""The `[pull]` table: what it can say, what is wrong with it, and how pages are found by it."""

from pathlib import Path

import pytest

from schemas.connectors import connectors
from streams.cli.importing import mapping_text
from streams.core.mapping import Mapping, MappingError, draft_of
from streams.core.mapping.pull import Listing, Next, Pace, Pull, PullPart
from streams.core.pull.paging import Page, PagingError, Span, at_ms, calls_left, elements_in, first_url, next_url
from tests.mappings import NOW_MS
from tests.unit.test_connectors import FOLDER, deliveries

MAPPING = """
format = "json"
source = "urn:example:desk"
ticket = "{id}"
time = { from = "{at}" }
[[rule]]
name = "created"
event = "ticket.created"
id = "{id}"
data = { channel = "mail", created_by = "customer" }
"""
ADDRESS = "https://desk.example.com/base"


def listing(**told: object) -> Listing:
    return Listing.model_validate({"path": "/items", **told})


def page(body: object = None, url: str = f"{ADDRESS}/items?a=1&page=2", **headers: str) -> Page:
    return Page(url, body, headers)


@pytest.mark.parametrize(
    ("table", "place", "message"),
    [
        ('path = "x"\nat = "at"', "pull.path", "pattern"),
        ('path = "/x"', "pull.at", "required"),
        ('path = "/x"\nat = "at"\nnext = { url = "u", link = "l" }', "pull.next", "one of `url`, `link`"),
        ('path = "/x"\nat = "at["', "pull.at", "is no path"),
        ('path = "/x"\nat = "at"\nquery = { from = "{then}" }', "pull", "not ['then']"),
        ('path = "/x"\nat = "at"\nbasic = "{name}:{token}"', "pull", "not ['name']"),
        ('path = "/x"\nat = "at"\nrecord_name = "x"', "pull.record_name", "unknown key; did you mean"),
        ('path = "/x"\nat = "at"\npart = [{ name = "notes", path = "/n" }]', "pull", "needs a name in the documents"),
    ],
)
def test_what_is_wrong_with_it_is_said_with_its_place(table: str, place: str, message: str) -> None:
    with pytest.raises(MappingError) as raised:
        Mapping.read(f"{MAPPING}\n[pull]\n{table}\n")
    assert message in {fault.place: fault.message for fault in raised.value.faults}[place]


def test_every_key_is_in_the_manual() -> None:
    manual = (FOLDER / "README.md").read_text()
    tables = {"part": "`[[pull.part]]`", "lookup": "`[pull.lookup.NAME]`"}
    keys = [key for part in (Pull, PullPart, Next, Pace) for key in part.model_fields]
    told = {key: [tables.get(key, f"`{key}`"), f"{key} = "] for key in keys}
    assert [key for key, ways in told.items() if not any(way in manual for way in ways)] == []


@pytest.mark.parametrize("name", [one for one in connectors() if draft_of(mapping_text(Path(one))).document.pull])
def test_the_page_of_each_system_that_is_pulled_tells_how(name: str) -> None:
    system = name.partition("/")[0]
    manual = (FOLDER / system / "README.md").read_text()
    assert f"servicepulse pull {system} --address https://" in manual
    pull = draft_of(mapping_text(Path(name))).document.pull
    assert pull
    assert [need for need in pull.needs if f"SERVICEPULSE_PULL_{need.upper()}" not in manual] == []


def test_the_first_page_asks_for_the_time_and_leaves_out_what_is_not_asked_for() -> None:
    asked = listing(
        query={"from": "{since}", "to": "{until}", "at": "{since_unix}", "role[]": ["a", "b"]}, next={"number": "page"}
    )
    assert first_url(f"{ADDRESS}/", asked, Span(1_735_689_600_000)) == (
        f"{ADDRESS}/items?from=2025-01-01T00%3A00%3A00Z&at=1735689600&role%5B%5D=a&role%5B%5D=b&page=1"
    )


def test_what_belongs_to_a_record_is_asked_by_what_the_record_says() -> None:
    asked = listing(path="/items/{case.id}/notes")
    assert first_url(ADDRESS, asked, Span(0), {"case": {"id": "7/8"}}) == f"{ADDRESS}/items/7%2F8/notes"


@pytest.mark.parametrize(
    ("how", "found", "expected"),
    [
        ({"url": "links.next"}, page({"links": {"next": "/items?c=2"}}), "https://desk.example.com/items?c=2"),
        ({"url": "links.next"}, page({"links": {"next": None}}), None),
        (
            {"link": "next"},
            page(link='<https://desk.example.com/x?c=a,b>; rel="next"'),
            "https://desk.example.com/x?c=a,b",
        ),
        (
            {"link": "next"},
            page(link='</p>; title="a, b"; rel=prev, </n>; rel="last next"'),
            "https://desk.example.com/n",
        ),
        ({"link": "next"}, page(link='</p>; rel="previous"'), None),
        ({"link": "next"}, page(), None),
        ({"number": "page"}, page([1]), f"{ADDRESS}/items?a=1&page=3"),
        ({"number": "page"}, page([]), None),
        ({"query": {"after": "[-1].id"}}, page([{"id": 4}]), f"{ADDRESS}/items?a=1&page=2&after=4"),
        ({"query": {"after": "[-1].id"}}, page([{}]), None),
    ],
)
def test_the_next_page_is_where_the_table_says(how: dict[str, object], found: Page, expected: str | None) -> None:
    assert next_url(listing(next=how), found) == expected


def test_behind_the_last_page_there_is_none() -> None:
    asked = listing(next={"url": "next"}, last="done")
    assert next_url(asked, page({"next": "/b", "done": True})) is None
    assert next_url(asked, page({"next": "/b", "done": False})) == "https://desk.example.com/b"
    assert next_url(listing(), page([1])) is None


@pytest.mark.parametrize("url", ["http://desk.example.com/x", "https://desk.example.com:8443/x", "//other.example/x"])
def test_no_page_of_another_host_or_without_encryption_is_asked(url: str) -> None:
    with pytest.raises(PagingError, match="where no credentials are sent"):
        next_url(listing(next={"url": "next"}), page({"next": url}))


def test_an_empty_page_is_not_the_last_one_where_the_last_one_says_so() -> None:
    asked = listing(next={"query": {"from": "end"}}, last="done", records="items")
    assert next_url(asked, page({"items": [], "end": 7, "done": False})) == f"{ADDRESS}/items?a=1&page=2&from=7"


def test_an_answer_without_the_list_is_no_empty_list() -> None:
    with pytest.raises(PagingError, match="has no items: is the address right"):
        elements_in(listing(records="items"), page({"error": "x"}))
    assert elements_in(listing(records="items"), page({"items": []})) == []


def test_instants_are_read_as_systems_write_them() -> None:
    pull = Pull.model_validate({"path": "/", "at": "at"})
    written = ["2026-03-02T10:15:00.250+01:00", "2026-03-02T09:15:00.25Z", 1772442900]
    assert [at_ms(pull, {"at": one}) for one in written] == [1772442900250, 1772442900250, 1772442900000]
    strange: list[object] = [None, True, "soon", {}]
    assert [at_ms(pull, {"at": one}) for one in strange] == [None] * 4


def test_calls_that_are_left_are_told_in_two_ways() -> None:
    assert [calls_left(told) for told in ("17", "32/40", "", "many")] == [17, 8, None, None]


def test_a_message_of_chatwoot_is_one_event_though_the_hook_tells_its_instant_more_finely() -> None:
    hook = next(one for one in deliveries("chatwoot") if one["event"] == "message_created")
    finely = Mapping.read(mapping_text(Path("chatwoot"))).of(
        hook | {"created_at": "2026-03-02T09:15:00.987Z"}, now_ms=NOW_MS
    )
    assert finely.events[0].at_ms == 1772442900000
