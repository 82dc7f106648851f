"""Payment cards and bank accounts, both by their checksums."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tunewright.data.private.checksums import luhn, mod97
from tunewright.data.private.facts import facts
from tunewright.data.private.recogniser import Recogniser, said_before

if TYPE_CHECKING:
    from tunewright.data.private.recogniser import Bounds

_CARD = re.compile(
    r"(?<![\w.-])(?:"
    r"\d{12,19}"
    r"|\d{4}(?P<sign>[ -])\d{4}(?P=sign)\d{4}(?P=sign)\d{1,4}(?:(?P=sign)\d{1,3})?"
    r"|\d{4}[ -]\d{6}[ -]\d{4,5}"
    r")(?![\w-])"
)
_CARD_WORD = re.compile(
    r"(?<!\w)(?:cards?|credit|debit|cc|visa|mastercard|amex|karte|tarjeta|carte|carta)(?!\w)", re.IGNORECASE
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9]{2})")
_GROUP = 4
"""Characters that stand together in an IBAN written for people."""


def _card(match: re.Match[str]) -> Bounds | None:
    digits = re.sub(r"\D", "", match[0])
    return match.span() if luhn(digits) and (_issued(digits) or said_before(match, _CARD_WORD)) else None


def _issued(digits: str) -> bool:
    """Whether a network issues numbers that begin so and are as long: of other numbers, one in ten passes Luhn's
    check."""
    return any(
        len(digits) in card["lengths"] and card["from"] <= digits[: len(card["from"])] <= card["to"]
        for card in facts()["cards"]
    )


def _iban(match: re.Match[str]) -> Bounds | None:
    length = facts()["iban_lengths"].get(match[0][:2].upper())
    end = None if length is None else _end_of_account(match.string, match.start(), length)
    if end is None:
        return None
    account = re.sub(r"[ -]", "", match.string[match.start() : end]).upper()
    return (match.start(), end) if account.isascii() and account.isalnum() and mod97(account) else None


def _end_of_account(text: str, start: int, length: int) -> int | None:
    """Where an account of so many letters and digits ends, with or without a blank after every fourth; None for a text
    that ends before it, or goes on."""
    taken, place = 0, start
    while taken < length and place < len(text):
        if text[place] in " -" and taken and taken % _GROUP == 0 and text[place - 1] not in " -":
            place += 1
            continue
        if not text[place].isalnum():
            return None
        taken, place = taken + 1, place + 1
    ends = place == len(text) or not text[place].isalnum()
    return place if taken == length and ends else None


ACCOUNTS = (
    Recogniser("payment_card", "card", r"\d{4}[ -]?\d{4}", _CARD, 0.95, _card),
    Recogniser("iban", "iban", r"[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{2}", _IBAN, 1.0, _iban),
)
