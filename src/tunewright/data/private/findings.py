"""What is told of private data: how much of which kind, where, what became of it; never a value."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.core.private import KIND_WORDS
from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tunewright.recipe.privacy import PrivacySpec

DONE: Mapping[str, str] = {"flag": "kept", "mask": "masked", "drop": "rows left"}
"""Policy to what became of the values."""


def private_findings(rows: pl.DataFrame, held: Mapping[int, Counter[str]], spec: PrivacySpec) -> tuple[Finding, ...]:
    """A finding about personal data and one about secrets; `held` are the kinds in each row that holds any."""
    secret = {row: Counter({"secret": kinds["secret"]}) for row, kinds in held.items() if kinds["secret"]}
    personal = {row: kinds - Counter({"secret": kinds["secret"]}) for row, kinds in held.items()}
    personal = {row: kinds for row, kinds in personal.items() if kinds}
    found = []
    if personal:
        found.append(_finding(rows, personal, spec, kind="personal_data", what="personal data: "))
    if secret:
        found.append(_finding(rows, secret, spec, kind="secret", what=""))
    return tuple(found)


def _finding(
    rows: pl.DataFrame, held: Mapping[int, Counter[str]], spec: PrivacySpec, *, kind: str, what: str
) -> Finding:
    counts = sum(held.values(), Counter[str]())
    told = ", ".join(_told(name, count, spec) for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
    message = f"{counted(len(held), 'row')} {'holds' if len(held) == 1 else 'hold'} {what}{told}"
    where = rows[list(held)]
    own = where.filter(pl.col("role") == "test").height
    if own:
        message += f"; {own:,} of them in the test file, which is never edited"
    flagged = [name for name in counts if spec.policy(name) == "flag"]  # type: ignore[arg-type]  # keys are kinds
    severity: Literal["warning", "note"] = "warning" if flagged or own else "note"
    remedy = _remedy(flagged, secret=kind == "secret", own=bool(own))
    return Finding(kind, severity, message, len(held), places(where.select("source", "line").iter_rows()), remedy)


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
