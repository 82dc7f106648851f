"""How far the tuned model fits the texts it saw, and whether that carries over to texts it did not see."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.core.results import Gap
from tunewright.evaluation.advice import learn_less, learn_more, rounded
from tunewright.evaluation.intervals import difference_interval, known
from tunewright.evaluation.score_texts import check_likelihoods, text_estimates
from tunewright.evaluation.texts import Tallied

if TYPE_CHECKING:
    from tunewright.core.predictions import TextPredictions
    from tunewright.core.results import Estimate
    from tunewright.evaluation.advice import Trained
    from tunewright.evaluation.settings import ScoreSettings

METRIC = "loss"

WIDE_GAP = 0.25
"""Nats a token. A tuned model finds texts it saw a little likelier, always; from here on it wavers between 28 % more
tokens (e to 0.25) on texts it did not see, and knows its own by heart."""

STREAMS = ("gap-train", "gap-validation", "tuned")
"""The test's random numbers are those of `score_texts`: one score, one interval, wherever it stands."""


def read_text_gap(
    train: TextPredictions,
    validation: TextPredictions,
    test: TextPredictions,
    *,
    settings: ScoreSettings,
    trained: Trained,
    base: TextPredictions | None = None,
) -> Gap:
    """The loss a token on training, validation and test rows, what to make of it, and what to change.

    Intervals decide, not values. Overfits: test - train lies above `WIDE_GAP` with all of its interval. Underfits: the
    training loss is not shown to be below the loss of the untuned `base` on the test rows, where that is given. Fits
    well: test - train lies below `WIDE_GAP` with all of its interval, and the training came to its end: `max_steps`
    did not cut it before an epoch, and its loss had levelled off. Else nobody can tell.
    """
    splits = zip(STREAMS, (train, validation, test), strict=True)
    seen, chosen, unseen = (_loss(rows, stream, settings) for stream, rows in splits)
    untuned = None if base is None else _loss(base, "base", settings)
    return Gap(METRIC, seen, chosen, unseen, _reading(trained, seen, chosen, unseen, untuned))


def _loss(rows: TextPredictions, stream: str, settings: ScoreSettings) -> Estimate:
    check_likelihoods(rows, place=f"predictions of {stream}")
    return text_estimates(Tallied(rows), [METRIC], stream=stream, settings=settings)[METRIC]


def _reading(trained: Trained, train: Estimate, validation: Estimate, test: Estimate, base: Estimate | None) -> str:
    seen, chosen, unseen = known(train), known(validation), known(test)
    untuned = None if base is None else known(base)
    if seen is None or unseen is None:
        return f"Unknown: {train.reason or test.reason}, so there is no gap to read."
    figures = f"the loss is {seen[0]:.3f} nats a token on training rows and {unseen[0]:.3f} on test rows"
    low, high = difference_interval(unseen, seen)
    if low > WIDE_GAP:
        return (
            f"Overfits: {figures}, a gap of at least {low:.3f}: it knows those texts by heart, and wavers between "
            f"{math.expm1(low):.0%} more tokens on others. {learn_less(trained)}"
        )
    if untuned is not None and difference_interval(untuned, seen)[0] <= 0:
        return (
            f"Underfits: {figures}, and the model before tuning has {untuned[0]:.3f} on test rows, so the training "
            f"rows are hardly learned. {learn_more(trained, texts=True)}"
        )
    unready = _unready(trained)
    if unready:
        return (
            f"Cannot tell: {figures}, a gap of at most {high:.3f}, but {unready}: a model that has learned little fits "
            f"what it saw and what it did not alike. {learn_more(trained, texts=True)}"
        )
    if high >= WIDE_GAP:
        return (
            f"Cannot tell: {figures}, and the gap lies anywhere from {low:.3f} to {high:.3f}: there are too few rows "
            "to know whether it overfits. What to do: add test rows; until then, a validation loss that rises while "
            "the training loss falls is the sign of it."
        )
    if chosen is not None and difference_interval(unseen, chosen)[0] > WIDE_GAP:
        return (
            f"Fits its training rows well, yet {figures} and {chosen[0]:.3f} on validation rows: the validation rows "
            "are easier than the test rows, so compare how the two were drawn."
        )
    return f"Fits well: {figures}, a gap of at most {high:.3f}."


def _unready(trained: Trained) -> str:
    """Why the training had not come to where a fit can be read; empty where it had."""
    if trained.hardly_began:
        epochs = f"{rounded(trained.last.epoch)} of the {rounded(trained.spec.epochs)} epochs asked for"
        return f"train.max_steps ended training after {epochs}"
    fall = trained.still_fell
    return f"the training loss still fell steeply at the end, by {fall:.2f} in the last quarter" if fall else ""
