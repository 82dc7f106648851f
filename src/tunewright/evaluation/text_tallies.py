"""Written texts and likelihoods as tallies a row: sums of tallies are tallies, so that a resample is scored by sums.

Axes: N rows, F tallies (each function says which). A row that has nothing to count is left to the caller.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.evaluation.words import EACH_LETTER, RougeWords, counted_words, normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = Sequence[tuple[str, tuple[str, ...]]]
    """What was written, and the references, of each row."""
    Builder = Callable[[Rows], Floats]

CHINESE_SHARE = 0.3
"""From this share of unspaced letters in the references on, BLEU counts each such letter as a word."""


def bleu_tallies(rows: Rows) -> Floats:
    """sacrebleu's statistics of corpus BLEU, `[N, 10]`: words written, words of the closest reference, then the
    matching and the written n-grams for n from 1 to 4.

    Words are those of the 13a tokeniser, case kept; where the references are of a script without blanks, `zh`.
    """
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415  # heavy: imported where it is used

    return _by_sacrebleu(BLEU(tokenize=bleu_tokenizer([refs for _, refs in rows]), force=True), rows)


def bleu_tokenizer(references: Sequence[tuple[str, ...]]) -> str:
    """The name of sacrebleu's tokeniser for these references: `13a` or `zh`. It does not depend on what was written."""
    text = "".join(reference for each in references for reference in each)
    return "zh" if len(EACH_LETTER.findall(text)) > CHINESE_SHARE * len(text) else "13a"


def chrf_tallies(rows: Rows) -> Floats:
    """sacrebleu's statistics of chrF2, `[N, 18]`: n-grams of letters written, of the best reference and matching, for n
    from 1 to 6."""
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415  # heavy: imported where it is used

    return _by_sacrebleu(CHRF(), rows)


def _by_sacrebleu(metric: Any, rows: Rows) -> Floats:
    # The statistics by row have no public name in sacrebleu, and its own resampling is of rows alone; a test holds the
    # sums against its public score.
    most = max(len(references) for _, references in rows)
    columns = [[refs[i] if i < len(refs) else None for _, refs in rows] for i in range(most)]
    statistics = metric._extract_corpus_statistics([text for text, _ in rows], columns)
    return np.array(statistics, dtype=np.float64)


def rouge_tallies(rows: Rows) -> Floats:
    """F of ROUGE-1, ROUGE-2 and ROUGE-L, each of its best reference, and 1, `[N, 4]`; no stemming."""
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415  # heavy: imported where it is used

    kinds = ("rouge1", "rouge2", "rougeL")
    scorer = RougeScorer(kinds, tokenizer=RougeWords())
    scores = [scorer.score_multi(list(references), text) for text, references in rows]
    return np.array([[*(score[kind].fmeasure for kind in kinds), 1] for score in scores], dtype=np.float64)


def match_tallies(rows: Rows) -> Floats:
    """Whether the text equals a reference once both are normalised, and 1, `[N, 2]`."""
    found = [normalised(text) in {normalised(reference) for reference in references} for text, references in rows]
    return np.stack([np.array(found, dtype=np.float64), np.ones(len(rows))], axis=1)


def word_tallies(rows: Rows) -> Floats:
    """F1 of shared words with the best reference, words written, words of the closest reference, and 1, `[N, 4]`."""
    return np.array([_words_of(text, references) for text, references in rows], dtype=np.float64)


def _words_of(text: str, references: tuple[str, ...]) -> tuple[float, int, int, int]:
    written = counted_words(text)
    known = [counted_words(reference) for reference in references]
    closest = min((len(words) for words in known), key=lambda length: (abs(length - len(written)), length))
    return max(_shared_f1(written, words) for words in known), len(written), closest, 1


def _shared_f1(written: list[str], reference: list[str]) -> float:
    if not written or not reference:
        return float(written == reference)
    return 2 * (Counter(written) & Counter(reference)).total() / (len(written) + len(reference))
