"""Does the data look like production? Lengths, labels, words, a two-sample test, and what the data does not cover."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.audit import Compared, Shift
from tunewright.core.rows import Finding
from tunewright.data.associations import p_in_words
from tunewright.data.coverage import FAR, coverage
from tunewright.data.faults import counted
from tunewright.data.private.shown import shielded_texts
from tunewright.data.profile import distribution
from tunewright.data.two_sample import two_sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.core.audit import TwoSample

SURE = 0.01
FAR_SHARE = 0.03
"""Uncovered rows from this share on are worth a warning; by chance alone there is one in a hundred."""
LENGTH_SHIFT = 0.2
"""A Kolmogorov–Smirnov distance from which a certain difference of lengths is worth a warning."""
LABEL_SHIFT = 0.1
"""A total variation distance of the label shares from which a certain difference is worth a warning."""
TOLD_APART = 0.7
"""An area under the curve from which samples count as easily told apart."""
NEW_WORDS = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """Texts with what is known of them."""

    source: str
    texts: Sequence[str]
    places: Sequence[str]
    labels: Sequence[str] | None
    """One a text; None where there are none."""
    languages: Mapping[str, int] | None = None


def compare(data: Sample, production: Sample, *, seed: int) -> Shift:
    """The data beside production; what cannot be told is None, with the reason."""
    ours, theirs = (shielded_texts(pl.Series(sample.texts, dtype=pl.String)).to_list() for sample in (data, production))
    covered = coverage(ours, theirs, production.places, seed=seed)
    lengths = distribution([len(text) for text in production.texts])
    compared = (_length(data, production), _label(data, production), _language(data, production))
    return Shift(
        against=production.source,
        rows=len(production.texts),
        compared=(*compared, _vocabulary(data.texts, production.texts)),
        two_sample=two_sample(ours, theirs, seed=seed),
        uncovered_share=covered.share,
        uncovered_rows=covered.rows,
        groups=covered.groups,
        characters=lengths,
        labels=dict(Counter(production.labels).most_common()) if production.labels else None,
    )


def shift_findings(shift: Shift, *, labels: Sequence[str]) -> list[Finding]:
    """What of the comparison a person should act on; `labels` are those of the data."""
    found = [*_two_sample_finding(shift.two_sample), *_compared_findings(shift), *_uncovered_finding(shift)]
    unknown = sorted(set(shift.labels or ()) - set(labels)) if labels else []
    if unknown:
        rows = sum((shift.labels or {})[label] for label in unknown)
        message = f"production has {counted(len(unknown), 'label')} that the data lacks: {', '.join(unknown[:8])}"
        remedy = "collect rows of them: a model cannot answer with a label that it never saw"
        found.append(Finding("unseen_label", "warning", message, rows, remedy=remedy))
    return found


def _two_sample_finding(test: TwoSample) -> list[Finding]:
    if test.auc is None or test.p_value is None or test.p_value >= SURE or test.auc < TOLD_APART:
        return []
    message = (
        f"a classifier tells production from the data: AUC {test.auc:.2f} ({test.low:.2f} to {test.high:.2f}, p "
        f"{p_in_words(test.p_value)}); production says {', '.join(test.words[:6])}"
    )
    remedy = "train on rows from where the model will be used, or expect less there than the test says"
    return [Finding("shift", "warning", message, test.rows[1], remedy=remedy)]


def _compared_findings(shift: Shift) -> list[Finding]:
    by_name = {one.what: one for one in shift.compared}
    found = []
    for what, least, words in (
        ("length", LENGTH_SHIFT, "texts of production differ in length"),
        ("label", LABEL_SHIFT, "labels of production have other shares"),
        ("language", LABEL_SHIFT, "languages of production have other shares"),
    ):
        one = by_name[what]  # type: ignore[index]  # both are always compared
        if one.value is not None and one.value >= least and one.p_value is not None and one.p_value < SURE:
            message = f"{words}: {one.statistic} {one.value:.2f}, p {p_in_words(one.p_value)}"
            remedy = "draw the training rows as production does, or weigh them"
            found.append(Finding(f"{what}_shift", "warning", message, shift.rows, remedy=remedy))
    vocabulary = by_name["vocabulary"].value
    if vocabulary is not None and vocabulary >= NEW_WORDS:
        message = f"{vocabulary:.0%} of production's words never stand in the data"
        found.append(Finding("vocabulary_shift", "warning", message, shift.rows, remedy="collect rows that hold them"))
    return found


def _uncovered_finding(shift: Shift) -> list[Finding]:
    from scipy.stats import binomtest  # noqa: PLC0415  # heavy: imported where it is used

    share, rows = shift.uncovered_share, shift.uncovered_rows
    if share is None or share < FAR_SHARE:
        return []
    count = round(share * rows)
    if binomtest(count, rows, 1 - FAR, alternative="greater").pvalue >= SURE:
        return []
    told = "; ".join(f"{group.rows} about {', '.join(group.words[:4])}" for group in shift.groups[:3])
    message = f"{count:,} of {rows:,} production rows ({share:.0%}) are like no training row: {told}"
    places = tuple(group.place for group in shift.groups)
    return [Finding("uncovered", "warning", message, count, places, "label rows of these kinds and add them")]


def _length(data: Sample, production: Sample) -> Compared:
    from scipy.stats import ks_2samp  # noqa: PLC0415  # heavy: imported where it is used

    name = "Kolmogorov–Smirnov distance of lengths in characters"
    ours, theirs = [len(t) for t in data.texts], [len(t) for t in production.texts]
    if not ours or not theirs:
        return Compared("length", name, None, reason="one of the two holds no text")
    test = ks_2samp(ours, theirs, method="asymp")
    return Compared("length", name, float(test.statistic), float(test.pvalue))


def _label(data: Sample, production: Sample) -> Compared:
    name = "total variation distance of label shares"
    if not data.labels or not production.labels:
        return Compared("label", name, None, reason="not both have labels")
    ours, theirs = Counter(data.labels), Counter(production.labels)
    names = sorted(ours | theirs)
    counts = np.array([[side[name] for name in names] for side in (ours, theirs)], dtype=np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return Compared("label", name, float(np.abs(shares[0] - shares[1]).sum() / 2), _homogeneity(counts))


def _language(data: Sample, production: Sample) -> Compared:
    name = "total variation distance of language shares"
    if not data.languages or not production.languages:
        return Compared("language", name, None, reason="the languages of the rows are not known of both")
    names = sorted({*data.languages, *production.languages})
    sides = [[side.get(n, 0) for n in names] for side in (data.languages, production.languages)]
    counts = np.array(sides, dtype=np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return Compared("language", name, float(np.abs(shares[0] - shares[1]).sum() / 2), _homogeneity(counts))


def _homogeneity(counts: np.ndarray) -> float | None:
    """The chi-square p-value of equal shares; None for a single class, which cannot differ."""
    from scipy.stats import chi2_contingency  # noqa: PLC0415  # heavy: imported where it is used

    return float(chi2_contingency(counts, correction=False).pvalue) if counts.shape[1] > 1 else None


def _vocabulary(data: Sequence[str], production: Sequence[str]) -> Compared:
    name = "share of production's words that the data lacks"
    sides = [pl.Series("text", list(texts), dtype=pl.String) for texts in (data, production)]
    ours, theirs = (side.str.to_lowercase().str.extract_all(r"\w+").explode().drop_nulls() for side in sides)
    if not ours.len() or not theirs.len():
        return Compared("vocabulary", name, None, reason="one of the two holds no word")
    new = int((~theirs.is_in(ours.unique().implode())).sum())
    return Compared("vocabulary", name, new / theirs.len())
