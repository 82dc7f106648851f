"""Letters that an earlier program broke, repaired."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Form = Literal["NFC", "NFKC"]
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
"""Without U+0085, which is a line break of its own in some texts."""


@cache
def _ftfy() -> Callable[[str, bool], str]:
    import ftfy  # noqa: PLC0415  # only where a text is not ASCII

    configs = {c1: ftfy.TextFixerConfig(fix_c1_controls=c1, explain=False) for c1 in (True, False)}
    return lambda text, c1: ftfy.fix_encoding(text, configs[c1])


def without_mojibake(text: str) -> str:
    """The text with what was decoded by the wrong encoding decoded anew, by ftfy (Speer 2019); nothing else changes."""
    return text if text.isascii() else _ftfy()(text, _C1.search(text) is not None)


def normal_form(form: Form) -> Callable[[str], str]:
    """Texts in this normalisation form of Unicode (UAX #15)."""
    return lambda text: text if text.isascii() else unicodedata.normalize(form, text)
