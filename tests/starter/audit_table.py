"""The starter tickets' planted defects against what the product found: recall and precision of each kind."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tunewright.data.prepare import Prepared

FOLDER = Path(str(files("tunewright.starter") / "tickets"))

RULES: Mapping[str, str] = {
    "exact_duplicate": "exact_duplicate",
    "missing_message": "missing_text",
    "missing_label": "missing_label",
    "whitespace": "whitespace",
    "control_character": "control_character",
    "label_variant": "label_map",
    "mojibake": "mojibake",
    "html": "html",
    "contradiction": "contradiction",
}
"""Kind of planted defect to the rule whose dropped or changed rows answer it."""
FINDINGS: Mapping[str, str] = {
    "overlong": "overlength",
    "short": "short_text",
    "second_language": "language",
    "typo": "typo",
}
"""Kind of planted defect to the finding that lists its rows: these rows stay as they are."""
NOT_YET = (
    "near_duplicate",
    "near_duplicate_distractor",
    "contradiction (near-equal)",
    "personal_data",
    "secret",
    "other_region",
    "date_format",
    "missing_reply",
)
"""Kinds that no rule of this version answers."""


@dataclass(frozen=True, slots=True)
class Score:
    """What was planted and found of one kind, as ids of rows."""

    kind: str
    planted: frozenset[str]
    found: frozenset[str]

    @property
    def recall(self) -> float:
        return len(self.planted & self.found) / len(self.planted)

    @property
    def precision(self) -> float | None:
        """None where nothing was found."""
        return len(self.planted & self.found) / len(self.found) if self.found else None


def tickets() -> list[dict[str, str]]:
    with (FOLDER / "tickets.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def defects() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "defects.json").read_text(encoding="utf-8"))[
        "defects"
    ]
    return found


def planted(kind: str) -> frozenset[str]:
    """The rows that a rule of this kind should meet: of duplicates all but the first, else all of them.

    Runs of no-break spaces are listed under `control_character`; for Unicode and for the product they are white space.
    """
    blanks = {row for entry in defects()["control_character"] if "no-break" in entry["note"] for row in entry["rows"]}
    chosen: Mapping[str, Callable[[dict[str, Any]], Sequence[str]]] = {
        "exact_duplicate": lambda entry: entry["rows"][1:],
        "contradiction": lambda entry: entry["rows"] if entry["note"].startswith("equal text") else (),
    }
    rows = chosen.get(kind, lambda entry: entry["rows"])
    listed = frozenset(row for entry in defects()[kind] for row in rows(entry))
    return listed | blanks if kind == "whitespace" else listed - blanks if kind == "control_character" else listed


def scores(prepared: Prepared, ids_by_place: Mapping[str, str]) -> list[Score]:
    """One score for each kind that this version answers."""
    found: dict[str, frozenset[str]] = {}
    for kind, rule in RULES.items():
        rows = prepared.dropped.filter(prepared.dropped["rule"] == rule)
        found[kind] = frozenset(json.loads(meta)["id"] for meta in rows["meta"])
    for kind, name in FINDINGS.items():
        places = [place for f in prepared.profile.findings if f.kind == name for place in f.rows]
        found[kind] = frozenset(ids_by_place[place] for place in places)
    return [Score(kind, planted(kind), rows) for kind, rows in found.items()]


def table(scored: Sequence[Score]) -> str:
    """The scores for people, and the kinds that have none yet."""
    lines = [f"{'kind':<28}{'planted':>8}{'found':>8}{'recall':>8}{'precision':>11}"]
    for score in scored:
        precision = "none found" if score.precision is None else f"{score.precision:.2f}"
        lines.append(f"{score.kind:<28}{len(score.planted):>8}{len(score.found):>8}{score.recall:>8.2f}{precision:>11}")
    entries = defects()
    near = sum(entry["note"].startswith("near-equal") for entry in entries["contradiction"])
    counts = {kind: len(entries[kind]) if kind in entries else near for kind in NOT_YET}
    return "\n".join([*lines, *(f"{kind:<28}{count:>8}   not yet covered" for kind, count in counts.items())])
