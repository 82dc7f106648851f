"""What a test of texts will be able to show, and whether answers have room, told before anything is trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.core.rows import Finding
from tunewright.core.titles import metric_title
from tunewright.data.faults import counted, places
from tunewright.data.frame import sampled
from tunewright.data.token_rows import within_context
from tunewright.data.tokenize import encode_rows
from tunewright.evaluation.answer_limit import OFTEN, enough_tokens
from tunewright.evaluation.evaluate_texts import FEW_ROWS
from tunewright.evaluation.intervals import wilson, z_quantile
from tunewright.evaluation.power import POWER, minimum_detectable_difference
from tunewright.evaluation.texts import METRICS
from tunewright.recipe.judge import Floor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from tunewright.core.protocols import RowEncoder
    from tunewright.recipe.judge import ConditionSpec, EvaluationSpec

MEASURED = 2000
"""Most test rows whose answers are measured, drawn by the seed."""


def small_test(rows: int, units: int) -> Iterator[Finding]:
    """A warning of a test that can show little: what counts are its `units`, clusters of rows that are independent.

    By the sign test of two models that differ on every row: Connor's (1987) formula, with all rows discordant.
    """
    if units >= FEW_ROWS:
        return
    difference = minimum_detectable_difference(units, 1.0)
    shown = (
        "not even a model that is better on every one is likely to be found"
        if difference is None
        else f"a model that is better on {(1 + difference) / 2:.0%} of them is found with a chance of {POWER:.0%}, a "
        "smaller gain less often"
    )
    holds = counted(rows, "row")
    if units < rows:
        holds += f" in {counted(units, 'cluster')} of one prompt, near-duplicates or one group, each one observation"
    message = f"the test holds {holds}: {shown}; the gate may well lack evidence"
    other = " of other prompts" if units < rows else ""
    remedy = f"collect more rows{other}, so that the test holds {FEW_ROWS} or more; or raise split.test"
    yield Finding("small_test", "warning", message, units, remedy=remedy)


def floors_out_of_reach(conditions: Sequence[ConditionSpec], spec: EvaluationSpec, units: int) -> Iterator[Finding]:
    """Warnings of shares that not even a flawless model could be shown to reach on so few written answers.

    Answers to rows of one cluster count as one: where all rows agree, that is what an interval of clusters takes.
    The least number follows from Wilson's interval of n hits in n rows, which begins at n / (n + z²).
    """
    n = min(units, spec.generate)
    if not n:
        return
    for condition in conditions:
        if (
            not isinstance(condition, Floor)
            or condition.metric not in METRICS
            or not METRICS[condition.metric].is_share
        ):
            continue
        low, _ = wilson(n, n, confidence=spec.confidence)
        if low >= condition.at_least or condition.at_least >= 1:
            continue
        needed = math.ceil(z_quantile(spec.confidence) ** 2 * condition.at_least / (1 - condition.at_least))
        message = (
            f"the gate asks for {metric_title(condition.metric)} of at least {condition.at_least:g}, and of {n:,} "
            f"written answers even a model without a fault cannot show that: its interval begins at {low:.2f}"
        )
        ways = [
            *(["add test rows"] if needed > units else []),
            *(["raise evaluation.generate"] if needed > spec.generate else []),
        ]
        remedy = f"{' and '.join(ways)}: {needed:,} answers can"
        yield Finding("floor_out_of_reach", "warning", message, n, remedy=remedy)


def short_limit(test: pl.DataFrame, encoder: RowEncoder, spec: EvaluationSpec, *, seed: int) -> Iterator[Finding]:
    """A warning where answers of the test are longer than the model will be let write and the context holds."""
    frame = sampled(test, MEASURED, seed, "limit")
    encoded = encode_rows(frame, encoder)
    lengths_N = encoded.answers_N
    answered_N, fits_N = lengths_N > 0, within_context(encoded, encoder.max_tokens)
    longer_N = fits_N & (lengths_N > spec.max_new_tokens)
    longer, answered = int(longer_N.sum()), int(answered_N.sum())
    if longer <= OFTEN * answered:
        return
    message = (
        f"{longer:,} of {answered:,} answers of the test have more than {spec.max_new_tokens:,} tokens, the most that "
        "evaluation.max_new_tokens lets a model write: its answers would be cut there, and the stop rate and the "
        "scores of texts be lower for it"
    )
    enough = enough_tokens(lengths_N[answered_N & fits_N])
    held, beyond = int((answered_N & fits_N & (lengths_N <= enough)).sum()), int((answered_N & ~fits_N).sum())
    more = (
        f"; {beyond:,} reach beyond the context of {encoder.max_tokens:,} tokens, whatever the limit" if beyond else ""
    )
    where = places(frame.filter(longer_N).select("source", "line").iter_rows())
    remedy = (
        f"write `evaluation.max_new_tokens: {enough}`, which holds {held:,} of the {answered:,}{more} (a lower "
        "`evaluation.generate` saves the time it takes)"
    )
    yield Finding("short_limit", "warning", message, longer, where, remedy)


def limit_beyond_context(encoder: RowEncoder, spec: EvaluationSpec) -> Iterator[Finding]:
    """A warning of a limit that the recipe names and no answer can reach: the context ends before it."""
    if encoder.layout != "causal" or "max_new_tokens" not in spec.model_fields_set:
        return
    if spec.max_new_tokens < encoder.max_tokens:
        return
    message = (
        f"evaluation.max_new_tokens is {spec.max_new_tokens:,}, and the context holds {encoder.max_tokens:,} tokens, "
        "the prompt's among them: an answer ends where the context does"
    )
    remedy = "lower it to what the context leaves behind a prompt, or raise model.max_tokens where the base allows it"
    yield Finding("limit_beyond_context", "warning", message, 1, remedy=remedy)
