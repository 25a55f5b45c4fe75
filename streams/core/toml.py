"""Texts in TOML files that we write."""

import json


def quoted(text: str) -> str:
    """Return a text as TOML has it: as JSON does, but for the one sign that TOML wants escaped besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
