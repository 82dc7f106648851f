"""E-mail addresses and phone numbers."""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import phonenumbers

from tunewright.data.private.recogniser import Recogniser, said_before, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.private.recogniser import Bounds

_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w%+][\w.%+'-]{0,63}@[A-Za-z0-9\u00a1-\uffff][A-Za-z0-9\u00a1-\uffff.-]{0,189}"
    r"\.[A-Za-z\u00a1-\uffff]{2,24}(?![\w@])"
)
_PHONE = re.compile(
    r"(?<![\w/:#=<*£$€-])(?<!\d[ .,])(?P<value>(?:\+ ?|\()?\d(?:(?:[ .\-/]|\)[ .-]?|[ .-]?\()?\d){6,20})"
    r"(?:(?:x| ext\.? ?)\d{1,6})?(?![\w%€]|[-/]\d| ?=)",
    re.ASCII | re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"\b(?:phone|telephone|tel|call(?:ed|ing)?|answer(?:ing)?|ring|rang|cell|cellphone|mobile|fax|whatsapp"
    r"|sms|text me|reach|contact|desk|dial|handy|telefon|rufen?|tel[ée]fono|m[óo]vil|llam\w{1,6}"
    r"|t[ée]l[ée]phone|portable|cellulare|telem[óo]vel)\b",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[ -]{0,2}(?:office|fax|mobile|cell|home)\b", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d")
_FIGURES = re.compile(r"/|\..*-|-.*\.|(?:19|20)\d\d-(?:19|20)\d\d")
"""Ratios, ranges of decimals and of years."""
LEAST_DIGITS, MOST_DIGITS = 7, 15
"""E.164 allows 15 digits; fewer than seven are local and could be anything."""
PLAIN_DIGITS = 10
"""A number without a word before it, and without `+` or 0 in front, must be as long: house numbers and postal codes are
shorter."""


def contact(regions: Sequence[str]) -> tuple[Recogniser, ...]:
    """The recognisers of e-mail and phone; a number without `+` is a phone's where it is one in any of the regions."""
    value_of = partial(_phone, regions=tuple(regions))
    return (
        Recogniser("email", "email", r"\w@\w", _EMAIL, 0.95, whole),
        Recogniser("phone", "phone", r"\d[\d ().\-/]{4,}\d", _PHONE, 0.6, value_of),
    )


def _phone(match: re.Match[str], *, regions: tuple[str, ...]) -> Bounds | None:
    """A number that its country issues; behind a word such as `call`, any number of a phone's length."""
    written = match["value"]
    digits = re.sub(r"\D", "", written)
    if (
        not LEAST_DIGITS <= len(digits) <= MOST_DIGITS
        or _DATE.match(written)
        or written.count("(") != written.count(")")
    ):
        return None
    said = said_before(match, _CONTEXT) or _AFTER.match(match.string, match.end())
    return match.span() if said or _stands_alone(written, digits, regions) else None


def _stands_alone(written: str, digits: str, regions: tuple[str, ...]) -> bool:
    """Whether a number can be told for a phone's by itself: it is grouped, long, and issued somewhere."""
    prefixed = written.startswith("+") or digits.startswith("0")
    shaped = prefixed or (len(digits) >= PLAIN_DIGITS and re.search(r"\d{3}\D", written) is not None)
    return shaped and _FIGURES.search(written) is None and phone_key(written, regions).startswith("+")


@lru_cache(maxsize=65536)
def phone_key(written: str, regions: tuple[str, ...]) -> str:
    """The number as E.164 writes it, such as `+35315550119`, where one of the regions issues it; else its digits."""
    international = re.sub(r"^\(?00", "+", written.strip())
    for region in (None,) if international.startswith("+") else regions:
        try:
            number = phonenumbers.parse(international, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return re.sub(r"\D", "", written)
