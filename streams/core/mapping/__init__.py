"""Mapping: tables and JSON documents become events by a mapping file; pure, with no code for any one data set."""

from streams.core.mapping.compiler import plan_of
from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.delivery import Mapping, Reading
from streams.core.mapping.document import Document, Draft, Signature, draft_of
from streams.core.mapping.fault import Fault, MappingError, RowError
from streams.core.mapping.lookup import Index, index_of
from streams.core.mapping.note import Note, Notes
from streams.core.mapping.order import in_order
from streams.core.mapping.outcome import Mapped, Outcome, Rejected, Skipped
from streams.core.mapping.plan import Plan
from streams.core.mapping.rows import outcomes
from streams.core.mapping.table import Record, Table, TableError, table_of

__all__ = [
    "Document", "Draft", "Fault", "Index", "Mapped", "MappedEvent", "Mapping", "MappingError", "Note", "Notes",
    "Outcome", "Plan", "Reading", "Record", "Rejected", "RowError", "Signature", "Skipped", "Table", "TableError",
    "draft_of", "in_order", "index_of", "outcomes", "plan_of", "table_of",
]  # fmt: skip
