"""National identifiers, dates of birth, and codes that name one address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tunewright.data.private.checksums import bsn, dni, pesel
from tunewright.data.private.recogniser import Recogniser, said_before, whole

if TYPE_CHECKING:
    from tunewright.data.private.recogniser import Bounds

_DNI = re.compile(r"(?<![\w-])(?:[XYZxyz]-?\d{7}|\d{8})-?[A-Za-z](?![\w-])")
_BSN = re.compile(r"(?<![\w.-])\d{9}(?![\w-])|(?<![\w.-])\d{4}\.\d{2}\.\d{3}(?![\w-])")
_BSN_WORD = re.compile(r"\b(?:bsn|burgerservicenummer|sofi-?nummer|citizen service number)\b", re.IGNORECASE)
_PESEL = re.compile(r"(?<![\w.-])\d{11}(?![\w-])")
_PESEL_WORD = re.compile(r"\b(?:pesel|national id|id(?:entity)? number|numer identyfikacyjny)\b", re.IGNORECASE)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}(?P<sign>[- ])(?!00)\d{2}(?P=sign)(?!0000)\d{4}(?![\w-])", re.ASCII)
_SSN_WORD = re.compile(r"\b(?:ssn|social[ -]security)\b", re.IGNORECASE)
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|ene|abr|ago|dic|janv|févr|mars|avr|mai|juin|juil|août|déc|okt"
    r"|dez)[a-zéû]{0,8}\.?"
)
_DATE = (
    rf"\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|\d{{1,2}}(?:st|nd|rd|th|\.)?[ -](?:of |de )?{_MONTH},?[ -](?:de )?\d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
)
_BIRTH = re.compile(
    r"(?<!\w)(?:born|dob|d\.o\.b\.|date of birth|birth ?da(?:y|te)|geboren|geburtsdatum|geburtstag|nacid[oa]"
    r"|fecha de nacimiento|née?|date de naissance|nat[oa] il|data di nascita|data de nascimento|geboortedatum"
    rf")(?!\w)[^\d\n]{{0,20}}?(?P<value>{_DATE})(?!\d)",
    re.IGNORECASE,
)
_BIRTH_HINT = r"(?is)(?:\b(?:born|d\.?o\.?b|gebo|gebu|nacid|née?\b|nat[oa] il)|birth|nacimiento|naissance|nasc).*\d"
_EIRCODE = re.compile(r"(?<!\w)(?:[AC-FHKNPRTV-Y]\d{2}|D6W)[ -]?(?=[A-Z]{0,3}\d)[0-9AC-FHKNPRTV-Y]{4}(?!\w)")
"""Ireland's code of one address (Eircode, product guide): a routing key, and four signs of which one is a digit."""


def _dni(match: re.Match[str]) -> Bounds | None:
    return match.span() if dni(match[0].replace("-", "").upper()) else None


def _bsn(match: re.Match[str]) -> Bounds | None:
    """One number of nine digits in eleven passes: the word must stand before it."""
    return match.span() if bsn(match[0].replace(".", "")) and said_before(match, _BSN_WORD) else None


def _pesel(match: re.Match[str]) -> Bounds | None:
    """Checksum and date leave one number in a few hundred: such order numbers exist, so the word is asked for too."""
    return match.span() if pesel(match[0]) and said_before(match, _PESEL_WORD) else None


def _ssn(match: re.Match[str]) -> Bounds | None:
    return match.span() if match["sign"] == "-" or said_before(match, _SSN_WORD) else None


IDENTITY = (
    Recogniser("spanish_dni", "national_id", r"\d{7}-?\d?-?[A-Za-z]", _DNI, 1.0, _dni),
    Recogniser("dutch_bsn", "national_id", r"(?i)bsn|burgerservice|sofi|citizen service", _BSN, 1.0, _bsn),
    Recogniser("polish_pesel", "national_id", r"\d{11}", _PESEL, 1.0, _pesel),
    # The US number has no checksum: only ranges that are never issued (Social Security Administration, 2011).
    Recogniser("us_ssn", "national_id", r"\d{3}[- ]\d{2}[- ]\d{4}", _SSN, 0.9, _ssn),
    Recogniser("birth_date", "birth_date", _BIRTH_HINT, _BIRTH, 0.9, whole),
    Recogniser("eircode", "address", r"[A-Z]\d[0-9W][ -]?[A-Z0-9]{4}", _EIRCODE, 0.9, whole),
)
