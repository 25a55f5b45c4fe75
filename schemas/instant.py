"""Instants as milliseconds since 1970, and the time zones of the IANA database that this machine has."""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

Ms: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00:00Z."""
LAST_MS: Final = 65_536 * 86_400_000 - 1
"""The last instant whose day the database can store: 2149-06-06."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class UnknownZoneError(ValueError):
    """A name that no time zone has; the message names similar ones."""


def ms_of(time: datetime) -> int:
    """Return an instant in milliseconds since 1970, cut to the millisecond."""
    return (time - _EPOCH) // _MILLISECOND


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a name of the IANA database, such as `Europe/Berlin`.

    Which zones there are is looked up once in a process: after an update of the database start it again.

    Raises:
        UnknownZoneError: When there is none; the message names similar ones.
    """
    if name in _names():
        return ZoneInfo(name)
    similar = _similar(name)
    hint = f"did you mean {similar}?" if similar else "give a name of the IANA database, such as Europe/Berlin or UTC"
    raise UnknownZoneError(f"there is no time zone {name!r}; {hint}")


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())  # read from disk anew every time that it is called


def _similar(name: str) -> str:
    lowered = {known.lower(): known for known in sorted(_names())}
    cities = {known.rpartition("/")[2]: known for known in lowered}
    wanted = name.lower().replace(" ", "_")
    close = get_close_matches(wanted, [*lowered, *cities], n=3, cutoff=0.7) if wanted not in lowered else [wanted]
    return " or ".join(dict.fromkeys(lowered[cities.get(match, match)] for match in close))
