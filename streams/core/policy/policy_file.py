"""How a file states the policy, and everything that is wrong with it at once."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from schemas.events import PolicyPublished
from schemas.policy import TARGETS, Policy, PolicyError, Rule
from streams.core.stated import faults_of, listed, read


def policy_of(text: str) -> tuple[Policy, ...]:
    """Return the versions that a TOML document states.

    ```toml
    [[versions]]
    from = 2026-01-01T00:00:00
    zone = "Europe/Berlin"
    satisfied_from = 75
    first_response = [{ within = "15m", priority = ["urgent"] }, { within = "2h", hours = "open" }]
    response = [{ within = "4h", hours = "open" }]
    resolution = [{ within = "3d" }]
    ```

    Raises:
        PolicyError: When the text is no TOML, or states what cannot be meant. The message names every fault with its
            place, a line each.
    """
    try:
        document = msgspec.toml.decode(text)
    except msgspec.DecodeError as error:
        raise PolicyError(f"the policy is wrong: {error}") from None
    if faults := list(_faults(document)):
        raise PolicyError("\n  ".join(["the policy is wrong:", *faults]))
    return read(document, _Document).versions


_ALWAYS: Final = {"from": datetime(2026, 1, 1), "zone": "UTC"}  # noqa: DTZ001 - by the clocks of the zone
"""What a version must say, so that the rest of it can be read by itself."""


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file of the policy says."""

    versions: tuple[Policy, ...]


def _faults(document: object) -> Iterator[str]:
    """Yield what is wrong with parts by themselves; when nothing is, what is wrong with how they go together."""
    found = [fault for place, version in listed(document, "versions", "$") for fault in _of_version(place, version)]
    yield from found or [*faults_of("$", document, _Document)] or faults_of("$", document, PolicyPublished)


def _of_version(place: str, version: dict[str, object]) -> Iterator[str]:
    """Yield what is wrong with each rule and each definition by itself; when nothing is, with all of them together."""
    of_rules = {
        target: [fault for here, rule in listed(version, target, place) for fault in faults_of(here, rule, Rule)]
        for target in TARGETS
    }
    found = [fault for faults in of_rules.values() for fault in faults]
    rest = {name: said for name, said in version.items() if not of_rules.get(name)}
    found += [fault for name, said in rest.items() for fault in faults_of(place, {**_ALWAYS, name: said}, Policy)]
    yield from found or faults_of(place, version, Policy)
