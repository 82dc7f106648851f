"""The audit as one HTML file that needs nothing but itself: findings first, then what the data looks like."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from tunewright.reporting import figures, plots
from tunewright.reporting.audit_plots import HUES, hues, scatter
from tunewright.reporting.page import page_environment, page_policy
from tunewright.reporting.templating import read_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.audit import Association, Audit
    from tunewright.core.rows import Finding

SEVERITIES: Final = {"error": "Errors: a run would stop", "warning": "Warnings", "note": "Notes"}
MOST_LABELS: Final = 12
"""Columns of a heat table; the exported table has all."""
OUTCOMES: Final = {
    0: ("ship", "Fit to run", "Nothing in it would stop a run."),
    1: ("dont_ship", "Not fit to run", "A finding is an error: a run would stop."),
    2: ("dont_ship", "Not as asked", "It cannot be prepared as asked."),
    3: ("dont_ship", "Not fit to run", "The data is wrong: see the records listed."),
}


UNKNOWN_TASK: Final = ("not_enough_evidence", "Task unknown", "Only its columns are known: name the task with --task.")


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure at the top of the page."""

    title: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A name with its count, and its width as a share of the longest in percent."""

    name: str
    count: int
    width: float


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One value of a column: its rows, its imbalance, and the share of each shown label."""

    value: str
    rows: int
    imbalance: float | None
    """Rows of its largest label over those of its smallest that all rows have; None where one has none here."""
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Slices:
    """A column by label."""

    association: Association
    labels: tuple[str, ...]
    others: int
    """Labels that are not shown."""
    rows: tuple[SliceRow, ...]


def render_audit(found: Audit) -> str:
    """One self-contained HTML document with all that was found; opening it makes no network request."""
    script = "\n".join(map(read_template, ("page.js", "audit.js")))
    kind, word, words = OUTCOMES[found.exit_code] if found.profile or found.faults else UNKNOWN_TASK
    context = {
        "audit": found,
        "script": Markup(script),  # noqa: S704  # the package's own files
        "style": Markup(read_template("page.css") + read_template("audit.css")),  # noqa: S704  # likewise
        "policy": page_policy(script),
        "outcome": {"kind": kind, "word": word, "words": words},
        "facts": _facts(found),
        "severities": [(s, title, found.of(s)) for s, title in SEVERITIES.items() if found.of(s)],
        "lengths": _lengths(found),
        "labels": _bars(found.labels.counts if found.labels else {}),
        "languages": _bars(found.profile.languages or {}) if found.profile else [],
        "private": _bars(found.profile.private or {}) if found.profile else [],
        "slices": [_slices(one) for one in found.associations],
        "map": _map(found),
        "places": places,
        "production_lengths": _production_lengths(found),
        "percent": lambda share: figures.UNKNOWN if share is None else f"{100 * share:.1f} %",
    }
    return page_environment().get_template("audit.html.j2").render(context)


def places(finding: Finding) -> list[tuple[str, list[str]]]:
    """The finding's places by file: its name, and the lines."""
    by_file: dict[str, list[str]] = {}
    for place in finding.rows:
        source, _, line = place.rpartition(":")
        by_file.setdefault(source.rpartition("/")[2], []).append(line)
    return list(by_file.items())


def _facts(found: Audit) -> list[Fact]:
    shown = [Fact("records read", figures.count(found.read), f"{found.format}{_encoding(found)}")]
    if found.profile is not None:
        dropped = sum(found.profile.dropped.values())
        shown.append(Fact("rows kept", figures.count(found.profile.kept), f"{figures.count(dropped)} would be dropped"))
    if found.labels is not None:
        ratio = f"largest to smallest {found.labels.imbalance_ratio:.1f} to 1"
        shown.append(Fact("labels", figures.count(len(found.labels.counts)), ratio))
    if found.words is not None:
        shown.append(Fact("words, median", f"{found.words.p50:g}", f"95 % at most {found.words.p95:g}"))
    errors = len(found.of("error")) + sum(problem.count for problem in found.faults)
    counts = f"{figures.count(len(found.of('warning')))} warnings, {figures.count(len(found.of('note')))} notes"
    return [*shown, Fact("errors", figures.count(errors), counts)]


def _encoding(found: Audit) -> str:
    return f", {found.encoding}" if found.encoding else ""


def _lengths(found: Audit) -> list[tuple[str, Markup]]:
    """Captions and histograms."""
    shapes = [("Characters a text", "characters", found.characters), ("Words a text", "words", found.words)]
    shapes += [(f"Tokens a row of {fit.model}", "tokens", fit.tokens) for fit in found.tokens]
    return [
        (caption, plots.histogram(f"length-{number}", caption, shape, unit))
        for number, (caption, unit, shape) in enumerate(shapes)
        if shape is not None
    ]


def _production_lengths(found: Audit) -> list[tuple[str, Markup]]:
    if found.shift is None or found.shift.characters is None or found.characters is None:
        return []
    both = [("Characters a text of the data", found.characters), ("of production", found.shift.characters)]
    return [
        (caption, plots.histogram(f"compared-{number}", caption, shape, "characters"))
        for number, (caption, shape) in enumerate(both)
    ]


def _bars(counts: Mapping[str, int]) -> list[Bar]:
    longest = max(counts.values(), default=0) or 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Bar(name, count, 100 * count / longest) for name, count in ordered]


def _slices(one: Association) -> Slices:
    """The column's values with the shares of the most frequent labels."""
    totals = [sum(column) for column in zip(*one.counts, strict=True)]
    order = sorted(range(len(totals)), key=lambda k: (-totals[k], k))[:MOST_LABELS]
    rows = []
    for value, counts in zip(one.values, one.counts, strict=True):
        whole = sum(counts)
        imbalance = max(counts) / min(counts) if min(counts) else None
        rows.append(SliceRow(value, whole, imbalance, tuple(counts[k] / whole for k in order)))
    return Slices(one, tuple(one.labels[k] for k in order), len(totals) - len(order), tuple(rows))


def _map(found: Audit) -> dict[str, Any] | None:
    """The drawing, and the colours' labels."""
    if found.map is None:
        return None
    counts = Counter(point.label for point in found.map.points)
    colours = hues(counts)
    names = {colour: label for label, colour in reversed(colours.items())}
    others = len(counts) > HUES
    key = [(colour, "other labels" if others and colour == HUES - 1 else name) for colour, name in names.items()]
    drawing = scatter("map", "Texts by likeness", found.map)
    return {"drawing": drawing, "key": sorted(key) if any(counts) else []}
