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
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
REACH = 8
"""No sign of broken letters that ftfy knows is longer, and each has a letter beyond ASCII: what stands further from
such letters need not be looked at. A test holds this against ftfy's own pattern."""


@cache
def _ftfy() -> tuple[Callable[[str], bool], Callable[[str, bool], str]]:
    """Whether a text looks broken to ftfy, and what it makes of a text."""
    import ftfy  # noqa: PLC0415  # only where a text is not ASCII
    from ftfy.badness import is_bad  # noqa: PLC0415

    configs = {c1: ftfy.TextFixerConfig(fix_c1_controls=c1, explain=False) for c1 in (True, False)}
    return is_bad, lambda text, c1: ftfy.fix_encoding(text, configs[c1])


def without_mojibake(text: str) -> str:
    """The text with what was decoded by the wrong encoding decoded anew, by ftfy (Speer 2019); nothing else changes."""
    if text.isascii():
        return text
    is_bad, fixed = _ftfy()
    around = [text[max(found.start() - REACH, 0) : found.end() + REACH] for found in _BEYOND_ASCII.finditer(text)]
    near = "\x00".join(around)
    return fixed(text, _C1.search(text) is not None) if is_bad(near) or _C1.search(near) else text


def normal_form(form: Form) -> Callable[[str], str]:
    """Texts in this normalisation form of Unicode (UAX #15)."""
    return lambda text: text if text.isascii() else unicodedata.normalize(form, text)
