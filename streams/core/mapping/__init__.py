"""Mapping: any CSV file becomes events by a mapping file; pure, with no code for any one data set."""

from streams.core.mapping.compiler import plan_of
from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.document import Document, Draft, draft_of
from streams.core.mapping.fault import Fault, MappingError, RowError
from streams.core.mapping.lookup import Index, index_of
from streams.core.mapping.note import Note, Notes
from streams.core.mapping.order import in_order
from streams.core.mapping.outcome import Mapped, Outcome, Rejected, Skipped
from streams.core.mapping.plan import Plan
from streams.core.mapping.rows import outcomes
from streams.core.mapping.table import Record, Table, TableError, table_of

__all__ = [
    "Document", "Draft", "Fault", "Index", "Mapped", "MappedEvent", "MappingError", "Note", "Notes", "Outcome", "Plan",
    "Record", "Rejected", "RowError", "Skipped", "Table", "TableError", "draft_of", "in_order", "index_of", "outcomes",
    "plan_of", "table_of",
]  # fmt: skip
