"""Texts in TOML files that we write."""

import json
import re

_SIGNS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What JSON may hold as it is, and TOML not, or what ends a line to those who read TOML by lines."""


def quoted(text: str) -> str:
    """Return a text as TOML has it: as JSON does, with those signs escaped that only JSON holds as they are."""
    return _SIGNS.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(text, ensure_ascii=False))
