"""What is told of private data: how much of which kind, where, what became of it; never a value."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.core.private import KIND_WORDS
from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.private.leaves import columns_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tunewright.data.private.scan import FoundInColumn
    from tunewright.recipe.privacy import PrivacySpec

DONE: Mapping[str, str] = {"flag": "kept", "mask": "masked", "drop": "rows left"}
"""Policy to what became of the values in texts."""
SHOWN_COLUMNS = 8
UNMASKED = "nothing, if it is what the model is to mark; else mask it beforehand, and count the spans anew"
"""What to do about texts whose characters are counted by spans."""


def private_findings(
    rows: pl.DataFrame,
    held: Mapping[int, Counter[str]],
    spec: PrivacySpec,
    beside: FoundInColumn,
    *,
    maskable: bool = True,
) -> tuple[Finding, ...]:
    """A finding about personal data and one about secrets.

    `held` are the kinds in the texts of each row that holds any, `beside` is what stands in other columns; `maskable`
    says whether texts may be changed.
    """
    others = _columns(rows, beside)
    told = (_about(rows, held, others, spec=spec, secret=secret) for secret in (False, True))
    found = tuple(finding for finding in told if finding is not None)
    return found if maskable else tuple(replace(finding, remedy=UNMASKED) for finding in found)


def _columns(rows: pl.DataFrame, beside: FoundInColumn) -> Mapping[tuple[str, str], list[int]]:
    """Other column and kind to the rows that hold such a value there."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row, spans in beside.rows.items():
        names = columns_of(rows["meta"][row])
        for pair in dict.fromkeys((n, span.kind) for n, each in zip(names, spans, strict=True) for span in each):
            found[pair].append(row)
    return found


def _about(
    rows: pl.DataFrame,
    held: Mapping[int, Counter[str]],
    others: Mapping[tuple[str, str], list[int]],
    *,
    spec: PrivacySpec,
    secret: bool,
) -> Finding | None:
    """The finding about secrets, or about all else; None where there is nothing of it."""
    texts = {row: Counter({k: n for k, n in kinds.items() if (k == "secret") is secret}) for row, kinds in held.items()}
    texts = {row: kinds for row, kinds in texts.items() if kinds}
    columns = {pair: found for pair, found in others.items() if (pair[1] == "secret") is secret}
    if not texts and not columns:
        return None
    concerned = sorted({*texts, *(row for found in columns.values() for row in found)})
    where = rows[concerned]
    message = "; ".join(part for part in (_of_texts(texts, spec, secret=secret), _of_columns(columns, spec)) if part)
    own = where.filter(pl.col("role") == "test").height
    if own:
        message += f"; {own:,} of them in the test file, which is never edited"
    kinds = {*(kind for counts in texts.values() for kind in counts), *(kind for _, kind in columns)}
    flagged = [kind for kind in kinds if spec.policy(kind) == "flag"]  # type: ignore[arg-type]  # keys are kinds
    severity: Literal["warning", "note"] = "warning" if flagged or own else "note"
    remedy = _remedy(flagged, secret=secret, own=bool(own))
    sources = places(where.select("source", "line").iter_rows())
    return Finding("secret" if secret else "personal_data", severity, message, len(concerned), sources, remedy)


def _of_texts(held: Mapping[int, Counter[str]], spec: PrivacySpec, *, secret: bool) -> str:
    if not held:
        return ""
    counts = sum(held.values(), Counter[str]())
    told = ", ".join(_told(name, count, spec) for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
    what = "" if secret else "personal data: "
    return f"{counted(len(held), 'row')} {'holds' if len(held) == 1 else 'hold'} {what}{told}"


def _of_columns(columns: Mapping[tuple[str, str], list[int]], spec: PrivacySpec) -> str:
    """Other columns by name, those with the most rows first."""
    ordered = sorted(columns.items(), key=lambda item: (-len(item[1]), item[0]))
    told = [
        f"{name!r} holds {KIND_WORDS[kind][1]} in {counted(len(found), 'row')} "
        f"({'kept' if spec.policy(kind) == 'flag' else 'masked'})"  # type: ignore[arg-type]  # keys are kinds
        for (name, kind), found in ordered[:SHOWN_COLUMNS]
    ]
    more = f", and {len(ordered) - SHOWN_COLUMNS:,} more" if len(ordered) > SHOWN_COLUMNS else ""
    return f"beside the texts, {', '.join(told)}{more}" if told else ""


def _told(kind: str, count: int, spec: PrivacySpec) -> str:
    one, many = KIND_WORDS[kind]
    return f"{counted(count, one, many)} ({DONE[spec.policy(kind)]})"  # type: ignore[arg-type]  # keys are kinds


def _remedy(flagged: Collection[str], *, secret: bool, own: bool) -> str:
    parts = []
    if secret:
        parts.append("revoke each that is real, since this file holds it")
    if flagged:
        kinds = ", ".join(f"{kind}: mask" for kind in sorted(flagged))
        parts.append(f"write `data.privacy: {{{kinds}}}` (or `drop`)")
    if own:
        parts.append("put into the test file what the model will be given: texts as they come, or masked like these")
    return "; ".join(parts)
