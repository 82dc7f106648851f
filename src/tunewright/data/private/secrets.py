"""Secrets: tokens by their issuer's prefix, private keys, JSON web tokens, logins in addresses, and values that are
called a password or a key."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from tunewright.data.private.facts import facts
from tunewright.data.private.recogniser import Recogniser, whole

if TYPE_CHECKING:
    from tunewright.data.private.recogniser import Bounds

MOST_CHARS = 512
LEAST_BITS = 2.5
"""Shannon entropy in bits a character that a value must have to be a secret: `aaaaaa1` has less."""
LONG_CHARS, LONG_BITS = 20, 3.5
"""A value of letters alone must be as long and as mixed: shorter ones are words."""


def _tokens() -> re.Pattern[str]:
    forms = [
        f"{re.escape(token['prefix'])}[{token['characters']}]{{{token['least']},{MOST_CHARS}}}"
        for token in facts()["tokens"]
    ]
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(forms)})")


def _token_hint() -> str:
    return "|".join(re.escape(token["prefix"]) for token in facts()["tokens"])


_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9 ]{0,40} )?PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-(?!----)[^-]*)*"
    r"(?:-----END (?:[A-Z0-9 ]{0,40} )?PRIVATE KEY(?: BLOCK)?-----)?"
)
"""The body stops at the next five dashes, so no text is read twice."""
_JWT = re.compile(r"(?<![\w.-])eyJ[\w-]{8,4096}\.[\w-]{8,8192}\.[\w-]{0,2048}", re.ASCII)
_LOGIN = re.compile(r"(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://(?P<value>[^\s/@:\"'<>]{1,128}:[^\s/@\"'<>]{1,128})@")
_BEARER = re.compile(
    r"(?i)(?<!\w)(?:bearer|authorization: ?(?:basic|token)) {1,3}(?P<value>[\w.~+/=-]{16,512})", re.ASCII
)
_ASSIGNED = re.compile(
    r"(?i)(?<![a-z])(?P<name>pass(?:word|wd|phrase|wort|code)?|pwd|contraseña|mot de passe|senha|wachtwoord"
    r"|api[ _-]?key|secret|token|access[ _-]?key|private[ _-]?key|account[ _-]?key|credential)[\w-]{0,20}"
    r"[\"']?[ \t]{0,3}(?::=|=>|[:=]|(?-i:is|ist|es)(?=[ \t]))[ \t]{0,3}[\"']?(?P<value>[^\s\"'<>,;]{6,256})"
)
_PASSWORD = re.compile(r"(?i)pass|pwd|contras|mot|senha|wacht")


def _bearer(match: re.Match[str]) -> Bounds | None:
    return match.span("value") if any(sign.isdigit() for sign in match["value"]) else None


def _assigned(match: re.Match[str]) -> Bounds | None:
    value = match["value"].rstrip(".)]}")
    start = match.start("value")
    return (start, start + len(value)) if _is_secret(value, password=bool(_PASSWORD.match(match["name"]))) else None


def _is_secret(value: str, *, password: bool) -> bool:
    """Whether a value is no word and no plain number: mixed signs, and enough entropy."""
    letters, digits = any(sign.isalpha() for sign in value), any(sign.isdigit() for sign in value)
    bits = _entropy(value)
    if digits and (letters or password):
        return len(value) >= 6 and bits >= LEAST_BITS and "://" not in value
    return (
        len(value) >= LONG_CHARS and bits >= LONG_BITS and "://" not in value and value.isascii() and "." not in value
    )


def _entropy(value: str) -> float:
    """Shannon's entropy of the signs, in bits a sign."""
    counts = Counter(value).values()
    return sum(count / len(value) * math.log2(len(value) / count) for count in counts)


SECRETS = (
    Recogniser("token", "secret", _token_hint(), _tokens(), 1.0, whole),
    Recogniser("private_key", "secret", "-----BEGIN [A-Z0-9 ]*PRIVATE KEY", _KEY, 1.0, whole),
    Recogniser("json_web_token", "secret", r"eyJ[\w-]+\.", _JWT, 1.0, whole),
    Recogniser("login_in_address", "secret", r"://[^\s/@]*@", _LOGIN, 1.0, whole),
    Recogniser("bearer", "secret", r"(?i)bearer |authorization:", _BEARER, 1.0, _bearer),
    Recogniser(
        "assignment",
        "secret",
        r"(?i)(?:pass|pwd|contrase|senha|wachtwoord|key|secret|token|credential)[\w\"' -]*(?:[:=]|\b(?:is|ist|es) )",
        _ASSIGNED,
        0.97,
        _assigned,
    ),
)
