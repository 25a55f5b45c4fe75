"""The rows of the database: one class a table, one field a column, in the order of the columns.

Instants are milliseconds since 1970 in UTC (`DateTime64(3, 'UTC')`). A dot in a column's name joins arrays of equal
length: `ratings.raw` and `ratings.rated_at` belong together, element by element.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import astuple, fields

from schemas.instant import Ms as Ms


class Row(Struct, frozen=True, kw_only=True):
    """One row of a table; its fields bear the names of the columns."""


class EventRow(Row, frozen=True, kw_only=True, gc=False):
    """One event as it was received: the log of record. Key: subject, source, id, name."""

    subject: str
    source: str
    id: str
    name: str
    at: Ms
    sequence: int
    replay: bool
    revision: int
    raw: bytes
    ingested_at: Ms


class TicketRow(Row, frozen=True, kw_only=True, gc=False):
    """One ticket as its events tell it, the highest version counts. Key: ticket_id."""

    ticket_id: str
    version: int
    created_at: Ms
    created_by: str
    is_created: bool
    customer_id: str
    channel: str
    team: str
    agent_id: str
    contact_type: str
    reason: str
    product_line: str
    product_id: str
    order_id: str
    asset_id: str
    fault_id: str
    issue_id: str
    priority: str
    region: str
    customer_segment: str
    language: str
    strategy: str
    outcome: str
    escalation: str
    after_sales: bool
    charges_since: list[Ms] = field(name="charges.since")
    charges_team: list[str] = field(name="charges.team")
    charges_agent_id: list[str] = field(name="charges.agent_id")
    status: str
    is_effective: bool
    exclusion: str
    merged_into: str
    first_response_at: Ms | None
    first_response_seconds: float | None
    first_bot_response_at: Ms | None
    open_wait_since: Ms | None
    waits_started_at: list[Ms] = field(name="waits.started_at")
    waits_answered_at: list[Ms | None] = field(name="waits.answered_at")
    waits_stopped_at: list[Ms | None] = field(name="waits.stopped_at")
    waits_sender_id: list[str] = field(name="waits.sender_id")
    waits_asked_again: list[list[Ms]] = field(name="waits.asked_again")
    waits_open: list[list[tuple[Ms, Ms]]] = field(name="waits.open")
    waits_is_first: list[bool] = field(name="waits.is_first")
    waits_can_decide: list[bool] = field(name="waits.can_decide")
    waits_before: list[list[tuple[Ms, Ms, Ms]]] = field(name="waits.before")
    first_resolved_at: Ms | None
    last_resolved_at: Ms | None
    closed_at: Ms | None
    first_resolution_seconds: float | None
    full_resolution_seconds: float | None
    reopened: int
    cycles_started_at: list[Ms] = field(name="cycles.started_at")
    cycles_resolved_at: list[Ms | None] = field(name="cycles.resolved_at")
    cycles_awaits_customer: list[list[tuple[Ms, Ms]]] = field(name="cycles.awaits_customer")
    cycles_on_hold: list[list[tuple[Ms, Ms]]] = field(name="cycles.on_hold")
    open_since: list[Ms] = field(name="open.since")
    open_until: list[Ms | None] = field(name="open.until")
    customer_messages: int
    agent_messages: int
    bot_messages: int
    surveys_id: list[str] = field(name="surveys.id")
    surveys_offered_at: list[Ms] = field(name="surveys.offered_at")
    surveys_is_answered: list[bool] = field(name="surveys.is_answered")
    ratings_id: list[str] = field(name="ratings.id")
    ratings_survey_id: list[str] = field(name="ratings.survey_id")
    ratings_rated_at: list[Ms] = field(name="ratings.rated_at")
    ratings_raw: list[float] = field(name="ratings.raw")
    ratings_score: list[float] = field(name="ratings.score")
    ratings_source: list[str] = field(name="ratings.source")
    ratings_is_valid: list[bool] = field(name="ratings.is_valid")
    ratings_is_replayed: list[bool] = field(name="ratings.is_replayed")
    ratings_kind: list[str] = field(name="ratings.kind")
    ratings_scale_min: list[float] = field(name="ratings.scale_min")
    ratings_scale_max: list[float] = field(name="ratings.scale_max")
    ratings_solved_at: list[Ms | None] = field(name="ratings.solved_at")
    ratings_team: list[str] = field(name="ratings.team")
    compensations_id: list[str] = field(name="compensations.id")
    compensations_kind: list[str] = field(name="compensations.kind")
    compensations_amount: list[int] = field(name="compensations.amount")
    compensations_currency: list[str] = field(name="compensations.currency")
    repurchases_order_id: list[str] = field(name="repurchases.order_id")
    repurchases_ordered_at: list[Ms] = field(name="repurchases.ordered_at")
    repurchases_amount: list[int] = field(name="repurchases.amount")
    repurchases_currency: list[str] = field(name="repurchases.currency")
    promises_id: list[str] = field(name="promises.id")
    promises_kind: list[str] = field(name="promises.kind")
    promises_made_by: list[str] = field(name="promises.made_by")
    promises_made_at: list[Ms] = field(name="promises.made_at")
    promises_due_at: list[Ms] = field(name="promises.due_at")
    promises_kept_at: list[Ms | None] = field(name="promises.kept_at")
    promises_withdrawn_at: list[Ms | None] = field(name="promises.withdrawn_at")
    promises_moved: list[int] = field(name="promises.moved")
    promises_moved_late: list[int] = field(name="promises.moved_late")
    first_event_at: Ms
    last_event_at: Ms
    days: list[int]
    events: int
    is_truncated: bool
    state: bytes
    ingested_at: Ms


class OpenHoursRow(Row, frozen=True, kw_only=True, gc=False):
    """When a desk is open, as one event publishes it, the highest version counts. Key: schedule."""

    schedule: str
    version: int
    published_at: Ms
    versions: bytes
    is_withdrawn: bool
    in_force_at: Ms
    known_until: Ms
    open_since: list[Ms] = field(name="open.since")
    open_until: list[Ms] = field(name="open.until")
    open_ms_before: list[int] = field(name="open.ms_before")
    ingested_at: Ms


class PolicyRow(Row, frozen=True, kw_only=True, gc=False):
    """What the desk calls satisfied and in time, as one event publishes it, the highest version counts. Key: subject.

    A target is, of each version, its rules in order: seconds, whether of open hours, what pauses it, values of each
    condition. Scales are those with a least score of their own: both ends, and that score. Important are contacts of
    these priorities, missed after so many seconds. Worth is the currency of sums, what an hour of work costs in it, and
    what a unit of other currencies is worth.
    """

    subject: str
    version: int
    published_at: Ms
    stated: bytes
    in_force_at: list[Ms] = field(name="versions.in_force_at")
    satisfied_from: list[float] = field(name="versions.satisfied_from")
    scales: list[list[tuple[float, float, float]]] = field(name="versions.scales")
    first_response: list[list[tuple[Any, ...]]] = field(name="versions.first_response_rules")
    response: list[list[tuple[Any, ...]]] = field(name="versions.response_rules")
    resolution: list[list[tuple[Any, ...]]] = field(name="versions.resolution_rules")
    important: list[tuple[list[str], int]] = field(name="versions.important")
    least_n: list[int] = field(name="versions.least_n")
    reason_share: list[float] = field(name="versions.reason_share")
    worth: list[tuple[str, int, list[tuple[str, float]]]] = field(name="versions.worth")
    settled_after_days: list[tuple[int, ...]] = field(name="versions.settled_after_days")
    ingested_at: Ms


class SaidRow(Row, frozen=True, kw_only=True):
    """What one event says that is folded nowhere. Key: what it is about, source, id; said again it says the same.

    A text that nobody says is empty.
    """


class FaultEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """A word on a fault. `says` names what it has a word on; null there says that it is not known."""

    fault_id: str
    source: str
    id: str
    name: str
    at: Ms
    sequence: int
    asset_id: str
    product_line: str
    reason: str
    cause: str | None
    eta_at: Ms | None
    began_at: Ms | None
    says: list[str]


class KnownIssueEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """A word on a known issue. `says` names what it has a word on; null there says that it is not known."""

    issue_id: str
    source: str
    id: str
    name: str
    at: Ms
    sequence: int
    product_line: str
    reason: str
    cause: str | None
    eta_at: Ms | None
    workaround: str | None
    department: str | None
    says: list[str]


class RootCauseEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """A step on the way from a reason to the removal of its cause."""

    reason: str
    source: str
    id: str
    name: str
    at: Ms
    sequence: int
    department: str
    action: str


class ContactEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """A step of a contact before there is a ticket. `day` is that of `at`, counted from 1970 in UTC."""

    day: int
    contact_id: str
    source: str
    id: str
    name: str
    at: Ms
    sequence: int
    channel: str
    team: str
    priority: str
    customer_id: str
    agent_id: str
    ticket_id: str


class SelfServiceEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """Somebody who looked for help without the desk. `day` is that of `at`, counted from 1970 in UTC."""

    day: int
    session_id: str
    source: str
    id: str
    at: Ms
    sequence: int
    channel: str
    solved: bool
    customer_id: str
    reason: str
    product_line: str


class InterventionEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """Something that was done for a team, about a reason, or for all."""

    intervention_id: str
    source: str
    id: str
    at: Ms
    sequence: int
    kind: str
    title: str
    team: str
    reason: str


class ReturnEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """Goods that came back. `loss` in minor units."""

    customer_id: str
    return_id: str
    source: str
    id: str
    at: Ms
    sequence: int
    order_id: str
    ticket_id: str
    loss: int
    currency: str


class WorkEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """Work on a ticket, in seconds."""

    ticket_id: str
    source: str
    id: str
    at: Ms
    seconds: float
    agent_id: str


class HandlingEventRow(SaidRow, frozen=True, kw_only=True, gc=False):
    """What a case was settled with, or who had looked at it."""

    ticket_id: str
    source: str
    id: str
    name: str
    at: Ms
    sequence: int
    agent_id: str
    requested: str
    granted: str


BesideRow: TypeAlias = OpenHoursRow | PolicyRow | SaidRow
"""What follows from an event that no ticket folds."""


class SignalRow(Row, frozen=True, kw_only=True, gc=False):
    """What the watch found, complete at its version: the highest one counts.

    Key: kind, segment_kind, segment, signal_id.

    Shares lie between 0 and 1.
    """

    signal_id: str
    kind: str
    segment_kind: str
    segment: str
    version: int
    state: str
    is_page: bool
    note: str
    opened_at: Ms
    seen_at: Ms
    resolved_at: Ms | None
    since_at: Ms
    found_by: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    baseline_n: int
    slices_reason: list[str] = field(name="slices.reason")
    slices_product_line: list[str] = field(name="slices.product_line")
    slices_n: list[int] = field(name="slices.n")
    slices_bad: list[int] = field(name="slices.bad")
    slices_points: list[float] = field(name="slices.points")
    ticket_ids: list[str]
    clears: str
    told: dict[str, str]
    link: str


class BacktestRow(Row, frozen=True, kw_only=True, gc=False):
    """What one budget of false pages would have done to a segment. Key: segment_kind, segment, false_pages.

    Of a segment the rows of its newest `made_at` count. Shares lie between 0 and 1.
    """

    segment_kind: str
    segment: str
    false_pages: float
    made_at: Ms
    weeks: int
    is_chosen: bool
    accepted: float
    ratings_per_day: float | None
    usual: float | None
    mood_points: float | None
    pages_opened_at: list[Ms] = field(name="pages.opened_at")
    pages_resolved_at: list[Ms | None] = field(name="pages.resolved_at")
    pages_told: list[str] = field(name="pages.told")
    pages_slices: list[str] = field(name="pages.slices")
    pages_note: list[str] = field(name="pages.note")
    falls_points: list[int] = field(name="falls.points")
    falls_hours: list[float | None] = field(name="falls.hours")
    falls_missed: list[float] = field(name="falls.missed")


class LookRow(Row, frozen=True, kw_only=True, gc=False):
    """When the watch last judged: the newest one counts. Key: watch."""

    watch: str
    looked_at: Ms
    seconds: float
    teams: int
    left_out: int


class DeadLetterRow(Row, frozen=True, kw_only=True, gc=False):
    """One record that is no event, with everything needed to mend and send it again. Key: id.

    `id` follows from the record and where it lay, so that a record read twice is one dead letter.
    """

    id: str
    reason: str
    pointer: str
    message: str
    topic: str
    partition: int
    offset: int
    recorded_at: Ms
    key: bytes
    value: bytes
    headers_name: list[str] = field(name="headers.name")
    headers_value: list[bytes] = field(name="headers.value")
    received_at: Ms
    replays: int = 0
    replayed_at: Ms | None = None


def column_names(row: type[Row]) -> list[str]:
    """Return the names of the columns, in order."""
    return [column.encode_name for column in fields(row)]


def columns_of(rows: Sequence[Row]) -> list[Sequence[Any]]:
    """Return rows turned by a quarter: one sequence a column. At least one row is needed."""
    return list(zip(*map(astuple, rows), strict=True))
