"""Texts, near-duplicates and groups that stand in more than one of the user's files, or touch the frozen test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import Fault, counted, data_error, places
from tunewright.data.links import NEAR, shares_link
from tunewright.data.private.redact import without_secrets
from tunewright.data.sift import record

Policy = Literal["drop_from_train", "report", "error"]


@dataclass(frozen=True, slots=True)
class Sealed:
    """Rows after the leaks were dealt with."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """Rows of `leaving` that share a text, a near-duplicate or a group with rows of `staying`."""

    name: str
    leaving: pl.Expr
    staying: pl.Expr
    words: str
    always: bool = False
    """Whether the rows leave whatever `data.leaks` says: the frozen test is no matter of policy."""


_FROM_TRAIN = pl.col("role") == "train"
_FROM_VALIDATION = pl.col("role") == "validation"
_FROM_TEST = pl.col("role") == "test"
_CARVED = _FROM_TRAIN & pl.col("frozen")

RULES = (
    _Rule(
        "touches_test",
        ~pl.col("frozen"),
        _CARVED,
        "share a text, a near-duplicate or a group with the frozen test",
        always=True,
    ),
    _Rule(
        "leak_test",
        _FROM_TRAIN,
        _FROM_TEST,
        "of the training file share a text, a near-duplicate or a group with the test file",
    ),
    _Rule(
        "leak_test",
        _FROM_VALIDATION,
        _FROM_TEST,
        "of the validation file share a text, a near-duplicate or a group with the test file",
    ),
    _Rule(
        "leak_validation",
        _FROM_TRAIN & ~pl.col("frozen"),
        _FROM_VALIDATION,
        "of the training file share a text, a near-duplicate or a group with the validation file",
    ),
)


def seal(rows: pl.DataFrame, *, policy: Policy) -> Sealed:
    """Rows of which none leaks from a split into another, unless the policy is `report`.

    A leaking row leaves the training file (or the validation file, against the test); a test row never leaves.
    Raises DataError listing the rows under `error`.
    """
    dropped: list[pl.DataFrame] = []
    findings: list[Finding] = []
    faults: list[Fault] = []
    for rule in RULES:
        leaking = _leaking(rows, rule)
        found = rows.filter(leaking)
        if not found.height:
            continue
        remove = rule.always or policy == "drop_from_train"
        findings.append(_finding(found, rows.filter(rule.staying), rule, removed=remove))
        if policy == "error" and not rule.always:
            faults += _faults(found, rule)
        if remove:
            dropped.append(record(found, rule=rule.name, action="dropped"))
            rows = rows.filter(~leaking)
    if faults:
        raise data_error(
            faults,
            what="leak from one split into another, and data.leaks is 'error'",
            remedy="remove them from the training file, or write `data.leaks: drop_from_train`",
        )
    nothing = record(rows.clear(), rule="", action="dropped")
    return Sealed(rows, pl.concat([nothing, *dropped]), tuple(findings))


def _leaking(rows: pl.DataFrame, rule: _Rule) -> pl.Series:
    staying = rows.filter(rule.staying)
    return rows.select((rule.leaving & (_same_content(staying) | shares_link(rows, staying))).alias("leaking"))[
        "leaking"
    ]


def _same_content(staying: pl.DataFrame) -> pl.Expr:
    """Whether a row shares its content key or its group."""
    keys, groups = staying["content_key"].unique(), staying["group"].drop_nulls().unique()
    return pl.col("content_key").is_in(keys.implode()) | pl.col("group").is_in(groups.implode()).fill_null(value=False)


def _near(staying: pl.DataFrame) -> pl.Expr:
    """Whether a row is of a cluster of near-duplicates that one of the others is of."""
    return pl.col(NEAR).is_in(staying[NEAR].drop_nulls().unique().implode()).fill_null(value=False)


def _finding(found: pl.DataFrame, staying: pl.DataFrame, rule: _Rule, *, removed: bool) -> Finding:
    texts = found["content_key"].n_unique()
    others = found.filter(~_same_content(staying))
    near = others.filter(_near(staying)).height if NEAR in found.columns else 0
    turns = others.height - near
    ways = [f"{near:,} only by a near-duplicate"] if near else []
    ways += [f"{turns:,} only by the prompt of an earlier answer of the conversation"] if turns else []
    also = f" ({', '.join(ways)})" if ways else ""
    end = "they were dropped" if removed else "they were kept, as data.leaks says: scores will be too high"
    message = f"{counted(found.height, 'row')} ({counted(texts, 'distinct text')}) {rule.words}{also}; {end}"
    remedy = "" if removed else "write `data.leaks: drop_from_train`"
    where = places(found.select("source", "line").iter_rows())
    return Finding(rule.name, "note" if removed else "warning", message, found.height, where, remedy)


def _faults(found: pl.DataFrame, rule: _Rule) -> list[Fault]:
    return [
        Fault(source, line, f"{rule.name}: {without_secrets(text)[:60]!r}")
        for source, line, text in found.select("source", "line", "input").iter_rows()
    ]
