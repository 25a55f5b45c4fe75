"""Mapping: any CSV file becomes events by a mapping file; pure, with no code for any one data set."""

from streams.core.mapping.compiler import plan_of
from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.document import Document, Draft, draft_of
from streams.core.mapping.fault import Fault, MappingError, RowError
from streams.core.mapping.lookup import index_of
from streams.core.mapping.plan import Plan
from streams.core.mapping.rows import Mapped, Outcome, Rejected, Skipped, outcomes
from streams.core.mapping.table import Record, Table, TableError, table_of

__all__ = [
    "Document", "Draft", "Fault", "Mapped", "MappedEvent", "MappingError", "Outcome", "Plan", "Record", "Rejected",
    "RowError", "Skipped", "Table", "TableError", "draft_of", "index_of", "outcomes", "plan_of", "table_of",
]  # fmt: skip
