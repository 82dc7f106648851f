"""What an audit leaves on disk where it is asked to: one page, and tables as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import atomic_write, disk_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tunewright.core.audit import Audit
    from tunewright.core.rows import Distribution

QUANTILES = ("minimum", "p50", "p95", "p99", "maximum", "mean")

Table = tuple[tuple[str, ...], list[tuple[object, ...]]]
"""Header and rows."""


def refuse_overwriting(data: Path, against: Path | None, html: Path | None) -> None:
    """Raises RecipeError for a page that would replace what is looked at, or a folder."""
    if html is None:
        return
    looked_at = [path.resolve() for path in (data, against) if path is not None]
    if html.resolve() in looked_at:
        raise RecipeError(Problem("--html", f"{html} is the data itself", "a new file", "name another"))
    if html.is_dir():
        raise RecipeError(Problem("--html", f"{html} is a folder", "a file", f"write {html / 'audit.html'}"))


def write_page(found: Audit, path: Path) -> None:
    """The page stands in its file."""
    from tunewright.reporting.audit_page import render_audit  # noqa: PLC0415  # jinja is needed for the page alone

    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, render_audit(found).encode())


def write_tables(found: Audit, folder: Path) -> list[Path]:
    """A CSV file for each table that the audit has; those that it lacks are left out, never written empty."""
    written = []
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, (header, rows) in tables(found).items():
            if rows:
                path = folder / f"{name}.csv"
                atomic_write(path, _as_csv(header, rows).encode())
                written.append(path)
    return written


def tables(found: Audit) -> dict[str, Table]:
    """The audit's tables by name; an unknown is an empty cell."""
    return {
        "columns": _columns(found),
        "labels": (
            ("label", "rows", "share"),
            _shares(found.labels.counts.items() if found.labels is not None else ()),
        ),
        "lengths": (("of", "rows", *QUANTILES), list(_lengths(found))),
        "findings": (("kind", "severity", "count", "message", "remedy", "place"), list(_findings(found))),
        "associations": (
            ("column", "value", "label", "rows", "cramers_v", "information_bits", "p_adjusted", "test"),
            [
                (one.column, value, label, count, one.cramers_v, one.information_bits, one.p_adjusted, one.test)
                for one in found.associations
                for value, counts in zip(one.values, one.counts, strict=True)
                for label, count in zip(one.labels, counts, strict=True)
            ],
        ),
        "tokens": _tokens(found),
        "shift": (("what", "value", "low", "high", "p_value", "unknown_because"), list(_shift(found))),
        "uncovered": (
            ("rows", "words", "place", "example"),
            [(g.rows, " ".join(g.words), g.place, g.example) for g in found.shift.groups] if found.shift else [],
        ),
    }


def _as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


def _columns(found: Audit) -> Table:
    header = ("name", "kind", "role", "filled", "missing", "distinct", "top_share", "trait", "mean_chars", "mean_words")
    rows: list[tuple[object, ...]] = [
        (*(getattr(c, name) for name in header), " | ".join(c.examples)) for c in found.columns
    ]
    return (*header, "examples"), rows


def _shares(counts: Iterable[tuple[str, int]]) -> list[tuple[object, ...]]:
    held = list(counts)
    total = sum(count for _, count in held)
    return [(label, count, count / total) for label, count in held]


def _lengths(found: Audit) -> Iterator[tuple[object, ...]]:
    shapes: list[tuple[str, Distribution | None]] = [("characters", found.characters), ("words", found.words)]
    shapes += [(f"tokens of {fit.model}", fit.tokens) for fit in found.tokens]
    shapes += [("characters of production", found.shift.characters)] if found.shift else []
    for name, shape in shapes:
        if shape is not None:
            yield (name, shape.n, *(getattr(shape, quantile) for quantile in QUANTILES))


def _findings(found: Audit) -> Iterator[tuple[object, ...]]:
    """A line for each place that is known of a finding, and one for a finding without places."""
    for problem in found.faults:
        yield (found.fault_kind, "error", 1, problem.given, problem.remedy, problem.place)
    for one in found.findings:
        for place in one.rows or ("",):
            yield (one.kind, one.severity, one.count, one.message, one.remedy, place)


def _tokens(found: Audit) -> Table:
    header = (
        *("model", "rows", "max_tokens", "tokens_per_word", "bytes_per_token"),
        *("unknown_share", "overlong_share", "lost_share"),
    )
    return header, [tuple(getattr(fit, name) for name in header) for fit in found.tokens]


def _shift(found: Audit) -> Iterator[tuple[object, ...]]:
    if found.shift is None:
        return
    for one in found.shift.compared:
        yield (f"{one.what}: {one.statistic}", one.value, None, None, one.p_value, one.reason)
    test = found.shift.two_sample
    yield ("AUC of a classifier", test.auc, test.low, test.high, test.p_value, test.reason)
    share = found.shift.uncovered_share
    reason = "" if share is not None else "too few rows or words"
    yield ("share of rows like no training row", share, None, None, None, reason)
