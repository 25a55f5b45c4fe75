"""What is stated in versions: each is in force from an instant on, until the next one is."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from schemas.instant import Ms, ms_of, zone_of

_LOCAL_OR_NOT: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$"


class InForce(Struct, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What holds from an instant on, by the clocks of a zone."""

    from_at: Annotated[
        datetime,
        Meta(
            description="When it begins to count. Without an offset it is what the clocks of `zone` show; a time that "
            "they show twice is the first of the two, one that they skip is read as if they had not been put forward.",
            extra_json_schema={"pattern": _LOCAL_OR_NOT},
        ),
    ] = msgspec.field(name="from")
    zone: Annotated[str, Meta(max_length=64, description="IANA name of a time zone, such as Europe/Berlin.")]

    @cached_property
    def in_force_at(self) -> Ms:
        """The first instant at which it counts."""
        return ms_of(self.from_at if self.from_at.tzinfo else self.from_at.replace(tzinfo=zone_of(self.zone)))


V = TypeVar("V", bound=InForce)


def in_force(versions: Sequence[V], at: Ms) -> V | None:
    """Return the version that counts at an instant, None before the first one."""
    return next((version for version in reversed(versions) if version.in_force_at <= at), None)


def refuse_disorder(versions: Sequence[InForce], fault: type[ValueError]) -> None:
    """Let versions pass that stand in the order in which they come into force.

    Raises:
        ValueError: Of the type given, when one begins before its predecessor or with it.
    """
    for earlier, later in pairwise(versions):
        if later.in_force_at <= earlier.in_force_at:
            raise fault(
                f"the version from {later.from_at.isoformat()} stands behind the one from "
                f"{earlier.from_at.isoformat()}, but does not begin after it: put the earlier one first"
            )
