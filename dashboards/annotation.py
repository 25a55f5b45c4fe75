"""What happened, as marks on every chart over time. A further kind of mark is one more entry here."""

from collections.abc import Sequence
from typing import Final

from dashboards.style import PLAIN, Json

ANNOTATIONS: Final[Sequence[Json]] = (
    {
        "name": "Deployments",
        "enable": True,
        "iconColor": PLAIN,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        # Whoever deploys posts an annotation with this tag to Grafana's API; people can add their own on any chart.
        "target": {"type": "tags", "tags": ["deployment"], "matchAny": True, "limit": 100},
    },
)
