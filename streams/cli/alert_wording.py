"""How the outcome of simulated alert rules reads to people."""

from streams.simulation.alerts import Delay, Plan


def headings(plan: Plan) -> list[str]:
    """Return what stands above the columns."""
    return [
        "ratings a day",
        "rule",
        "false pages in 90 days",
        f"baseline {100 * plan.baseline_error:g} points too high",
        *(f"{100 * plan.level:g} → {100 * share:g} % is told after" for share in plan.falls),
    ]


def pages_text(pages: float | None) -> str:
    """Return a mean number of pages; "" where there is none."""
    if pages is None:
        return ""
    return f"{pages:.2f}" if pages < 10 else f"{pages:,.0f}"


def delay_text(delay: Delay) -> str:
    """Return the median delay, and what was missed."""
    told = "never" if delay.median_hours is None else f"{delay.median_hours:,.1f} h"
    return f"{told}, {100 * delay.missed:.0f} % missed" if delay.missed >= 0.005 else told
