"""The worst errors of models that read, beside those of classes: rows of the test with what was wrong about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tunewright.evaluation.label_sets import count_sets
from tunewright.evaluation.spans import count_spans
from tunewright.pipeline.answers_label_sets import read_sets
from tunewright.pipeline.answers_numbers import read_numbers
from tunewright.pipeline.answers_spans import read_spans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.core.encoded import Layout
    from tunewright.core.spans import Span

Wrong = tuple[str, str, str]
"""A row's id, what is true of it and what was predicted, in words."""


Texts = Mapping[str, str]
"""Row's id to its text."""


def worst_numbers(path: Path, most: int, _texts: Texts) -> list[Wrong]:
    """The rows whose number is farthest from the true one, the farthest first."""
    found = read_numbers(path)
    off_N = np.abs(found.predicted_N - found.targets_N)
    order = [int(n) for n in np.argsort(-off_N, kind="stable")[:most] if off_N[n] > 0]
    return [(found.row_ids[n], f"{found.targets_N[n]:.4g}", f"{found.predicted_N[n]:.4g}") for n in order]


def worst_sets(path: Path, most: int, _texts: Texts) -> list[Wrong]:
    """The rows whose labels have the least in common with the true ones, the worst first."""
    found = read_sets(path)
    own_N = count_sets(found).own_N
    order = [int(n) for n in np.argsort(own_N, kind="stable")[:most] if own_N[n] < 1]
    return [
        (found.row_ids[n], _joined(found.names(found.targets_NK[n])), _joined(found.names(found.predicted_NK[n])))
        for n in order
    ]


def worst_spans(path: Path, most: int, texts: Texts) -> list[Wrong]:
    """The rows with the least right about their spans, the worst first: which were missed, and which were made up."""
    found = read_spans(path)
    own_N = count_spans(found).own_N
    order = [int(n) for n in np.argsort(own_N, kind="stable")[:most] if own_N[n] < 1]

    def listed(n: int, spans: Sequence[Span], others: Sequence[Span], nothing: str) -> str:
        left = [span for span in spans if span not in others]
        text = texts[found.row_ids[n]]
        return ", ".join(f"{span.label} {text[span.start : span.end]!r}" for span in left) or nothing

    return [
        (
            found.row_ids[n],
            listed(n, found.targets[n], found.predicted[n], "nothing more"),
            listed(n, found.predicted[n], found.targets[n], "nothing more"),
        )
        for n in order
    ]


def _joined(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "no label"


WORST: Mapping[Layout, Callable[[Path, int, Texts], list[Wrong]]] = {
    "values": worst_numbers,
    "label_sets": worst_sets,
    "tags": worst_spans,
}
"""Layout to its worst errors, from a file of predictions, the most there should be, and the rows' texts."""
