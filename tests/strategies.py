"""Hypothesis strategies for events: valid ones of every type, and ones that were tampered with."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final, TypeAlias

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from schemas.codec import encode
from schemas.events import (
    CATALOGUE,
    NAME_OF,
    Data,
    PolicyPublished,
)  # fmt: skip
from schemas.policy import CONDITIONS, SUBJECT, TARGETS, Important, Policy, Rule, Scale, SettledAfter, Worth
from schemas.schedule import SpecialDay, Version, Week

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
NOW_MS: Final = int(NOW.timestamp() * 1000)

_TELLING: Final[list[Any]] = [
    *(None, True, 0, 1, -1, 1.0, 2.5, 1e300, 10**15, 2**53, 2**53 + 1, {}, [], ["a"], [""], ["x"] * 65),
    *("", "x", "x" * 256, "x" * 257, "x" * 512, "x" * 513, "EUR", "EUR\n", "other", "agent", "AAAA", "AA=", "true"),
    *("2025-02-28T00:00:00Z", "2025-02-30T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:00:00", "2025-01-01"),
    *("2025-01-01T00:00:00+99:99", "2016-12-31T23:59:60Z", "1969-12-31T23:59:59Z", "123", "0123456789012345", "\u0661"),
]
"""Values at the edges of what some field allows."""

Envelope: TypeAlias = dict[str, Any]
"""Keyword arguments of `schemas.codec.encode` beside the content."""
Fields: TypeAlias = dict[str, Any]

_CODES = st.sampled_from(["EUR", "USD", "JPY"])
_COSTS = st.integers(0, 100_000)
_RATES = st.dictionaries(_CODES, st.floats(1e-3, 1e3))
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def events(*kinds: type[Data]) -> st.SearchStrategy[tuple[Data, Envelope]]:
    """Return valid pairs for `encode(content, **envelope)`, of all types unless some are named."""
    return st.sampled_from(kinds or tuple(CATALOGUE.values())).flatmap(_event)


def encoded_events(*kinds: type[Data]) -> st.SearchStrategy[bytes]:
    """Return valid events as structured JSON."""
    return events(*kinds).map(lambda pair: encode(pair[0], **pair[1]))


def contents(kind: type[Data]) -> st.SearchStrategy[Data]:
    """Return valid contents of one type."""
    fields = inspect.type_info(kind).fields  # type: ignore[attr-defined]  # every event class is a struct
    required = {field.name: _values(field.type) for field in fields if field.required}
    optional = {field.name: _values(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(_REPAIRS.get(kind.__name__, dict)).map(_built(kind))


def json_values() -> st.SearchStrategy[Any]:
    """Return whatever JSON can say."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def tampered_events() -> st.SearchStrategy[bytes]:
    """Return events of which one field was dropped, replaced or added, in the envelope or in the data."""
    return st.builds(
        _tampered,
        encoded_events(),
        st.booleans(),
        st.integers(0, 30),
        st.none() | st.tuples(json_values() | st.sampled_from(_TELLING)),
    )


