"""What disagrees in the events that were sent, and what each disagreement costs the numbers."""

from streams.core.doctor.check import Check, Finding
from streams.core.doctor.checks import CHECKS

__all__ = ["CHECKS", "Check", "Finding"]
