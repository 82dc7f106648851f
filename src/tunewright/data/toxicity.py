"""Rows whose text or answer insults, threatens or demeans, by a word list or by a classifier."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.files import resolve_path, why_unreadable
from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.sift import Sifted, sift
from tunewright.recipe.toxicity import ToxicWords

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.protocols import ToxicityScorer
    from tunewright.recipe.toxicity import ToxicitySpec

RULE = "toxic"
ANSWERED = frozenset({"generation", "text_to_text"})
"""Tasks whose target is a text that the model learns to write."""
_WORD = re.compile(r"\w+")
_UP_TO = 1e-9
"""By so much a probability may fall short of the one asked for, which arithmetic rounded."""


class WordList:
    """The terms of a file: 1 for a text that holds one. Implements `core.protocols.ToxicityScorer`."""

    def __init__(self, terms: Sequence[str]) -> None:
        folded = {_folded(term) for term in terms}
        self._words = frozenset(term for term in folded if _WORD.fullmatch(term))
        others = "|".join(r"\s+".join(map(re.escape, term.split())) for term in sorted(folded - self._words))
        self._others = re.compile(rf"(?<!\w)(?:{others})(?!\w)") if others else None

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """1 or 0 a text, `[N]`."""
        return np.array([float(self._holds(_folded(text))) for text in texts], dtype=np.float64)

    def _holds(self, text: str) -> bool:
        """Words by a table, however many there are; only what is no single word is searched for."""
        if not self._words.isdisjoint(_WORD.findall(text)):
            return True
        return self._others is not None and self._others.search(text) is not None


def read_terms(name: str, folder: Path) -> list[str]:
    """The terms of a file. Raises DataError where it cannot be read or names none."""
    path = resolve_path(name, folder)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        given = f"{name!r} cannot be read: {why_unreadable(path, fault)}"
        problem = Problem("data.toxicity.file", given, "a UTF-8 file of terms, one a line", "correct the name")
        raise DataError(problem) from fault
    terms = [term for line in lines if (term := line.partition("#")[0].strip())]
    if not terms:
        raise DataError(Problem("data.toxicity.file", f"{name!r} names no term", "one term a line", "add some"))
    return terms


def sift_toxic(
    rows: pl.DataFrame, spec: ToxicitySpec | None, scorer: ToxicityScorer | None, task: str
) -> tuple[Sifted, list[Finding]]:
    """All rows, or those that are not toxic and those of the user's own test; without a scorer nobody looks."""
    if spec is None or scorer is None or not rows.height:
        return sift(rows, keep=pl.Series(np.ones(rows.height, dtype=bool)), reason=RULE), []
    level = 1.0 if isinstance(spec, ToxicWords) else spec.at_least
    columns = ("input", "target") if task in ANSWERED else ("input",)
    by_column = {name: _scores(rows[name], scorer) >= level - _UP_TO for name in columns}
    toxic = np.logical_or.reduce(list(by_column.values()))
    leaves = pl.Series(toxic) & (rows["role"] != "test") & (spec.policy == "drop")
    findings = [_finding(rows, toxic, by_column, spec)] if toxic.any() else []
    return sift(rows, keep=~leaves, reason=RULE), findings


def _scores(texts: pl.Series, scorer: ToxicityScorer) -> NDArray[np.float64]:
    """The score of each text; of equal texts one is asked for, an absent one has 0."""
    distinct = texts.drop_nulls().unique(maintain_order=True)
    known = pl.DataFrame({"text": distinct, "score": scorer.scores(distinct.to_list())})
    found = texts.rename("text").to_frame().join(known, on="text", how="left", maintain_order="left")["score"]
    scores: NDArray[np.float64] = found.fill_null(0.0).to_numpy()
    return scores


def _finding(
    rows: pl.DataFrame, toxic: NDArray[np.bool_], by_column: dict[str, NDArray[np.bool_]], spec: ToxicitySpec
) -> Finding:
    by = f"the terms of {spec.file}" if isinstance(spec, ToxicWords) else f"{spec.model} ({spec.label!r})"
    found = rows.filter(pl.Series(toxic))
    answers = f", {int(by_column['target'].sum()):,} of them in the answer" if "target" in by_column else ""
    own = found.filter(pl.col("role") == "test").height
    stays = f" (but {own:,} of the test file, which is never edited)" if own else ""
    done = f"they left{stays}" if spec.policy == "drop" else "they stay"
    message = f"{counted(found.height, 'row')} of {rows.height:,} toxic by {by}{answers}; {done}"
    remedy = "" if spec.policy == "drop" else "read some of them, and write `data.toxicity.policy: drop`"
    where = places(found.select("source", "line").iter_rows())
    return Finding(RULE, "note" if spec.policy == "drop" else "warning", message, found.height, where, remedy)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
