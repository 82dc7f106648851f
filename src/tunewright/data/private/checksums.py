"""Checksums by which issuers guard their numbers against slips of the pen."""

from __future__ import annotations

from datetime import date

DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
PESEL_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
PESEL_CENTURIES = {0: 1900, 20: 2000, 40: 2100, 60: 2200, 80: 1800}


def luhn(digits: str) -> bool:
    """Whether digits pass the Luhn check of payment cards (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def mod97(account: str) -> bool:
    """Whether an IBAN without blanks, in capitals, passes its check (ISO 13616: modulo 97 is 1)."""
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def dni(number: str) -> bool:
    """Whether a Spanish DNI or NIE, in capitals without separators, bears its control letter (modulo 23)."""
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return DNI_LETTERS[int(digits) % 23] == number[-1]


def bsn(digits: str) -> bool:
    """Whether nine digits are a Dutch BSN: weights 9 to 2 and -1, modulo 11 is 0 (the *elfproef*)."""
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
    return weighted % 11 == 0 and any(digit != "0" for digit in digits)


def pesel(digits: str) -> bool:
    """Whether eleven digits are a Polish PESEL: a date of birth in front, and a weighted sum modulo 10 of 0."""
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, PESEL_WEIGHTS, strict=True))
    return weighted % 10 == 0 and _is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def _is_date(year: int, month: int, day: int) -> bool:
    """Whether PESEL's date exists: its month carries the century."""
    try:
        date(PESEL_CENTURIES[month // 20 * 20] + year, month % 20, day)
    except (KeyError, ValueError):
        return False
    return True
