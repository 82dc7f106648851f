"""What a test of so many rows will be able to show, told before anything is trained."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.evaluation.power import POWER, minimum_detectable_difference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.data.sniff import Sniffed

DISAGREEING = 0.2
"""Share of the rows on which exactly one of two models is taken to be right: before training nobody knows it."""
COARSE = 0.1
"""A test that finds only larger differences than this is worth a warning: few tunings gain more."""
FEW_OF_A_CLASS = 10
"""With fewer test rows of a class than this, the 95 % interval of its recall is wider than half of the scale."""
LEAST_OF_A_LABEL = 3
"""Rows of a label with which it can stand in training, validation and test."""
MOST_ROWS = 100_000


def smallest_class(labels: Mapping[str, int]) -> tuple[str, int]:
    """The label with the fewest rows, and these."""
    return min(labels.items(), key=lambda item: (item[1], item[0]))


def detectable(rows: int) -> str:
    """The smallest difference in accuracy that a test of so many rows finds, in words."""
    difference = minimum_detectable_difference(rows, DISAGREEING)
    where = f"where two models disagree on {DISAGREEING:.0%} of the rows"
    if difference is None:
        return f"{where}, not even a difference of {DISAGREEING * 100:.0f} points of accuracy is likely to be found"
    found = f"a difference of {difference * 100:.0f} points of accuracy"
    return f"{where}, {found} is found with a chance of {POWER:.0%}, a smaller one less often"


def power_findings(labels: Mapping[str, int], *, about: str = "") -> list[Finding]:
    """Warnings of a test that can show little; `labels` are its rows by label, `about` marks numbers as estimates."""
    rows = sum(labels.values())
    difference = minimum_detectable_difference(rows, DISAGREEING)
    label, least = smallest_class(labels)
    holds = f"the test holds {about}{counted(rows, 'row')}, {least:,} of the smallest class {label!r}"
    found = []
    if difference is None or difference > COARSE:
        message = f"{holds}: {detectable(rows)}; the gate may well lack evidence"
        remedy = f"collect more rows: {_rows_for(COARSE):,} in the test show {COARSE * 100:.0f} points"
        found.append(Finding("small_test", "warning", message, rows, remedy=f"{remedy}; or raise split.test"))
    small = {name: count for name, count in labels.items() if count < FEW_OF_A_CLASS}
    if small and len(labels) > 1:
        listed = ", ".join(f"{name!r} {count}" for name, count in sorted(small.items(), key=lambda i: (i[1], i[0]))[:8])
        more = f" and {len(small) - 8} more" if len(small) > 8 else ""
        message = (
            f"{len(small)} of {len(labels)} classes have fewer than {FEW_OF_A_CLASS} test rows "
            f"({about}{listed}{more}): their recall can hardly be told"
        )
        remedy = "collect more rows of these classes, or join them to others with data.label_map"
        found.append(Finding("small_test_class", "warning", message, len(small), remedy=remedy))
    return found


def sniffed_findings(found: Sniffed, *, test_share: float) -> list[Finding]:
    """Warnings of a file too small to be divided and tested, from a first look at it; the counts are estimates.

    Spelling variants count as the labels that the proposed recipe takes them for.
    """
    own = {part.split: part.rows for part in found.parts}
    labels: Counter[str] = Counter()
    for label, count in found.labels.items():
        labels[found.label_map.get(label, label)] += count
    rare = {label: count for label, count in labels.items() if count < LEAST_OF_A_LABEL}
    warnings = []
    if rare:
        rows = labels.total()
        each = ", ".join(f"{label!r} {count}" for label, count in list(rare.items())[:8])
        message = (
            f"{counted(rows, 'row')} with a label, and {len(rare)} of {len(labels)} labels with fewer than "
            f"{LEAST_OF_A_LABEL} ({each}): such a label cannot stand in training, validation and test at once"
        )
        remedy = "collect more rows of these labels, join them to others with data.label_map, or remove them"
        warnings.append(Finding("rare_label", "warning", message, len(rare), remedy=remedy))
    if labels and "test" not in own:
        carved = {label: max(1, round(count * test_share)) for label, count in labels.items()}
        warnings += power_findings(carved, about="about ")
    return warnings


def _rows_for(difference: float) -> int:
    """The fewest test rows that show the difference; more rows never show less."""
    return 1 + bisect_left(
        range(1, MOST_ROWS),
        x=True,
        key=lambda rows: (minimum_detectable_difference(rows, DISAGREEING) or 1.0) <= difference,
    )
