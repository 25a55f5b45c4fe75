"""Files that are made from code and checked in beside it."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct


class Made(Struct, frozen=True):
    """A file that is made from code.

    Attributes:
        path: Where it is, in a checkout; an installed package may have no place for it.
        text: Makes what it holds.
    """

    path: Path
    text: Callable[[], str]

    def is_current(self) -> bool:
        """Say whether the file is what the code says, or there is no place for it."""
        if not self.path.parent.is_dir():
            return True
        return self.path.is_file() and self.path.read_text(encoding="utf-8") == self.text()

    def write(self) -> bool:
        """Write the file if it is not what the code says, and say whether that was so.

        Raises:
            OSError: When it cannot be written.
        """
        if self.is_current():
            return False
        self.path.write_text(self.text(), encoding="utf-8")
        return True