def times() -> st.SearchStrategy[datetime]:
    """Return instants from 1970 until `NOW`, in any time zone."""
    instants = st.datetimes(datetime(1970, 1, 2), datetime(2025, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    return st.builds(datetime.astimezone, instants, _OFFSETS)


def _event(kind: type[Data]) -> st.SearchStrategy[tuple[Data, Envelope]]:
    return contents(kind).flatmap(lambda content: st.tuples(st.just(content), _envelopes(content)))


def _envelopes(content: Data) -> st.SearchStrategy[Envelope]:
    return st.fixed_dictionaries(
        {
            "name": st.just(NAME_OF[type(content)]),
            "source": _ids(),
            "id": _ids(),
            "time": times(),
            "subject": _subjects(content),
        },
        optional={
            "subjectseq": st.integers(0, 10**15 - 1),
            "replay": st.booleans(),
            "causationid": _ids(),
            "correlationid": _ids(),
        },
    )


def _subjects(content: Data) -> st.SearchStrategy[str]:
    if isinstance(content, PolicyPublished):
        return st.just(SUBJECT)
    return st.just(getattr(content, content.subject_field)) if content.subject_field else _ids()


def versions() -> st.SearchStrategy[Version]:
    """Return versions of schedules, of today's zones."""
    days = st.lists(st.dates(date(2000, 1, 1), date(2050, 1, 1)), max_size=4, unique=True)
    return st.builds(
        lambda days, closed, hours, **said: Version(
            **said, holidays=tuple(days[:closed]), special_days=tuple(SpecialDay(day, hours) for day in days[closed:])
        ),
        days,
        st.integers(0, 4),
        _hours(),
        from_at=times() | times().map(lambda at: at.replace(tzinfo=None)),
        zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin"]),
        weekly=st.lists(_hours(), max_size=7).map(lambda days: Week(*days)),
    )


def policies() -> st.SearchStrategy[Policy]:
    """Return versions of policies; a rule for all tickets stands at the end, if at all."""
    values = st.lists(st.sampled_from(["", "a", "b", "urgent"]), max_size=3, unique=True).map(tuple)
    chosen = st.dictionaries(st.sampled_from(CONDITIONS), values.filter(bool), min_size=1, max_size=3)
    rest = st.fixed_dictionaries({"within": st.sampled_from(["1m", "45m", "2h", "30h"]), "hours": _times_counted()})
    some = st.lists(st.builds(lambda asked, said: msgspec.convert(asked | said, Rule), chosen, rest), max_size=3)
    last = st.lists(rest.map(lambda said: msgspec.convert(said, Rule)), max_size=1)
    rules = st.tuples(some, last).map(lambda both: (*both[0], *both[1]))
    return st.builds(
        Policy,
        from_at=times() | times().map(lambda at: at.replace(tzinfo=None)),
        zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin"]),
        satisfied_from=st.floats(0.5, 100),
        scales=st.lists(_scales(), max_size=3, unique_by=lambda one: (one.scale_min, one.scale_max)).map(tuple),
        important=st.builds(
            Important,
            priorities=st.lists(st.text(max_size=9), max_size=3).map(tuple),
            within=st.sampled_from(["1s", "45s", "2m", "30m", "1800s"]),
        ),
        least_n=st.integers(2, 10_000),
        reason_share=st.floats(0.01, 1),
        worth=st.none() | st.builds(Worth, currency=_CODES, cost_per_hour=_COSTS, rates=_RATES),
        settled_after_days=st.builds(
            SettledAfter, **dict.fromkeys(SettledAfter.__struct_fields__, st.integers(1, 365))
        ),
        **dict.fromkeys(TARGETS, rules),
    )


def _scales() -> st.SearchStrategy[Scale]:
    ends = st.lists(st.integers(-10, 100), min_size=3, max_size=3).map(sorted).filter(lambda some: some[0] < some[1])
    return ends.map(lambda some: Scale(scale_min=some[0], satisfied_from=some[1], scale_max=some[2]))


def _times_counted() -> st.SearchStrategy[str]:
    return st.sampled_from(["calendar", "open"])


def _hours() -> st.SearchStrategy[tuple[str, ...]]:
    minutes = st.lists(st.integers(0, 1440), max_size=6, unique=True).map(sorted)
    written = minutes.map(lambda points: [f"{point // 60:02}:{point % 60:02}" for point in points])
    return written.map(lambda ends: tuple(f"{a}-{b}" for a, b in zip(ends[::2], ends[1::2], strict=False)))


def _ids() -> st.SearchStrategy[str]:
    return st.text(min_size=1, max_size=20)


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: not text.endswith("\n"))
        case inspect.StrType():
            return st.text(min_size=kind.min_length or 0, max_size=min(kind.max_length or 20, 20))
        case inspect.IntType():
            return st.integers(kind.ge, kind.le)
        case inspect.FloatType():
            return st.floats(kind.ge, kind.le, allow_nan=False, allow_infinity=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.BytesType():
            return st.binary(max_size=50)
        case inspect.DateTimeType():
            return times()
        case inspect.EnumType(cls=enumeration):
            return st.sampled_from(list(enumeration))
        case inspect.ListType(item_type=item):
            return st.lists(_values(item), max_size=3)
        case inspect.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=3).map(tuple)
        case inspect.StructType(cls=struct) if struct is Version:
            return versions()
        case inspect.StructType(cls=struct) if struct is Policy:
            return policies()
        case inspect.UnionType(types=kinds):
            return st.one_of([_values(one) for one in kinds])
        case inspect.NoneType():
            return st.none()
        case inspect.Metadata(type=inner):
            return _values(inner)
    raise NotImplementedError(f"no strategy for {kind}; add one here")


def _built(kind: type[Data]) -> Callable[[Fields], Data]:
    return lambda fields: kind(**fields)


def _saying_someone(fields: Fields) -> Fields:
    return fields if {"team", "agent_id"} & fields.keys() else fields | {"team": "first line"}


def _saying_something(fields: Fields) -> Fields:
    return fields if len(fields) > 1 else fields | {"team": "first line"}


def _broken(fields: Fields) -> Fields:
    """Return what is said of a fault with what is broken; instants of it can be stored."""
    storable = _storable(fields)
    return storable if fields.get("asset_id") else storable | {"asset_id": "LINE-4"}


def _saying_a_cause(fields: Fields) -> Fields:
    storable = _storable(fields)
    return storable if len(storable) > 1 else storable | {"cause": "a cable"}


def _storable(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if not isinstance(value, datetime) or value.year >= 1971}


def _about_something(fields: Fields) -> Fields:
    named = fields.get("product_line") or fields.get("reason")
    return _storable(fields) if named else _storable(fields) | {"reason": "assembly"}


def _linking(fields: Fields) -> Fields:
    return fields if len(fields) > 1 else fields | {"issue_id": "KI-12"}


def _for_one(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != "reason" or not fields.get("team")}


def _into_another(fields: Fields) -> Fields:
    same = fields["into_ticket_id"] == fields["ticket_id"]
    return fields | {"into_ticket_id": f"{fields['ticket_id'][:500]} other"} if same else fields


def _on_scale(fields: Fields) -> Fields:
    low, value, high = sorted((fields["scale_min"], fields["raw"], fields["scale_max"]))
    scale = (low, value, high) if low < high else (0.0, 0.5, 1.0)
    return fields | dict(zip(("scale_min", "raw", "scale_max"), scale, strict=True))


def _in_order(fields: Fields) -> Fields:
    ordered = sorted(fields["versions"], key=lambda version: version.in_force_at)
    return fields | {"versions": tuple({version.in_force_at: version for version in ordered}.values())}


def _with_currency(fields: Fields) -> Fields:
    is_needed = fields.get("amount") is not None or fields.get("cap") is not None
    return fields | {"currency": fields.get("currency") or "EUR"} if is_needed else fields


_REPAIRS: Final[dict[str, Callable[[Fields], Fields]]] = {
    "TicketAssigned": _saying_someone,
    "TicketUpdated": _saying_something,
    "TicketMerged": _into_another,
    "CompensationDenied": _with_currency,
    "FaultDeclared": _broken,
    "FaultUpdated": _saying_a_cause,
    "KnownIssueAnnounced": _about_something,
    "KnownIssueUpdated": _saying_a_cause,
    "TicketLinked": _linking,
    "InterventionRecorded": _for_one,
    "RatingSubmitted": _on_scale,
    "SchedulePublished": _in_order,
    "PolicyPublished": _in_order,
}
"""What JSON Schema and type hints cannot say: how the fields of one event belong together."""


def _tampered(event: bytes, in_data: bool, position: int, replacement: tuple[Any] | None) -> bytes:
    whole = json.loads(event)
    part = whole["data"] if in_data else whole
    names = [*part, "added"]
    name = names[position % len(names)]
    if replacement is None:
        part.pop(name, None)
    else:
        part[name] = replacement[0]
    return json.dumps(whole, ensure_ascii=position % 2 == 0).encode("utf-8", "surrogatepass")
