"""Metrics of written texts and of likelihoods: what each counts of a row, and its function of summed counts.

Axes: N rows, F tallies, B samples.
Sources: Papineni et al. (2002, ACL) for BLEU and Post (2018, WMT) for its counting; Popović (2015, WMT) for chrF; Lin
(2004) for ROUGE; Rajpurkar et al. (2016, EMNLP) for exact match and token F1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tunewright.evaluation import text_tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.predictions import TextPredictions
    from tunewright.evaluation.text_tallies import Builder

    Floats = NDArray[np.float64]

Needs = Literal["texts", "stops", "likelihood"]

MISSING: Final[Mapping[Needs, str]] = {
    "texts": "no texts were written",
    "stops": "whether the answers ended by themselves is not known",
    "likelihood": "this system gives no likelihoods",
}
"""Why a metric of these needs is unknown where no row has them."""


@dataclass(frozen=True, slots=True)
class TextMetric:
    """One metric: `statistic(sum of tallies)` is the score of a sample, and of one row its own score."""

    tallies: Builder | None
    """Counts of rows of texts, `[N, F]`; None for what predictions hold themselves."""
    statistic: Callable[[Floats], Floats]
    """`[B, F] -> [B]`; not a number where the sample holds nothing to score."""
    needs: Needs
    better: Literal["more", "less", "neither"]
    most: float | None
    """The highest possible score; None without one. The lowest is 0."""
    unit: str
    meaning: str
    """What it says, for people."""

    @property
    def counted(self) -> object:
        """What its tallies are known by: metrics of the same counts share them."""
        return self.tallies or self.needs

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better; a metric of which neither is better counts as one of which more is."""
        return self.better != "less"

    @property
    def is_share(self) -> bool:
        """Whether it is a share of rows: Wilson's interval and McNemar's test hold where rows are independent."""
        return self.statistic is _mean_of_first


class Tallied:
    """Predictions with the tallies of their rows, each counted once however many metrics ask for it."""

    def __init__(self, predictions: TextPredictions) -> None:
        self.predictions = predictions
        self._tables: dict[object, Floats] = {}

    def known(self, needs: Needs) -> NDArray[np.bool_]:
        """Whether each row has what a metric needs, `[N]`; texts are scored only beside a reference, and a likelihood
        is one only of a token or more.
        """
        rows = self.predictions
        if needs == "likelihood":
            return np.isfinite(rows.nats_N) & (rows.target_tokens_N > 0)
        if needs == "stops":
            return np.array([stopped is not None for stopped in rows.stopped], dtype=np.bool_)
        pairs = zip(rows.texts, rows.references, strict=True)
        return np.array([text is not None and bool(references) for text, references in pairs], dtype=np.bool_)

    def table(self, metric: TextMetric) -> Floats:
        """The tallies of all rows, `[N, F]`; zeros in rows without what the metric needs."""
        if metric.counted not in self._tables:
            self._tables[metric.counted] = self._counted(metric)
        return self._tables[metric.counted]

    def _counted(self, metric: TextMetric) -> Floats:
        rows, known_N = self.predictions, self.known(metric.needs)
        if metric.tallies is None and metric.needs == "likelihood":
            counts_N3 = np.stack([rows.nats_N, rows.target_tokens_N, rows.target_bytes_N], axis=1)
            return np.where(known_N[:, np.newaxis], counts_N3, 0.0).astype(np.float64)
        if metric.tallies is None:
            ended_N = np.array([stopped is True for stopped in rows.stopped], dtype=np.float64)
            return np.stack([ended_N, known_N.astype(np.float64)], axis=1)
        if not known_N.any():
            return np.zeros((len(known_N), 1))
        pairs = [(str(rows.texts[row]), rows.references[row]) for row in np.flatnonzero(known_N)]
        counts_KF = metric.tallies(pairs)
        table_NF = np.zeros((len(known_N), counts_KF.shape[1]))
        table_NF[known_N] = counts_KF
        return table_NF


@dataclass(frozen=True, slots=True)
class Sheet:
    """The tallies of several metrics side by side, for one resampling of all."""

    names: tuple[str, ...]
    rows_KF: Floats
    columns: Mapping[object, slice]
    """Where the tallies of each kind lie."""

    def scores(self, tallies_BF: Floats) -> Floats:
        """Each metric's score of each sum of rows, `[B, M]`."""
        metrics = [METRICS[name] for name in self.names]
        return np.stack([m.statistic(tallies_BF[:, self.columns[m.counted]]) for m in metrics], axis=1)


def joined(tallied: Tallied, names: Sequence[str], known_N: NDArray[np.bool_]) -> Sheet:
    """The tallies of these metrics on the rows marked."""
    tables = {METRICS[name].counted: tallied.table(METRICS[name])[known_N] for name in names}
    ends = np.cumsum([0, *(table.shape[1] for table in tables.values())])
    columns = {kind: slice(int(ends[i]), int(ends[i + 1])) for i, kind in enumerate(tables)}
    rows_KF = np.concatenate([*tables.values(), np.zeros((int(known_N.sum()), 0))], axis=1)
    return Sheet(tuple(names), rows_KF, columns)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan, dtype=np.float64), where=whole > 0)


def _mean_of_first(tallies_B2: Floats) -> Floats:
    return _ratio(tallies_B2[:, 0], tallies_B2[:, 1])


def _token_f1(tallies_B4: Floats) -> Floats:
    return _ratio(tallies_B4[:, 0], tallies_B4[:, 3])


def _length_ratio(tallies_B4: Floats) -> Floats:
    return _ratio(tallies_B4[:, 1], tallies_B4[:, 2])


