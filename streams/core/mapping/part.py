"""What every table of a mapping file has in common."""

from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, Field

STRICT: Final = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)
"""No keys but the named ones, no silent conversions."""
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
