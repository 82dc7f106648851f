from __future__ import annotations

import math
import time
from itertools import pairwise

import polars as pl
import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st
from private_room import TABLE, found

from tunewright.core.private import PRIVATE_KINDS, PrivateSpan
from tunewright.data.private.checksums import DNI_LETTERS, PESEL_WEIGHTS, bsn, luhn, mod97
from tunewright.data.private.facts import facts
from tunewright.data.private.find import find_spans, without_overlaps
from tunewright.recipe.privacy import PrivacySpec

KEY = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIBOgIBAAJBAK\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to Jo.Doe+x@mail.example.co.uk.", ("email", "Jo.Doe+x@mail.example.co.uk")),
        ("öffne müller@bücher.example bitte", ("email", "müller@bücher.example")),
        ("ring +353 1 555 0119 now", ("phone", "+353 1 555 0119")),
        ("my number: (212) 555-0123", ("phone", "(212) 555-0123")),
        ("card 4111 1111 1111 1111, please", ("card", "4111 1111 1111 1111")),
        ("3782 822463 10005", ("card", "3782 822463 10005")),
        ("from IE29 AIBK 9311 5212 3456 78 today", ("iban", "IE29 AIBK 9311 5212 3456 78")),
        ("gb33bukb20201555555555", ("iban", "gb33bukb20201555555555")),
        ("mi DNI es 12345678Z", ("national_id", "12345678Z")),
        ("NIE X-1234567-L", ("national_id", "X-1234567-L")),
        ("mijn BSN is 111222333", ("national_id", "111222333")),
        ("PESEL 44051401359", ("national_id", "44051401359")),
        ("SSN: 460-89-9847", ("national_id", "460-89-9847")),
        ("sign-in from 198.51.100.23.", ("ip", "198.51.100.23")),
        ("from 2001:db8::8a2e:370:7334: who?", ("ip", "2001:db8::8a2e:370:7334")),
        ("device 00:1A:2b:3c:4d:5e", ("mac", "00:1A:2b:3c:4d:5e")),
        ("she was born on 2/8/1935", ("birth_date", "2/8/1935")),
        ("Date of birth: 3rd March 1982", ("birth_date", "3rd March 1982")),
        ("to Kilkenny R95 X0X0, please", ("address", "R95 X0X0")),
        ("key AKIAIOSFODNN7EXAMPLE", ("secret", "AKIAIOSFODNN7EXAMPLE")),
        (f"see\n{KEY}\nbye", ("secret", KEY)),
        (f"token {JWT}", ("secret", JWT)),
        ("git clone https://jo:hunter22@git.example.org/x", ("secret", "jo:hunter22")),
        ('{"password": "Example-Hunter-22!"}', ("secret", "Example-Hunter-22!")),
        ("my password is hunter2222.", ("secret", "hunter2222")),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY", ("secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY")),
        ("Authorization: Bearer example.0000000000.test", ("secret", "example.0000000000.test")),
    ],
)
def test_a_value_is_found_with_its_bounds(text: str, expected: tuple[str, str]) -> None:
    assert found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "card 4111 1111 1111 1112",  # Luhn fails
        "order 1234567812345670",  # Luhn holds, and nobody issues such numbers
        "GB33BUKB20201555555556",  # mod 97 fails
        "12345678A",  # another letter belongs to it
        "order 111222333",  # a BSN, if anybody had said so
        "000-12-3456, 666-12-3456, 900-12-3456",  # never issued
        "version 1.2.3.4 at 127.0.0.1",
        "at 12:30:45 on 2025-03-04 12:30",
        "password: required, token: missing, secret: unknown",
        "my password is wrong and the api key: expired",
        "max_tokens=100000",
        "a@b, @someone and 5@home",
        "order 1234567890123 of 2025-11-30, 14 to 18 May, 3 x 4.500,00",
        "so 35000 - 11520 = 23480, <<50000-36000=14000>> and 95,060-29,100",
        "AUC 0.950/0.938/0.979, 95% CI: 0.871-0.941, range 20.300-31000",
        "Milan, 86 2020-2021: Inter, 91 2019-2020; 18   19   20   21   22",
        "he was born in Cork and has 3 cats",
        "https://example.org/a?b=c:d and std::vector",
        "<EMAIL_1> <PHONE_2> password: <SECRET_1> https://<SECRET_2>@example.org born <BIRTH_DATE_1>",
    ],
)
def test_what_only_looks_private_is_left_alone(text: str) -> None:
    assert found(text) == []


@law(200)
@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 16), st.integers(1, 9))
def test_a_luhn_number_with_one_digit_changed_fails(digits: str, place: int, change: int) -> None:
    (valid,) = [digits + last for last in "0123456789" if luhn(digits + last)]
    place %= len(digits)
    other = valid[:place] + str((int(valid[place]) + change) % 10) + valid[place + 1 :]
    assert not luhn(other)


@law(80)
@given(st.sampled_from(sorted(facts()["iban_lengths"])), st.randoms(use_true_random=False))
def test_every_iban_of_every_country_is_found_and_a_slip_is_not(country: str, random: object) -> None:
    length = facts()["iban_lengths"][country]
    account = "".join(random.choice("0123456789ABCXYZ") for _ in range(length - 5)) + "4"  # type: ignore[attr-defined]
    check = 98 - int("".join(str(int(sign, 36)) for sign in account + country + "00")) % 97
    iban = f"{country}{check:02d}{account}"
    assert ("iban", iban) in found(f"pay {iban} now")
    slip = f"{iban[:-1]}7"
    assert not mod97(slip)
    assert all(kind != "iban" for kind, _ in found(f"pay {slip} now"))


