"""All private spans of many texts, without overlaps."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tunewright.data.private.accounts import ACCOUNTS
from tunewright.data.private.contact import contact
from tunewright.data.private.identity import IDENTITY
from tunewright.data.private.network import NETWORK
from tunewright.data.private.secrets import SECRETS
from tunewright.recipe.privacy import REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from tunewright.core.private import PrivateSpan
    from tunewright.core.protocols import PrivateFinder
    from tunewright.data.private.recogniser import Recogniser


def recognisers(regions: Sequence[str] = REGIONS) -> tuple[Recogniser, ...]:
    """The table of recognisers; whoever needs more passes a longer one."""
    return (*SECRETS, *ACCOUNTS, *IDENTITY, *NETWORK, *contact(regions))


def find_spans(
    texts: pl.Series, table: Sequence[Recogniser], finders: Sequence[PrivateFinder] = ()
) -> Mapping[int, tuple[PrivateSpan, ...]]:
    """Place of each text that holds something private, to its spans in their order; null texts hold nothing."""
    found: defaultdict[int, list[PrivateSpan]] = defaultdict(list)
    for recogniser in table:
        hinted = texts.str.contains(recogniser.hint).fill_null(value=False).arg_true()
        for place, text in zip(hinted.to_list(), texts.gather(hinted).to_list(), strict=True):
            found[place] += recogniser.find(text)
    for finder in finders:
        for place, spans in enumerate(finder.find([text or "" for text in texts])):
            found[place] += spans
    return {place: without_overlaps(spans) for place, spans in sorted(found.items()) if spans}


def hinted(texts: pl.Series, table: Sequence[Recogniser]) -> pl.Series:
    """Whether each text could hold something private: only those need be looked into."""
    return texts.str.contains("|".join(f"(?:{recogniser.hint})" for recogniser in table)).fill_null(value=False)


def without_overlaps(spans: Iterable[PrivateSpan]) -> tuple[PrivateSpan, ...]:
    """The spans in their order, of which no two overlap.

    Of those that do, the one with the higher score stays, then the longer, then the earlier.
    """
    given = sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start))
    taken = bytearray(max((span.end for span in given), default=0))
    kept = []
    for span in given:
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return tuple(sorted(kept, key=lambda span: span.start))
