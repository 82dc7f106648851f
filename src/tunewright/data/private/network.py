"""Addresses of machines: IP of both versions, and MAC."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from tunewright.data.private.recogniser import Recogniser, whole

if TYPE_CHECKING:
    from tunewright.data.private.recogniser import Bounds

_V4 = re.compile(r"(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\d)", re.ASCII)
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}\.\d{1,3}\.\d{1,3})?(?![\w:])", re.ASCII)
_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?P<sign>[:-])[0-9A-Fa-f]{2}(?P=sign)[0-9A-Fa-f]{2}(?P=sign)[0-9A-Fa-f]{2}(?P=sign)"
    r"[0-9A-Fa-f]{2}(?P=sign)[0-9A-Fa-f]{2}(?![\w:-])"
)
_VERSION = re.compile(r"(?:version|release|build|\bv)[ :]?$", re.IGNORECASE)
_BEFORE = 10


def _v4(match: re.Match[str]) -> Bounds | None:
    """The address, unless it means no machine of anybody's, or is the number of a version."""
    before = match.string[max(0, match.start() - _BEFORE) : match.start()]
    try:
        address = IPv4Address(match[0])
    except AddressValueError:
        return None
    nobody = address.is_loopback or address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1
    return None if nobody or _VERSION.search(before) else match.span()


def _v6(match: re.Match[str]) -> Bounds | None:
    end = match.end() - 1 if match[0].endswith(":") and not match[0].endswith("::") else match.end()
    written = match.string[match.start() : end]
    if written.count(":") < 2 or not any(sign.isdigit() for sign in written):
        return None
    try:
        address = IPv6Address(written)
    except AddressValueError:
        return None
    return None if address.is_loopback or address.is_unspecified else (match.start(), end)


NETWORK = (
    Recogniser("ip_v4", "ip", r"\d\.\d{1,3}\.\d{1,3}\.\d", _V4, 0.95, _v4),
    Recogniser("ip_v6", "ip", r"[0-9A-Fa-f]:[0-9A-Fa-f:]*:[0-9A-Fa-f]", _V6, 0.95, _v6),
    Recogniser("mac", "mac", r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]", _MAC, 0.95, whole),
)
