"""Personal data and secrets in a text: what kinds there are, and where one stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

PrivateKind = Literal[
    "email",
    "phone",
    "card",
    "iban",
    "national_id",
    "ip",
    "mac",
    "birth_date",
    "person",
    "address",
    "secret",
]
PRIVATE_KINDS: tuple[PrivateKind, ...] = get_args(PrivateKind)

KIND_WORDS: dict[str, tuple[str, str]] = {
    "email": ("e-mail address", "e-mail addresses"),
    "phone": ("phone number", "phone numbers"),
    "card": ("payment card number", "payment card numbers"),
    "iban": ("bank account number", "bank account numbers"),
    "national_id": ("national identifier", "national identifiers"),
    "ip": ("IP address", "IP addresses"),
    "mac": ("MAC address", "MAC addresses"),
    "birth_date": ("date of birth", "dates of birth"),
    "person": ("person's name", "persons' names"),
    "address": ("postal address", "postal addresses"),
    "secret": ("secret", "secrets"),
}
"""Kind to what people call one of it, and several."""


@dataclass(frozen=True, slots=True)
class PrivateSpan:
    """A stretch of a text that holds something private. The value itself is not kept."""

    start: int
    """In characters, from 0."""
    end: int
    """Behind its last character."""
    kind: PrivateKind
    score: float
    """How sure the recogniser is, 0..1: 1 for a checksum or an unmistakable form, less for a form in its context."""


def counted_kinds(counts: Mapping[str, int]) -> str:
    """Counts by kind in words, the most frequent first: `5 e-mail addresses, 1 phone number`."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {KIND_WORDS[kind][0 if count == 1 else 1]}" for kind, count in ordered)
