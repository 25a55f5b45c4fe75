"""What a command needs beyond what every process has: an extra of the installation, named where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_OURS: Final = ("dashboards", "deploy", "schemas", "streams")


class ExtraMissingError(Exception):
    """Packages of an extra are not installed; the message says which extra."""


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Say which extra is missing when an import in the block does not find a package.

    Raises:
        ExtraMissingError: When it does not; a missing module of our own is a fault of ours and stays what it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in _OURS:
            raise
        raise ExtraMissingError(
            f"this command needs the package {package}, which is not installed: pip install 'servicepulse[{extra}]'"
        ) from error
