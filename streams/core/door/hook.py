"""Knows hooks: what reads the deliveries of a vendor, what proves them, and how one is kept that no rule reads."""

import json
import tomllib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from schemas.codec import FAULT, HOOK
from schemas.rows import Ms
from streams.core.door.signature import Delivery, verify
from streams.core.mapping import Mapping as DocumentMapping
from streams.core.mapping import MappingError, Reading

HOOK_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
_LONGEST_FAULT: Final = 1_000
_KEPT: Final = ("content-type", "user-agent")
_FORWARDED: Final = ("x-forwarded-", "x-real-ip", "x-client-ip", "x-envoy-", "x-amzn-")
"""What proxies add: it tells who is behind them, and no mapping needs it."""

Read = Callable[[str], str]


class HooksError(Exception):
    """A file of hooks is wrong. The message says all that is, and no secret."""


@dataclass(frozen=True)
class Hook:
    """One vendor's deliveries.

    Attributes:
        name: In the address, `/v1/hooks/NAME`.
        mapping: What reads them.
        secrets: Any of which proves a delivery.
        url: As the vendor calls it, where his signature is over that, too.
    """

    name: str
    mapping: DocumentMapping
    secrets: Sequence[str] = field(repr=False)
    url: str = ""

    def verify(self, delivery: Delivery, now_ms: Ms) -> None:
        """Return if a delivery is the vendor's.

        Raises:
            UnsignedError: When it is not.
        """
        verify(msgspec.structs.replace(delivery, url=self.url), self.mapping.signature, self.secrets, now_ms)

    def read(self, delivery: Delivery, now_ms: Ms) -> Reading:
        """Return what the mapping makes of a delivery."""
        return self.mapping.of(delivery.body, now_ms=now_ms, headers=delivery.headers)

    def kept(self, delivery: Delivery, reading: Reading) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
        """Return value and headers of the record that keeps a delivery for a newer mapping.

        The value is as mappings read it, `{"$headers": ..., "$body": ...}`; what proved it is no part of it.
        """
        fault = "; ".join(reading.faults)[:_LONGEST_FAULT]
        headers = ((HOOK, self.name.encode()), (FAULT, fault.encode(errors="replace")))
        return msgspec.json.encode({"$headers": self._kept_headers(delivery), **_body_of(delivery.body)}), headers

    def _kept_headers(self, delivery: Delivery) -> dict[str, str]:
        proof = self.mapping.signature.header.lower() if self.mapping.signature else ""
        return {
            name: value.encode(errors="replace").decode()
            for name, value in delivery.headers.items()
            if name in _KEPT or (name.startswith("x-") and name != proof and not name.startswith(_FORWARDED))
        }


class _HookPart(Struct, frozen=True, forbid_unknown_fields=True):
    mapping: str
    source: str | None = None
    secret: str | list[str] = ""
    url: str = ""


def hooks_in(text: str, read: Read) -> dict[str, Hook]:
    """Return the hooks of a file, by name.

    Args:
        text: Of the file, TOML: a table a hook.
        read: Returns the text of a mapping by what the file calls it; raises OSError.

    Raises:
        HooksError: With every fault of the file and of its mappings.
    """
    try:
        parts = _decoded(text)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise HooksError(str(error)) from error
    hooks: dict[str, Hook] = {}
    faults: list[str] = []
    for name, part in parts.items():
        try:
            hooks[name] = _hook(name, part, read)
        except (HooksError, MappingError, OSError) as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise HooksError("\n".join(faults))
    return hooks


def _decoded(text: str) -> dict[str, _HookPart]:
    return msgspec.convert(tomllib.loads(text), dict[Annotated[str, Meta(pattern=HOOK_NAME)], _HookPart])


def _hook(name: str, part: _HookPart, read: Read) -> Hook:
    mapping = DocumentMapping.read(read(part.mapping), source=part.source)
    secrets = [part.secret] if isinstance(part.secret, str) else part.secret
    if not secrets or not all(secrets):
        raise HooksError("a hook needs the vendor's secret, or one that stands in its address as ?key=...")
    if mapping.signature and "{url}" in mapping.signature.signed and not part.url:
        raise HooksError("the vendor signs the address that he calls: say it as url")
    return Hook(name, mapping, secrets, part.url)


def _body_of(body: bytes) -> Mapping[str, Any]:
    """Return a body as part of a JSON document, the bytes themselves where they are no JSON."""
    try:
        _any_decoder.decode(body)
        json.loads(body)  # takes no broken text, which the other one passes over
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {"$base64": b64encode(body).decode()}
    return {"$body": Raw(body)}


_any_decoder: Final = msgspec.json.Decoder(Raw)
