"""Checks that a delivery comes from the vendor: by his signature over the bytes as they came, or by a shared secret."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from schemas.rows import Ms
from streams.core.mapping import Signature

_HASHES: Final = {"hmac-sha256": "sha256", "hmac-sha1": "sha1"}
_NAME: Final = re.compile(r"\{(\w+)\}")


class Delivery(Struct, frozen=True):
    """What a vendor sends.

    Attributes:
        body: The bytes as they came.
        headers: By their names in small letters.
        key: What stands in the query of the address as `key`.
        method: Of HTTP.
        url: As the vendor calls it.
    """

    body: bytes
    headers: Mapping[str, str]
    key: str = ""
    method: str = "POST"
    url: str = ""


class UnsignedError(Exception):
    """A delivery does not prove that it comes from the vendor. The message tells nothing that helps to forge one."""


def verify(delivery: Delivery, signature: Signature | None, secrets: Sequence[str], now_ms: Ms) -> None:
    """Return if a delivery is the vendor's.

    Args:
        delivery: What came.
        signature: How the vendor signs; None where he does not, and the secret stands in the address that he calls.
        secrets: Any of them will do, so that one can be changed while deliveries come.
        now_ms: The clock.

    Raises:
        UnsignedError: When it is not.
    """
    if signature is None:
        _refuse_unless(_is_any(delivery.key, secrets), "the address lacks its key, or has another one")
        return
    if signature.timestamp_header is not None:
        sent_ms = _sent_ms(delivery, signature)
        is_fresh = abs(now_ms - sent_ms) <= signature.tolerance_seconds * 1000
        _refuse_unless(is_fresh, f"it was signed more than {signature.tolerance_seconds} s from now")
    shown = delivery.headers.get(signature.header.lower(), "")
    _refuse_unless(shown.startswith(signature.prefix), "the signature is missing, or is none")
    shown = shown[len(signature.prefix) :].strip()
    wanted = [_expected(delivery, signature, secret) for secret in secrets]
    if signature.scheme != "token" and signature.encoding == "hex":
        shown = shown.lower()
    _refuse_unless(_is_any(shown, wanted), "the signature is missing, or is not of this delivery")


def _expected(delivery: Delivery, signature: Signature, secret: str) -> str:
    if signature.scheme == "token":
        return secret
    digest = hmac.digest(secret.encode(), _signed(delivery, signature), _HASHES[signature.scheme])
    return digest.hex() if signature.encoding == "hex" else b64encode(digest).decode()


def _signed(delivery: Delivery, signature: Signature) -> bytes:
    parts = {
        "body": delivery.body,
        "timestamp": _bytes_of(delivery.headers.get((signature.timestamp_header or "").lower(), "")),
        "method": delivery.method.encode(),
        "url": delivery.url.encode(),
    }
    # Names and what is between them take turns.
    between = enumerate(_NAME.split(signature.signed))
    return b"".join(parts[text] if number % 2 else text.encode() for number, text in between)


def _sent_ms(delivery: Delivery, signature: Signature) -> Ms:
    told = delivery.headers.get((signature.timestamp_header or "").lower(), "").strip()
    try:
        match signature.timestamp_format:
            case "unix":
                return int(float(told) * 1000)
            case "unix_ms":
                return int(told)
            case "iso":
                at = datetime.fromisoformat(told)
                return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UnsignedError("the time of its signature is missing, or is none") from None


def _is_any(shown: str, wanted: Sequence[str]) -> bool:
    """Tell whether something is one of several secrets, taking as long for each that is not."""
    given = _bytes_of(shown)
    found = [hmac.compare_digest(given, secret.encode()) for secret in wanted if secret]
    return any(found)


def _bytes_of(header: str) -> bytes:
    return header.encode(errors="surrogateescape")


def _refuse_unless(claim: bool, message: str) -> None:
    if not claim:
        raise UnsignedError(message)
