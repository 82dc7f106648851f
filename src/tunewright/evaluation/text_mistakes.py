"""Texts to look at: the worst answers, and what the base and the tuned model write for the same prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tunewright.core.seeds import generator
from tunewright.evaluation.paired_texts import EQUAL, check_same_prompts
from tunewright.evaluation.texts import METRICS, Tallied

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.predictions import TextPredictions

    Floats = NDArray[np.float64]

ROW_METRICS = ("chrf", "bits_per_byte")
"""What a row is judged by: its text where it has one, else its likelihood."""


Why = Literal["sample", "gain", "loss"]
"""Why a pair is shown: drawn at random, or with the largest gain or loss against the base."""


@dataclass(frozen=True, slots=True)
class WorstText:
    """One row that the model does badly on."""

    row_id: str
    prompt: str
    reference: str
    """The first of them."""
    text: str | None
    score: float
    metric: str
    """What `score` is of: `chrf`, or `bits_per_byte` where no texts were written."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt with what people answered, what the base writes and what the tuned model writes."""

    row_id: str
    prompt: str
    reference: str
    base: str | None
    tuned: str
    base_score: float | None
    """chrF of the base's text, 0 to 100."""
    tuned_score: float
    why: Why


def worst_texts(predictions: TextPredictions, most: int) -> list[WorstText]:
    """The rows with the lowest chrF; where no texts were written, with the most bits per byte; at most `most`."""
    tallied = Tallied(predictions)
    for metric in ROW_METRICS:
        kind, known_N = METRICS[metric], tallied.known(METRICS[metric].needs)
        if not known_N.any():
            continue
        rows = np.flatnonzero(known_N)
        scores_K = kind.statistic(tallied.table(kind)[known_N])
        badness_K = np.nan_to_num(scores_K if kind.higher_is_better else -scores_K, nan=np.inf)
        worst = [index for index in np.argsort(badness_K, kind="stable")[:most] if np.isfinite(badness_K[index])]
        return [
            WorstText(
                row_id=predictions.row_ids[rows[index]],
                prompt=predictions.prompts[rows[index]],
                reference=_first(predictions.references[rows[index]]),
                text=predictions.texts[rows[index]],
                score=float(scores_K[index]),
                metric=metric,
            )
            for index in worst
        ]
    return []


def side_by_side(base: TextPredictions | None, tuned: TextPredictions, most: int, *, seed: int = 13) -> list[Pair]:
    """At most `most` prompts: half of them drawn by the seed, then the largest losses and gains in chrF, by turns.

    Of rows that the tuned model wrote a text for, and the base too where it is given. Raises ValueError where the two
    do not hold the same prompts.
    """
    second = Tallied(tuned)
    first = None if base is None else Tallied(base)
    if base is not None:
        check_same_prompts(tuned, base)
    kind = METRICS["chrf"]
    known_N = second.known("texts") & (second.known("texts") if first is None else first.known("texts"))
    rows = np.flatnonzero(known_N)
    if not len(rows):
        return []
    tuned_K = kind.statistic(second.table(kind)[rows])
    base_K = None if first is None else kind.statistic(first.table(kind)[rows])
    gains_K = np.zeros(len(rows)) if base_K is None else tuned_K - base_K
    chosen = _chosen(gains_K, most, seed)
    return [
        Pair(
            row_id=tuned.row_ids[rows[index]],
            prompt=tuned.prompts[rows[index]],
            reference=_first(tuned.references[rows[index]]),
            base=None if base is None else base.texts[rows[index]],
            tuned=str(tuned.texts[rows[index]]),
            base_score=None if base_K is None else float(base_K[index]),
            tuned_score=float(tuned_K[index]),
            why=why,
        )
        for index, why in chosen.items()
    ]


def _chosen(gains_K: Floats, most: int, seed: int) -> dict[int, Why]:
    drawn = generator(seed, "side-by-side").permutation(len(gains_K))
    ascending = np.argsort(gains_K, kind="stable")
    lost = [int(index) for index in ascending if gains_K[index] < -EQUAL]
    gained = [int(index) for index in ascending[::-1] if gains_K[index] > EQUAL]
    chosen: dict[int, Why] = {int(index): "sample" for index in sorted(drawn[: (most + 1) // 2])}
    turns: tuple[tuple[list[int | None], Why], ...] = ((_padded(lost, most), "loss"), (_padded(gained, most), "gain"))
    for place in range(most):
        for rows, why in turns:
            row = rows[place]
            if row is not None and len(chosen) < most:
                chosen.setdefault(row, why)
    for index in drawn:
        if len(chosen) < min(most, len(gains_K)):
            chosen.setdefault(int(index), "sample")
    return chosen


def _padded(rows: list[int], length: int) -> list[int | None]:
    return [*rows[:length], *[None] * (length - len(rows))]


def _first(references: tuple[str, ...]) -> str:
    return references[0] if references else ""
