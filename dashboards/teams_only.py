"""Pages without comparisons between agents, for desks whose works council asks for that.

Who has a ticket or owes an answer is told all the same: it is needed to act. What no page shows is which agent does
better than others.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dashboards.dashboard import Dashboard
from dashboards.panel import COLUMNS, Panel
from streams.core.metrics import Dimension


def teams_only(dashboard: Dashboard) -> Dashboard:
    """Return a page without the panels that compare agents; what stood beside one takes its room."""
    return replace(dashboard, rows=list(_rows(dashboard.rows)))


def _rows(rows: Sequence[Sequence[Panel]]) -> Iterator[Sequence[Panel]]:
    for row in rows:
        kept = [panel for panel in row if panel.compares is not Dimension.AGENT]
        if len(kept) == len(row):
            yield row
        elif kept:
            yield [replace(panel, width=COLUMNS // len(kept)) for panel in kept]
