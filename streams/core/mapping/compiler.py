"""Compiles a mapping to a plan, and says at once everything in it that does not fit the contract or the file."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from schemas.events import Data, EventRetracted, OrderData, TicketData
from streams.core.mapping.condition import Predicate, predicate_of
from streams.core.mapping.contract import EVENTS, Field, fields_of
from streams.core.mapping.document import (
    Conditions,
    Document,
    Draft,
    Lookup,
    Rule,
    RuleTime,
    Selection,
    Time,
    Value,
    place_of,
)
from streams.core.mapping.fault import Fault, MappingError, RowError, close_to
from streams.core.mapping.instant import reader_of
from streams.core.mapping.lookup import added_columns, columns_needed, unfound
from streams.core.mapping.note import Notes
from streams.core.mapping.number import number_of
from streams.core.mapping.paths import Paths
from streams.core.mapping.picking import EACH, SAID, Picking
from streams.core.mapping.plan import At, Chain, Join, Part, Plan, Step, Test
from streams.core.mapping.scope import Names, scoped
from streams.core.mapping.setting import Setting
from streams.core.mapping.spelling import SPELLINGS
from streams.core.mapping.template import FILE, ID, ROOT, ROW, Row, Spellings, Text, columns_of, first_of, with_file
from streams.core.mapping.value import AS_WRITTEN, compute_of
from streams.core.mapping.zone import TimeSettingError

_LATER: Final = frozenset({"ticket.linked", "ticket.worked", "ticket.outcome_set"})
_ORDER: Final = (
    "ticket.created",
    "message.sent",
    *(name for name in EVENTS if name.startswith("ticket.") and name not in _LATER),
)
"""Of events in one instant: what is written comes before what is done about it. What only a later release of the
contract knows comes last, so that others keep the places under which they were sent."""
_NOT_IN_URN: Final = re.compile(r"[^A-Za-z0-9._~-]+")


def plan_of(
    draft: Draft,
    columns: Sequence[str],
    lookup_columns: Mapping[str, Sequence[str]],
    *,
    file_name: str,
    notes: Notes | None = None,
    spellings: Spellings = SPELLINGS,
) -> Plan:
    """Return the plan for importing a file by a mapping.

    Args:
        draft: The mapping as read.
        columns: The columns of the file.
        lookup_columns: The columns of each lookup's file, by the lookup's name; one that is left out is not checked.
        file_name: The file's name without folder and ending.
        notes: Where it is counted what is read although its cell says less.
        spellings: What templates do to cells.

    Raises:
        MappingError: With every fault of the mapping at once, those found while it was read included.
    """
    compiler = _Compiler(draft.document, columns, lookup_columns, file_name, notes or Notes(), spellings)
    compiler.faults.extend(draft.faults)
    plan = compiler.plan()
    if compiler.faults:
        raise MappingError(compiler.faults)
    return plan


class _Compiler:
    """Compiles a mapping and collects what is wrong with it on the way."""

    def __init__(
        self,
        document: Document,
        columns: Sequence[str],
        lookup_columns: Mapping[str, Sequence[str]],
        file_name: str,
        notes: Notes,
        spellings: Spellings,
    ) -> None:
        self.faults: list[Fault] = []
        inner: Names = {}
        self._document = scoped(document, inner) if document.reads_documents else document
        self._paths = Paths(self._document, inner)
        self._places = {name: place for place, name in enumerate(columns)}
        self._lookup_columns = lookup_columns
        self._file_name = file_name
        self._known = {*columns, ROW, FILE, ID, *([ROOT] if document.thread else [])}
        self._used: dict[str, None] = {}
        self._by_row: list[str] = []
        self._memories: list[Predicate] = []
        self._notes = notes
        self._setting = Setting(
            document.map,
            document.csv.decimal,
            document.csv.thousands,
            None,
            spellings,
            AS_WRITTEN if document.reads_documents else ",",
        )

    def plan(self) -> Plan:
        document = self._document
        joins = tuple(self._join(place, lookup) for place, lookup in enumerate(document.lookup))
        at = None if document.time is None else self._time("time", document.time)
        subject_of = self._naming("ticket", document.ticket) if document.ticket else None
        if document.customer:
            self._naming("customer", document.customer)
        self._names("rule", [rule.name for rule in document.rule])
        self._names("lookup", [lookup.name for lookup in document.lookup])
        skips = [
            (skip, self._test(place_of("skip", place, skip.reason), skip)) for place, skip in enumerate(document.skip)
        ]
        group = self._group()
        steps = tuple(
            replace(step, at=step.at or at) if self._is_late(group) else step
            for place, rule in enumerate(document.rule)
            if (step := self._step(place, rule))
        )
        id_of, chain, counter_of = self._id(), self._chain(), self._counter()
        picking = self._picking(steps)
        by_number = ROW in columns_of(document.id or "")
        return Plan(
            source=self._source(),
            file_name=self._file_name,
            id_of=id_of,
            has_key=document.id is not None and not by_number,
            by_number=by_number,
            subject_of=subject_of,
            chain=chain,
            group_of=group,
            grouped_by=self._called(),
            counter_of=counter_of,
            at=None if self._is_late(group) else at,
            joins=joins,
            skips=tuple((skip.reason, test.when) for skip, test in skips if not skip.needs_context),
            skips_in_group=tuple((skip.reason, test) for skip, test in skips if skip.needs_context),
            steps=steps,
            memories=tuple(self._memories),
            asked=tuple(dict.fromkeys(column for part in [*document.rule, *document.skip] for column in part.when)),
            is_snapshot=document.snapshot,
            skips_unmatched=document.unmatched == "skip",
            replay=document.replay,
            numbered=document.row_numbers,
            empty=frozenset(document.csv.empty),
            cells=tuple((name, self._places[name]) for name in self._used if name in self._places),
            by_row=tuple(self._by_row),
            all_cells=tuple(sorted(self._places.items())),
            notes=self._notes,
            picking=picking,
            has_own_ids=any(step.id_of for step in steps),
        )

    def _fault(self, place: str, message: str) -> None:
        self.faults.extend(Fault(place, line) for line in message.splitlines())

    def _columns(self, place: str, names: Iterable[str]) -> None:
        for name in names:
            self._used[name] = None
            if name == ROW:
                self._by_row.append(place)
            if name in self._known:
                continue
            if not self._document.reads_documents:
                self._fault(place, f"the file has no column {name!r}{close_to(name, self._known)}")
            elif fault := self._paths.add(name):
                self._fault(place, fault)

    def _is_late(self, group: Text | None) -> bool:
        """Return whether times are read only where a rule applies: a document that no rule reads may have none."""
        return self._document.reads_documents and group is None

    def _picking(self, steps: Sequence[Step]) -> Picking | None:
        """Return how rows are picked from documents, after everything has named what it reads; None for tables."""
        if not self._document.reads_documents:
            return None
        self.faults.extend(self._paths.faults())
        is_named = bool(steps) and all(step.id_of for step in steps)
        is_hashed = self._document.id is None and (not is_named or ID in self._used)
        if self._document.for_each and is_hashed:
            self._fault("id", "required: rows of one list are told apart by ids of their own, here or in every rule")
        self._places.update(self._paths.places)
        self._used.update({EACH: None, SAID: None})
        return self._paths.picking(is_hashed=is_hashed)

    def _templates(self, place: str, templates: Iterable[str]) -> None:
        for template in templates:
            self._columns(place, columns_of(template))

    def _naming(self, place: str, templates: Sequence[str]) -> Text:
        """Return the function for templates that must name columns, as rows could not be told apart otherwise."""
        self._templates(place, templates)
        for template in templates:
            if not columns_of(template):
                self._fault(place, f'{template!r} is the same on every row; columns stand in braces: "{{{template}}}"')
        return first_of(templates, self._setting.spellings)

    def _id(self) -> Text | None:
        id = self._document.id
        if self._document.snapshot and (id is None or ROW in columns_of(id)):
            told = "a row that changed must be known again: name the columns that stay, which `mapping check` proposes"
            self._fault("id", told)
        if self._document.snapshot and any(rule.id is not None for rule in self._document.rule):
            self._fault("snapshot", "what has vanished is told by rows: rules cannot have an `id` of their own")
        if id is None:
            return self._by_content()
        for name in columns_of(id):
            if name in (ID, ROOT) or (name in self._known and "." in name and name not in self._places):
                self._fault("id", f"{name!r} is not known yet when rows are told apart: name columns of the file")
        return self._naming("id", [id])

    def _by_content(self) -> Text | None:
        """Return the hash of all that a document says; of CSV files that is made where the cells are at hand."""
        return (lambda row: row[SAID]) if self._document.reads_documents else None

    def _chain(self) -> Chain | None:
        thread = self._document.thread
        if thread is None:
            return None
        return Chain(self._naming("thread.id", [thread.id]), self._naming("thread.parent", [thread.parent]))

    def _counter(self) -> Callable[[Row], Decimal] | None:
        template = self._document.order_by
        if template is None:
            return None
        text_of, setting = self._naming("order_by", [template]), self._setting

        def counter(row: Row) -> Decimal:
            text = text_of(row)
            if not text:
                raise RowError(f"what orders the rows of a group is empty (`order_by` {template})")
            try:
                return number_of(text, setting.decimal, setting.thousands)
            except RowError as error:
                raise RowError(f"`order_by` {template}: {error}") from None

        return counter

    def _names(self, section: str, names: Sequence[str]) -> None:
        for place, name in enumerate(names):
            if name in names[:place]:
                self._fault(place_of(section, place, name), "an earlier one has this name already")

    def _source(self) -> str:
        source = with_file(self._document.source, _NOT_IN_URN.sub("-", self._file_name))
        if columns_of(source):
            self._fault("source", "the source is one for all rows; only {$file} can stand in it")
        return source

    def _grouped_by(self) -> Sequence[str]:
        document = self._document
        return document.group_by or document.ticket or document.customer or ()

    def _called(self) -> str:
        named = " or ".join(self._grouped_by())
        return f"`group_by` {named}" if self._document.group_by else f"{named}, by which rows are grouped (`group_by`),"

    def _group(self) -> Text | None:
        document = self._document
        sections: list[tuple[str, Sequence[Selection]]] = [("rule", document.rule), ("skip", document.skip)]
        grouped = [
            place_of(section, place)
            for section, parts in sections
            for place, part in enumerate(parts)
            if part.needs_context
        ]
        if not grouped:
            self._templates("group_by", document.group_by or [])
            return None
        if any(rule.for_each for rule in self._document.rule):
            self._fault(grouped[0], "looks at other rows, which mappings cannot whose rules look into lists")
        by = self._grouped_by()
        if not by or (document.time is None and document.order_by is None):
            needed = "[time], to put the rows of a group in order," if by else "`group_by` or `ticket`"
            self._fault(grouped[0], f"looks at other rows, which needs {needed} at the top")
            return None
        return self._naming("group_by", by) if document.group_by else first_of(by, self._setting.spellings)

    def _join(self, place: int, lookup: Lookup) -> Join:
        where = place_of("lookup", place, lookup.name)
        on = self._naming(f"{where}.on", [lookup.on])
        there = self._lookup_columns.get(lookup.name)
        for name in columns_needed(lookup) if there is not None else []:
            if name not in (there or []):
                self._fault(where, f"{lookup.file} has no column {name!r}{close_to(name, there or [])}")
        if not columns_of(lookup.key):
            self._fault(f"{where}.key", f'columns stand in braces: "{{{lookup.key}}}"')
        if not added_columns(lookup):
            self._fault(where, "adds nothing; give `columns`, `sum` or `count = true`")
        self._known.update(added_columns(lookup))
        fault = f"is not in {lookup.file}" if lookup.missing == "reject" else ""
        return Join(lookup.name, on, unfound(lookup), fault)

    def _time(self, place: str, time: Time) -> At | None:
        self._templates(place, time.from_)
        if not any(columns_of(template) for template in time.from_):
            self._fault(place, f'columns stand in braces: from = "{{{time.from_[0]}}}"')
        try:
            read = reader_of(time, self._notes)
        except TimeSettingError as error:
            self._fault(place, str(error))
            return None
        if place == "time":
            self._setting = self._setting._replace(read_time=read)
        text_of = first_of(time.from_, self._setting.spellings)
        written = " or ".join(time.from_)

        def at(row: Row) -> datetime:
            text = text_of(row)
            if not text:
                raise RowError(f"the time {written} is empty")
            return read(text)

        return at

    def _conditions(self, place: str, conditions: Conditions) -> Predicate:
        for column, condition in conditions.items():
            self._columns(f"{place}.{column}", [column])
            self._templates(f"{place}.{column}", condition.templates)
        try:
            return predicate_of(conditions, self._setting)
        except ValueError as error:
            self._fault(place, str(error))
            return lambda _: False

    def _memory(self, place: str, conditions: Conditions | None) -> int | None:
        if conditions is None:
            return None
        self._memories.append(self._conditions(place, conditions))
        return len(self._memories) - 1

    def _test(self, where: str, part: Selection) -> Test:
        when = self._conditions(f"{where}.when", part.when)
        return Test(
            when=self._in_scope(part, when),
            first=part.first,
            last=part.last,
            previous=None if part.previous is None else self._conditions(f"{where}.previous", part.previous),
            next=None if part.next is None else self._conditions(f"{where}.next", part.next),
            earlier=self._memory(f"{where}.earlier", part.earlier),
            unless_earlier=self._memory(f"{where}.unless_earlier", part.unless_earlier),
            later=self._memory(f"{where}.later", part.later),
            unless_later=self._memory(f"{where}.unless_later", part.unless_later),
        )

    def _in_scope(self, part: Selection, when: Predicate) -> Predicate:
        """Return a condition that holds in the rule's own list alone; what is skipped is skipped with its lists."""
        if not isinstance(part, Rule) or not any(rule.for_each for rule in self._document.rule):
            return when
        each = part.for_each or ""
        return lambda row: row[EACH] == each and when(row)

    def _step(self, place: int, rule: Rule) -> Step | None:
        where = place_of("rule", place, rule.name)
        kind = EVENTS.get(rule.event)
        if kind is None:
            self._fault(f"{where}.event", f"no event {rule.event!r}{close_to(rule.event, EVENTS)}")
        step = Step(
            name=rule.name,
            place=place,
            event=rule.event,
            kind=kind or Data,
            test=self._test(where, rule),
            at=self._rule_time(f"{where}.time", rule.time),
            id_of=self._own_id(where, rule),
            order=self._order(rule),
            parts=self._parts(where, rule, kind) if kind else (),
        )
        return step if kind else None

    def _own_id(self, where: str, rule: Rule) -> Text | None:
        if rule.id is not None:
            return self._naming(f"{where}.id", rule.id)
        if rule.for_each:
            self._fault(f"{where}.id", "required: elements of one list are told apart by ids of their own")
        return None

    def _order(self, rule: Rule) -> int:
        """Return the place of a document's event in its instant: the same whichever delivery says so, and when."""
        if rule.order is not None:
            return rule.order
        return _ORDER.index(rule.event) if rule.event in _ORDER else len(_ORDER)

    def _rule_time(self, place: str, time: RuleTime | None) -> At | None:
        base = self._document.time
        if time is None and base is None:
            self._fault(place, "required, as there is no [time] for all rules")
        if time is None:
            return None
        own = time.model_dump(by_alias=True, exclude_none=True)
        merged = (base.model_dump(by_alias=True) if base else {}) | own
        if "from" not in merged:
            self._fault(place, "give `from`: the column of the time")
            return None
        return self._time(place, Time.model_validate(merged))

    def _parts(self, where: str, rule: Rule, kind: type[Data]) -> tuple[Part, ...]:
        fields = fields_of(kind)
        values = self._subject_values(kind) | rule.data
        for name, value in rule.data.items():
            currency = [value.decimals] if isinstance(value.decimals, str) else []
            self._templates(f"{where}.data.{name}", [*(value.from_ or []), *currency])
            if name not in fields:
                self._fault(f"{where}.data.{name}", f"{rule.event} has no such field{close_to(name, fields)}")
        missing = [name for name, field in fields.items() if field.required and name not in values]
        if missing:
            self._fault(f"{where}.data", f"{rule.event} needs {', '.join(missing)}")
        if kind is EventRetracted and not self._document.ticket:
            self._fault(where, "event.retracted needs `ticket` at the top: the ticket of the retracted event")
        known = [(fields[name], value) for name, value in values.items() if name in fields]
        return tuple(part for field, value in known if (part := self._part(f"{where}.data", field, value)))

    def _subject_values(self, kind: type[Data]) -> dict[str, Value]:
        """Return the field that names the subject: taken from the top of the mapping unless the rule says otherwise."""
        if issubclass(kind, TicketData) and self._document.ticket:
            return {"ticket_id": Value.model_validate({"from": self._document.ticket})}
        if issubclass(kind, OrderData) and self._document.customer:
            return {"customer_id": Value.model_validate({"from": self._document.customer})}
        return {}

    def _part(self, place: str, field: Field, value: Value) -> Part | None:
        try:
            return Part(field.name, field.required, compute_of(value, field, self._setting), value.clears)
        except ValueError as error:
            self._fault(f"{place}.{field.name}", str(error))
            return None
