"""Notices that a topic was deleted and made again: Kafka gives it another id, and nothing else need differ.

Offsets that were committed then belong to records that are gone, and reach into those of the new topic: what lies
before them would be passed over without a word.
"""

from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "00000000-0000-0000-0000-000000000000"
"""What a broker says that knows no ids."""


class TopicIds:
    """Remembers the id of each topic."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def made_again(self, found: Mapping[str, str | None]) -> set[str]:
        """Take in the ids that topics have now, and return the topics that were made again since the last look.

        A topic that is not there now, or whose id nobody knows, says nothing: it is compared once it is there.
        """
        told = {topic: id for topic, id in found.items() if id and id != UNKNOWN}
        anew = {topic for topic, id in told.items() if self._known.get(topic, id) != id}
        self._known |= told
        return anew
