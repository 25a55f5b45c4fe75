"""Sketches: a first mapping of a file, for a person to finish; what was guessed is marked by a question mark."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from streams.core.mapping.guess import Guess, guesses_of
from streams.core.mapping.key import keys_of
from streams.core.mapping.sketch_messages import Listed, rules_of_messages
from streams.core.toml import quoted

_TICKET: Final = ({"ticket"}, {"case"}, {"conversation"}, {"issue"}, {"incident"}, {"session"}, {"thread"}, {"request"})
_NAMING: Final = frozenset({"id", "number", "no", "key", "nr", "ref", "reference"})
_CUSTOMER: Final = ({"customer"}, {"requester"}, {"client"}, {"contact"}, {"buyer"}, {"email"}, {"mail"}, {"user"})
_SCORES: Final = ({"score"}, {"rating"}, {"stars"}, {"satisfaction"}, {"csat"}, {"nps"}, {"grade"})
_MONEY: Final = ({"total"}, {"amount"}, {"price"}, {"payment"}, {"revenue"}, {"value"})
_ACTIVITY: Final = ({"activity"}, {"action"}, {"event"}, {"topic"}, {"kind"}, {"status"}, {"state"})
_BEGAN: Final = tuple(
    {word} for word in ("created", "creation", "opened", "purchase", "submitted", "timestamp", "when", "time", "date")
)
_ATTRIBUTES: Final = {
    "agent_id": ({"agent"}, {"assignee"}, {"resource"}, {"owner"}, {"operator"}),
    "team": ({"workgroup"}, {"team"}, {"group"}, {"department"}, {"queue"}),
    "priority": ({"priority"}, {"urgency"}, {"severity"}, {"seriousness"}),
    "product_line": ({"product"},),
    "reason": ({"reason"}, {"category"}, {"topic"}, {"service", "type"}),
}
_CHANNEL: Final = ({"channel"}, {"via"}, {"medium"})
_COMMENT: Final = ({"comment", "message"}, {"comment"}, {"feedback"})
_MOST_WORDS: Final = 40
"""Of a column with more values than that, none stands for something that happens."""
_HAPPENED: Final = (
    (r"re-?open", "ticket.reopened", ""),
    (r"\b(?:re)?solved?\b|\bfixed\b|\bdone\b", "ticket.resolved", ""),
    (r"\bclosed?\b", "ticket.closed", ""),
    (r"replie[ds]|\breply\b|\banswer|\brespond|take in charge|\bmessage|comment", "message.sent", "reply"),
    (r"\bassign(?:ed)?\b(?! serious)", "ticket.assigned", "assign"),
    (r"\bescalat", "ticket.escalated", "level"),
    (r"\bwait|\bpending\b", "ticket.status_changed", "pending_customer"),
    (r"\bhold\b", "ticket.status_changed", "on_hold"),
)
"""What a word in a log says happened."""
_SIGNS: Final = re.compile(r"(?!\n)[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
"""What comments cannot hold."""
_REPLY: Final = 'direction = "out", visibility = "public", sender_type = "agent"'
_BEGINS: Final = r"creat|open|new\b|initiat|start|submit"


class NoTimesError(Exception):
    """No column holds times: rows cannot become events. The message says what the file can be used for."""


class Sample(NamedTuple):
    """What a sketch is made from.

    Attributes:
        file_name: Of the file, without folder.
        columns: Of the file; of documents the paths in a row.
        rows: Cells of the first rows.
        settings: Lines for the top of the mapping, such as its format.
        dialect: Lines of its `[csv]`.
        notes: What else was seen.
        lists: Lists of objects that every document has, by their paths.
    """

    file_name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    settings: Sequence[str] = ()
    dialect: Sequence[str] = ()
    notes: Sequence[str] = ()
    lists: Mapping[str, Listed] = MappingProxyType({})


def sketch_of(sample: Sample) -> str:
    """Return a first mapping of a file. It can be checked as it is; what it says is for a person to finish.

    Raises:
        NoTimesError: When no column holds times.
    """
    return "".join(f"{_SIGNS.sub(' ', line)}\n" for line in _Sketch(sample).lines())


class _Sketch:
    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._guesses = guesses_of(sample.columns, sample.rows)
        self._times = [guess for guess in self._guesses if guess.format]
        full = [one for one in self._times if one.is_full]
        self._began = self._first(_BEGAN, full) or next(iter(full or self._times), None)
        self._plain = [guess for guess in self._guesses if not guess.format]
        named = [guess for guess in self._plain if guess.words & _NAMING]
        self._order = self._first(({"order"},), named)
        self._ticket = self._first(_TICKET, named) or self._first(_TICKET, self._plain)
        self._score = self._first(_SCORES, [guess for guess in self._plain if guess.is_number])
        self._money = self._first(_MONEY, [guess for guess in self._plain if guess.is_number])
        self._customer = self._first(_CUSTOMER, named) or self._first(_CUSTOMER, self._plain)
        keys = keys_of(sample.columns, sample.rows)
        self._keys = [list(key) for key in keys]
        self._documents = any("json" in line for line in sample.settings)

    def lines(self) -> Iterator[str]:
        if self._began is None:
            raise NoTimesError(self._without_times())
        rows = f"its first {len(self._sample.rows):,} rows"
        yield f"# A first mapping of {self._sample.file_name}, from {rows}. What is guessed has a question mark."
        yield from (f"# {note}" for note in self._sample.notes)
        yield ""
        yield from self._sample.settings
        yield f'source = "urn:example:{_slug(self._sample.file_name.partition(".")[0])}"  # ? the system that says so'
        is_shop = self._order is not None and self._ticket is None and self._score is None
        yield from self._of_orders() if is_shop else self._of_tickets()

    def _of_orders(self) -> Iterator[str]:
        order, customer = self._order, self._customer
        assert order is not None
        yield from self._id()
        known = customer or order
        yield f'customer = "{_place(known)}"' + ("" if customer else "  # ? no column names the customer")
        yield from self._top()
        money = self._money
        yield from self._rule("placed", "order.placed", f"order-{_place(order)}-placed")
        yield "[rule.data]"
        yield f'order_id = "{_place(order)}"'
        if money:
            yield f'amount = {{ from = "{_place(money)}", decimals = {min(4, max(2, money.decimals))} }}'
        else:
            yield "amount = 0  # ? no column holds money: in cents, from another file by [[lookup]]"
        yield 'currency = "EUR"  # ?'
        status = self._first(_ACTIVITY, self._plain)
        gone = [value for value in (status.values if status else ()) if re.search(r"cancel", value, re.IGNORECASE)]
        if status and gone:
            yield from self._rule("cancelled", "order.cancelled", f"order-{_place(order)}-cancelled")
            yield f"when = {{ {_key(status)} = {_words(gone)} }}  # ? its time is that of the order: name another"
            yield f'data = {{ order_id = "{_place(order)}" }}'

    def _of_tickets(self) -> Iterator[str]:
        ticket = self._ticket or self._order or self._known()
        is_log = ticket.is_full and len(ticket.values) < len(self._sample.rows) and not self._score
        if not is_log:
            yield from self._id()
        yield f'ticket = "{_place(ticket)}"' + ("" if self._ticket else "  # ? what tells cases apart")
        activity = self._activity() if is_log else None
        if activity:
            yield 'unmatched = "skip"  # rows that no rule reads; say "reject" once all are decided'
        yield from self._top()
        yield from self._rule("created", "ticket.created", f"ticket-{_place(ticket)}-created")
        if is_log and not self._documents:
            yield "first = true"
        if activity and self._documents:
            yield f"when = {{ {_key(activity)} = {quoted(_beginning(activity))} }}  # ? what begins a case"
        yield from self._attributes()
        if self._score:
            yield from self._rating(self._score)
        if activity:
            yield from self._happenings(activity, ticket)
        yield from rules_of_messages(self._sample.lists)

    def _top(self) -> Iterator[str]:
        began = self._began
        assert began is not None
        if self._sample.dialect:
            yield "\n[csv]"
            yield from self._sample.dialect
        others = ", ".join(f'"{_place(one)}"' for one in self._times if one is not began)
        yield "\n[time]"
        yield f'from = "{_place(began)}"' + (f"  # ? other times: {others}" if others else "")
        if began.format != "iso":
            yield f'format = "{began.format}"'
        if not began.has_offset:
            yield 'zone = "UTC"  # ? the zone of the clocks, such as "Europe/Rome"'

    def _id(self) -> Iterator[str]:
        """Return the key of rows, where the file has one: what names rather than what happens to differ."""
        named = {guess.name for guess in self._plain if guess.words & _NAMING}
        key = next((key for key in self._keys if set(key) <= named), None)
        if key and not self._documents:
            yield f'id = "{"/".join(f"{{{column}}}" for column in key)}"'

    def _rule(self, name: str, event: str, id: str) -> Iterator[str]:
        yield "\n[[rule]]"
        yield f'name = "{name}"'
        yield f'event = "{event}"'
        if self._documents:
            yield f'id = "{id}"'

    def _attributes(self) -> Iterator[str]:
        channel = self._first(_CHANNEL, self._plain)
        yield "[rule.data]"
        yield f'channel = "{_place(channel)}"' if channel and channel.is_full else 'channel = "unknown"  # ?'
        yield 'created_by = "customer"  # ?'
        if self._customer:
            yield f'customer_id = "{_place(self._customer)}"'
        for field, names in _ATTRIBUTES.items():
            found = self._first(names, self._plain)
            if found and field != "agent_id":
                yield f'{field} = "{_place(found)}"'
        if self._order and self._ticket:
            yield f'order_id = "{_place(self._order)}"'

    def _rating(self, score: Guess) -> Iterator[str]:
        numbers = sorted(float(value) for value in score.values)
        low = 0 if numbers[0] < 1 or numbers[-1] > 5 else 1
        high = next((end for end in (5, 10, 100) if numbers[-1] <= end), int(numbers[-1]) + 1)
        yield from self._rule("rated", "rating.submitted", f"rating-{_place(self._known())}")
        if not score.is_full:
            yield f"when = {{ {_key(score)} = {{ empty = false }} }}"
        yield "[rule.data]"
        yield 'rating_id = "{$id}"' if not self._documents else f'rating_id = "{_place(self._known())}"'
        yield f'raw = "{_place(score)}"'
        yield f"scale_min = {low}  # ?"
        yield f"scale_max = {high}  # ?"
        yield 'source = "customer"'
        comment = self._first(_COMMENT, self._plain)
        if comment and not comment.is_number:
            yield f'comment = "{_place(comment)}"'

    def _happenings(self, activity: Guess, ticket: Guess) -> Iterator[str]:
        agent = self._first(_ATTRIBUTES["agent_id"], self._plain)
        undecided, taken = [], {"created"}
        for word, count in activity.values.most_common():
            known = next((row for row in _HAPPENED if re.search(row[0], word, re.IGNORECASE)), None)
            if known is None and not (self._documents and word == _beginning(activity)):
                undecided.append(f"{word} ({count:,})")
            if known is None:
                continue
            fact = f"{_place(ticket)}-{_place(self._began)}" if self._documents and self._began else "{$id}"
            slug = _slug(word) if _slug(word) not in taken else f"{_slug(word)}-{len(taken)}"
            taken.add(slug)
            yield from self._rule(slug, known[1], f"{slug}-{fact}")
            yield f"when = {{ {_key(activity)} = {quoted(word)} }}  # ? {count:,} rows"
            if data := _data(known[1], known[2], agent, fact):
                yield f"data = {{ {data} }}"
        if undecided:
            yield f"\n# ? Not decided, and skipped: {', '.join(undecided)}."

    def _activity(self) -> Guess | None:
        found = self._first(_ACTIVITY, self._plain)
        return found if found and len(found.values) <= _MOST_WORDS else None

    def _known(self) -> Guess:
        """Return the column that tells rows apart best."""
        named = [guess for guess in self._plain if guess.words & _NAMING and guess.is_full]
        return max(named or self._plain or self._guesses, key=lambda guess: (len(guess.values), -len(guess.words)))

    def _first(self, names: Iterable[set[str]], guesses: Sequence[Guess]) -> Guess | None:
        """Return the first column that one of the names fits, the earlier names first; shorter names fit better."""
        for words in names:
            if found := [guess for guess in guesses if words <= guess.words and guess.values]:
                return min(found, key=lambda guess: (-guess.filled, len(guess.words)))
        return None

    def _without_times(self) -> str:
        columns = [guess.name for guess in self._guesses]
        key = self._keys[0] if self._keys else columns[:1]
        template = "/".join(f"{{{column}}}" for column in key)
        return (
            f"no column of {self._sample.file_name} holds times, so that its rows say nothing that happened. "
            "It can add columns to another file:\n\n[[lookup]]\n"
            f'name = "{_slug(self._sample.file_name.partition(".")[0])}"\nfile = "{self._sample.file_name}"\n'
            f'key = "{template}"\non = "{template}"\n'
            f"columns = {_words([column for column in columns if column not in key])}"
        )


def _beginning(activity: Guess) -> str:
    """Return the word that most likely stands for the beginning of a case."""
    words = list(activity.values)
    return next((word for word in words if re.search(_BEGINS, word, re.IGNORECASE)), words[0])


def _data(event: str, more: str, agent: Guess | None, fact: str) -> str:
    by = f'agent_id = "{_place(agent)}"' if agent else ""
    match event:
        case "message.sent":
            return f'message_id = "{fact}", {_REPLY}' + (f', sender_id = "{_place(agent)}"' if agent else "")
        case "ticket.assigned":
            return by or 'team = "unknown"'
        case "ticket.resolved":
            return by
        case "ticket.escalated":
            return 'level = "2"'
        case "ticket.status_changed":
            return f'to = "{more}"'
    return ""


def _place(guess: Guess) -> str:
    return quoted(f"{{{guess.name}}}")[1:-1]


def _key(guess: Guess) -> str:
    return guess.name if re.fullmatch(r"[A-Za-z0-9_-]+", guess.name) else quoted(guess.name)


def _words(words: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, words))}]" if len(words) != 1 else quoted(words[0])


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "file"