@law(15)
@given(st.integers(0, 99_999_999))
def test_a_dni_has_exactly_one_letter(number: int) -> None:
    letters = [letter for letter in DNI_LETTERS if found(f"DNI {number:08d}{letter}")]
    assert letters == [DNI_LETTERS[number % 23]]


@law(100)
@given(st.dates(), st.integers(0, 9999))
def test_a_pesel_needs_its_date_and_its_sum(born: object, serial: int) -> None:
    year, month, day = born.year, born.month, born.day  # type: ignore[attr-defined]
    century = {18: 80, 19: 0, 20: 20, 21: 40, 22: 60}.get(year // 100)
    body = f"{year % 100:02d}{month + (century or 0):02d}{day:02d}{serial:04d}"
    last = -sum(int(d) * w for d, w in zip(body, PESEL_WEIGHTS[:-1], strict=True)) % 10
    expected = [("national_id", f"{body}{last}")] if century is not None else None
    if expected is not None:
        assert found(f"PESEL {body}{last}") == expected
        assert all(kind != "national_id" for kind, _ in found(f"PESEL {body}{(last + 1) % 10}"))


def test_one_in_eleven_numbers_is_a_bsn() -> None:
    assert sum(bsn(f"{n:09d}") for n in range(100_000_000, 100_110_000)) == pytest.approx(10_000, rel=0.01)


@law(200)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.floats(0, 1)), max_size=12), st.randoms())
def test_spans_that_stay_do_not_overlap_and_each_that_leaves_meets_a_better_one(
    given_spans: list[tuple[int, int, float]], random: object
) -> None:
    spans = [PrivateSpan(start, start + length, "ip", score) for start, length, score in given_spans]
    kept = without_overlaps(spans)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    for span in spans:
        meeting = [k for k in kept if k.start < span.end and span.start < k.end]
        assert any((k.score, k.end - k.start) >= (span.score, span.end - span.start) for k in meeting)
    shuffled = list(spans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert without_overlaps(shuffled) == kept


def test_of_a_login_and_the_address_it_looks_like_the_login_stays() -> None:
    assert found("ftp://jo:pw12@files.example.org/x") == [("secret", "jo:pw12")]


def test_every_kind_has_a_policy_and_every_recogniser_a_kind() -> None:
    assert {recogniser.kind for recogniser in TABLE} <= set(PRIVATE_KINDS)
    assert set(PRIVATE_KINDS) - {recogniser.kind for recogniser in TABLE} == {"person"}
    assert set(PRIVATE_KINDS) | {"default", "regions", "names"} == set(PrivacySpec.model_fields)


@pytest.mark.parametrize("token", facts()["tokens"], ids=lambda token: token["prefix"])
def test_every_token_is_found_by_its_prefix(token: dict[str, object]) -> None:
    signs = "7f3a9c2e" if token["characters"] == "0-9a-f" else "A7F3C9E2"
    body = (signs * 20)[: int(token["least"])]  # type: ignore[call-overload]
    assert ("secret", f"{token['prefix']}{body}") in found(f"use {token['prefix']}{body} here")
    assert all(kind != "secret" for kind, _ in found(f"use {token['prefix']} here"))


HOSTILE = (
    *(
        "a",
        "1",
        "1 ",
        "12-",
        "1.",
        "1,",
        "a@",
        "a.",
        "@",
        "a@a.",
        "x://",
        "x://a:",
        "eyJ",
        "eyJaaaaaaaa.",
        "sk-",
        "ghp_",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----a-",
        "password",
        "password: ",
        "pass is ",
        "token=",
    ),
    *("bearer ", "born ", "born 1", "GB33", "GB33 ", "GB33BUKB2020", "4111 ", "4111", "00:", "ff:", ":", "fe80:"),
    *("1.1.1.", "(", "(1", "+", "+1 ", "call 5", "01-", "secret-", "SG.", "SG.aaaa", "a-", "A1", "R95 ", "x@x.x", "%"),
    *("\n", "é@", "12345678A", "call 212-555-0100 ", "BSN 123456782 ", '"', 'api_key"="', "AKIA"),
)
"""What begins a value again and again, and never ends one, or ends it over and over."""
SHORT, LONG = 20_000, 160_000


@pytest.mark.parametrize("seed", HOSTILE)
def test_the_time_of_a_search_grows_with_the_text_and_not_with_its_square(seed: str) -> None:
    """The exponent is 1 where the time is linear and 2 where it is quadratic; below 50 ms nothing is measured."""
    short, long = 0.0, 0.0
    for _ in range(4):  # a busy machine may stall one of them
        short, long = (_seconds((seed * (chars // len(seed) + 1))[:chars]) for chars in (SHORT, LONG))
        if long < 0.05 or math.log(long / short) / math.log(LONG / SHORT) < 1.4:
            return
    pytest.fail(f"{seed!r}: {short:.3f} s for {SHORT:,} characters, {long:.3f} s for {LONG:,}")


def _seconds(text: str) -> float:
    texts = pl.Series([text])
    begun = time.process_time()
    find_spans(texts, TABLE)
    return time.process_time() - begun
