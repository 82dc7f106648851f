"""Rows that the recipe does not want for what their text is: by length, language and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.languages import UNKNOWN, languages_of
from tunewright.data.quality import REASONS
from tunewright.data.sift import Sifted, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tunewright.recipe.clean import FilterSpec

BY: Mapping[str, str] = {
    "keep_if": "data.keep_if",
    "missing_value": "data.missing",
    "language": "data.filter.languages",
} | {f"{end}_{unit}": f"data.filter.{end}_{unit}" for end in ("min", "max") for unit in ("chars", "words")}
"""Rule to the field that asks for it; the rules of documents are those of `data.filter.quality`."""


def filtered(rows: pl.DataFrame, spec: FilterSpec) -> tuple[Sifted, list[Finding]]:
    """The rows that pass every filter, and those of the user's own test; each other leaves by the first that it fails.

    `rows` are clean.
    """
    reasons = no_reasons(rows)
    for rule, failing in _failing(rows["input"], spec):
        reasons = first_reason(reasons, failing, rule)
    if spec.languages is not None:
        wanted = {*spec.languages, UNKNOWN}
        foreign = [language not in wanted for language in languages_of(rows["input"].to_list())]
        reasons = first_reason(reasons, pl.Series(foreign, dtype=pl.Boolean), "language")
    if spec.quality != "off":
        broken = REASONS[spec.quality]
        pairs = zip(rows["input"], reasons, strict=True)
        reasons = pl.Series([broken(text) if reason is None else reason for text, reason in pairs], dtype=pl.String)
    return parted(rows, reasons)


def no_reasons(rows: pl.DataFrame) -> pl.Series:
    """A reason to leave for each row: none yet."""
    return pl.Series("reason", [None] * rows.height, dtype=pl.String)


def first_reason(reasons: pl.Series, failing: pl.Series, rule: str) -> pl.Series:
    """The reasons, with the rule where a row fails it and has none yet."""
    chosen = pl.when(reasons.is_null() & failing).then(pl.lit(rule)).otherwise(reasons)
    return pl.select(chosen.alias("reason"))["reason"]


def require_documents(spec: FilterSpec, task: str) -> None:
    """Raises RecipeError for rules of documents where the task's texts are none."""
    if spec.quality != "off" and task != "language_modelling":
        message = f"is {spec.quality!r}, whose rules are about documents, and the task is {task}"
        raise RecipeError(Problem("data.filter.quality", message, "the task language_modelling", "remove it"))


def _failing(texts: pl.Series, spec: FilterSpec) -> Iterator[tuple[str, pl.Series]]:
    for unit, sizes in (("chars", texts.str.len_chars()), ("words", texts.str.count_matches(r"\S+"))):
        least, most = getattr(spec, f"min_{unit}"), getattr(spec, f"max_{unit}")
        if least is not None:
            yield f"min_{unit}", sizes < least
        if most is not None:
            yield f"max_{unit}", sizes > most


def parted(rows: pl.DataFrame, reasons: pl.Series) -> tuple[Sifted, list[Finding]]:
    """Rows without a reason, and those of the user's own test; the others with theirs."""
    own = (rows["role"] == "test") & reasons.is_not_null()
    leaving = reasons.is_not_null() & ~own
    dropped = record(rows.filter(leaving), rule="", action="dropped").with_columns(
        reasons.filter(leaving).alias("rule")
    )
    findings = [*_dropped_findings(dropped), *_own_findings(rows.filter(own), reasons.filter(own))]
    return Sifted(rows.filter(~leaving), dropped), findings


def _dropped_findings(dropped: pl.DataFrame) -> Iterator[Finding]:
    for rule, part in sorted(dropped.group_by("rule", maintain_order=True), key=lambda item: str(item[0][0])):
        name = str(rule[0])
        message = f"{counted(part.height, 'row')} left by {BY.get(name, f'data.filter.quality, rule {name}')}"
        yield Finding(name, "note", message, part.height, places(part.select("source", "line").iter_rows()))


def _own_findings(rows: pl.DataFrame, reasons: pl.Series) -> Iterator[Finding]:
    if rows.height:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(reasons.value_counts().iter_rows()))
        message = (
            f"{counted(rows.height, 'row')} of the test file would leave ({rules}), and "
            "stay: a test file is never edited"
        )
        remedy = "judge whether the test is on what the model will meet; if not, edit the file yourself"
        where = places(rows.select("source", "line").iter_rows())
        yield Finding("filtered_test", "warning", message, rows.height, where, remedy)
