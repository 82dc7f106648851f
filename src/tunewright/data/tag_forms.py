"""Forms of tags for words: IOB2 and IOBES (also called BILOU), each held to its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tunewright.core.spans import OUTSIDE
from tunewright.data.unfit import Unfit, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

SINGLE: Final = frozenset("SU")
"""A span of one word, in IOBES and in BILOU."""
LAST: Final = frozenset("EL")
"""The last word of a longer one."""
PREFIXES: Final = frozenset("BI") | SINGLE | LAST

Tag = tuple[str, str]
"""Prefix and label; both empty outside."""


def labels_by_word(tags: Sequence[str]) -> list[Tag]:
    """The tags in IOB2, as prefix and label.

    A row in which any word ends a span by its tag is of IOBES, in which all spans end so. Raises Unfit for a tag that
    no form has, and for one that cannot follow the tag before it, with the tag that could.
    """
    parts = [_parts(tag, number) for number, tag in enumerate(tags, start=1)]
    ends = any(prefix in SINGLE | LAST for prefix, _ in parts)
    before: Tag = ("", "")
    found: list[Tag] = []
    for number, tag in enumerate(parts, start=1):
        _require_order(before, tag, number, ends=ends)
        prefix, label = tag
        found.append(("B" if prefix in SINGLE else "I" if prefix in LAST else prefix, label))
        before = tag
    if ends and before[0] in {"B", "I"}:
        _require_order(before, ("", ""), len(tags) + 1, ends=True)
    return found


def written(tag: Tag) -> str:
    """The tag as people write it."""
    return f"{tag[0]}-{tag[1]}" if tag[0] else OUTSIDE


def _parts(tag: str, number: int) -> Tag:
    if tag == OUTSIDE:
        return "", ""
    prefix, mark, label = tag.partition("-")
    if mark and prefix in PREFIXES and label.strip():
        return prefix, label.strip()
    raise Unfit(f"tag {number} is {shown(tag)}, which is of no known form", _nearest(tag))


def _nearest(tag: str) -> str:
    """The valid tag that may be meant."""
    bare = tag.strip()
    if bare.casefold() in {"o", "0", "", "none", "outside"}:
        return f"write {OUTSIDE!r} outside of spans"
    prefix, mark, label = bare.replace("_", "-", 1).partition("-")
    if mark and prefix.upper() in PREFIXES and label:
        return f"write '{prefix.upper()}-{label}'"
    return f"write 'B-{bare}' where a span begins, 'I-{bare}' where it goes on, and {OUTSIDE!r} outside"


def _require_order(before: Tag, tag: Tag, number: int, *, ends: bool) -> None:
    """Raises Unfit where the tag cannot stand behind the one before it."""
    (was, inside), (prefix, label) = before, tag
    goes_on = was in {"B", "I"} and inside == label
    if prefix in {"I"} | LAST and not goes_on:
        begins = "S" if prefix in LAST else "B"
        given = f"tag {number} is {written(tag)!r} behind {written(before)!r}: no span of {label!r} is open there"
        raise Unfit(given, f"write '{begins}-{label}' where a span begins")
    if ends and was in {"B", "I"} and prefix not in {"I"} | LAST:
        last = f"{'S' if was == 'B' else 'E'}-{inside}"
        given = f"tag {number - 1} is {written(before)!r}, and no tag behind it ends that span"
        raise Unfit(given, f"write {last!r}, or tag all spans of the row by B and I alone")