def _rouge(column: int) -> Callable[[Floats], Floats]:
    return lambda tallies_B4: _ratio(tallies_B4[:, column], tallies_B4[:, 3])


def bleu(tallies_B10: Floats) -> Floats:
    """Corpus BLEU of 0..100 from sums of `bleu_tallies`, `[B]`, smoothed as sacrebleu does by default (`exp`).

    Orders of which nothing was written are left out (sacrebleu's effective order): it matters only where no text has
    four words, and makes the score of one row its smoothed sentence BLEU.
    """
    written_B, reference_B = tallies_B10[:, 0], tallies_B10[:, 1]
    correct_B4, total_B4 = tallies_B10[:, 2:6], tallies_B10[:, 6:10]
    held_B4 = total_B4 > 0
    missed_B4 = held_B4 & (correct_B4 == 0)
    smoothed_B4 = np.where(missed_B4, 0.5 ** np.cumsum(missed_B4, axis=1), correct_B4)
    logs_B4 = np.log(np.divide(smoothed_B4, total_B4, out=np.ones_like(total_B4), where=held_B4))
    mean_B = logs_B4.sum(axis=1) / np.maximum(held_B4.sum(axis=1), 1)
    short_B = 1 - np.divide(reference_B, written_B, out=np.full_like(written_B, np.inf), where=written_B > 0)
    scores_B = 100 * np.exp(np.minimum(0.0, short_B) + mean_B)
    return np.asarray(np.where(correct_B4.any(axis=1), scores_B, 0.0), dtype=np.float64)


def chrf(tallies_B18: Floats) -> Floats:
    """Corpus chrF2 of 0..100 from sums of `chrf_tallies`, `[B]`, as sacrebleu has it."""
    counts_B63 = tallies_B18.reshape(len(tallies_B18), 6, 3)
    written_B6, reference_B6, matching_B6 = counts_B63[..., 0], counts_B63[..., 1], counts_B63[..., 2]
    both_B6 = (written_B6 > 0) & (reference_B6 > 0)
    orders_B = np.maximum(both_B6.sum(axis=1), 1)
    precision_B, recall_B = (
        np.divide(matching_B6, whole_B6, out=np.zeros_like(whole_B6), where=both_B6).sum(axis=1) / orders_B
        for whole_B6 in (written_B6, reference_B6)
    )
    below_B = 4 * precision_B + recall_B
    scores_B = np.divide(5 * precision_B * recall_B, below_B, out=np.zeros_like(below_B), where=below_B > 0)
    return np.asarray(100 * scores_B, dtype=np.float64)


def _bits_per_byte(tallies_B3: Floats) -> Floats:
    return _ratio(tallies_B3[:, 0], tallies_B3[:, 2]) / math.log(2)


def _loss(tallies_B3: Floats) -> Floats:
    return _ratio(tallies_B3[:, 0], tallies_B3[:, 1])


def _perplexity(tallies_B3: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(_loss(tallies_B3)))


METRICS: Final[Mapping[str, TextMetric]] = {
    "bits_per_byte": TextMetric(
        *(None, _bits_per_byte, "likelihood", "less", None, "bits"),
        "bits that the model needs for a byte of what is to be written: comparable between models of any vocabulary",
    ),
    "loss": TextMetric(
        None, _loss, "likelihood", "less", None, "nats", "mean of minus the log-likelihood of a token of the references"
    ),
    "perplexity": TextMetric(
        None,
        _perplexity,
        "likelihood",
        "less",
        None,
        "",
        "exponential of the loss: between how many tokens the model wavers",
    ),
    "chrf": TextMetric(
        *(text_tallies.chrf_tallies, chrf, "texts", "more", 100.0, "of 100"),
        "runs of up to six letters shared with the reference",
    ),
    "bleu": TextMetric(
        *(text_tallies.bleu_tallies, bleu, "texts", "more", 100.0, "of 100"),
        "runs of up to four words shared with the references, over all texts together",
    ),
    "rouge1": TextMetric(
        text_tallies.rouge_tallies, _rouge(0), "texts", "more", 1.0, "", "words shared with the reference"
    ),
    "rouge2": TextMetric(
        text_tallies.rouge_tallies, _rouge(1), "texts", "more", 1.0, "", "pairs of words shared with the reference"
    ),
    "rougeL": TextMetric(
        *(text_tallies.rouge_tallies, _rouge(2), "texts", "more", 1.0, ""),
        "longest run of words, gaps allowed, shared with the reference",
    ),
    "exact_match": TextMetric(
        *(text_tallies.match_tallies, _mean_of_first, "texts", "more", 1.0, ""),
        "share of texts that equal a reference, but for case, blanks and signs around words",
    ),
    "token_f1": TextMetric(
        text_tallies.word_tallies, _token_f1, "texts", "more", 1.0, "", "words shared with the reference in any order"
    ),
    "stop_rate": TextMetric(
        *(None, _mean_of_first, "stops", "more", 1.0, ""),
        "share of texts that the model ended by itself, before the limit of tokens",
    ),
    "length_ratio": TextMetric(
        text_tallies.word_tallies, _length_ratio, "texts", "neither", None, "", "words written for a reference word"
    ),
}
"""Metric name to what it is, in the order in which tables show them."""

LIKELIHOOD = tuple(name for name, metric in METRICS.items() if metric.needs == "likelihood")

TASK_METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "generation": tuple(METRICS),
    "text_to_text": tuple(METRICS),
    "language_modelling": LIKELIHOOD,
}
"""The metrics that a task of texts has."""
