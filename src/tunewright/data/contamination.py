"""Whether texts that a model is judged by stand in its training rows: containment of word sequences.

A text is contaminated if at least 70 % of its sequences of eight words stand in training rows: the measure of PaLM's
report (Chowdhery et al. 2022, section 8). Near-duplicates are found by themselves; this finds a short test text that
lies within a long training row.

Sequences that many texts hold (`data.word_sequences.common`), of the training rows or of the judged texts, are
boilerplate and no evidence: a system text, a template, a set phrase. They are taken out with all sequences that run
into them, and the share is that of the others. A text that many different training rows hold is therefore not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.frame import LINE
from tunewright.data.read import read_table
from tunewright.data.shingles import chunks
from tunewright.data.word_sequences import WORDS, common, holders, sequences, touching
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.rows import SplitName
    from tunewright.data.word_sequences import Sequences

SHARE = 0.7
"""Share of a text's sequences in training rows from which on it is contaminated."""
LISTED = 20
"""Training rows that are listed at most for one text."""
CONTAMINATION_COLUMNS = ("source", "line", "row_id", "share", "holders")
"""Of each contaminated text: where it stands, its row id (null in a benchmark file), the share of its sequences that
training rows hold, and the places of training rows that hold any of them, up to LISTED."""

_SEQUENCES_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True)
class Contamination:
    """Which of the judged texts training rows hold."""

    found: pl.DataFrame
    """In CONTAMINATION_COLUMNS."""
    unknown: int
    """Texts of too few words of their own for anything to be said of them."""


def benchmark_texts(names: Sequence[str], *, folder: Path, local_only: bool = False) -> pl.DataFrame:
    """`source`, `line`, `row_id` (null) and `input` of every text in the files: each column of text is looked at.

    Raises DataError for a file that cannot be read.
    """
    frames = []
    for name in names:
        table = read_table(name, folder=folder, spec=DataSpec(train=name), part="test", local_only=local_only)
        texts = [column for column, kind in table.frame.schema.items() if kind == pl.String]
        long = table.frame.select(LINE, *texts).unpivot(on=texts, index=LINE, value_name="input").drop_nulls("input")
        fixed = [pl.lit(table.source).alias("source"), pl.lit(None, pl.String).alias("row_id")]
        frames.append(long.select(pl.col(LINE).cast(pl.Int64).alias("line"), "input", *fixed))
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(("source", "row_id", "input"), pl.String))


def contaminated(judged: pl.DataFrame, train: pl.DataFrame) -> Contamination:
    """The judged texts (`source`, `line`, `row_id`, `input`) that training rows hold.

    Nothing is said of texts without a sequence of WORDS words of their own. The memory grows with the words of the
    judged texts, the time with those of both: of a sequence, LISTED training rows are remembered at most.
    """
    said = train.select(pl.concat_str("input", "target", separator=" ", ignore_nulls=True))["input"]
    told = sequences(judged["input"])
    wanted, places_of = np.unique(told.hashes, return_inverse=True)
    held = holders(said, wanted, listed=LISTED)
    shared = common(held.texts, said.n_unique())
    shared |= common(_judged_texts(judged["input"], told, places_of), judged["input"].n_unique())
    own = ~touching(told.texts, shared[places_of])
    texts = pl.DataFrame({"text": told.texts[own], "sequence": places_of[own]}).unique()
    texts = texts.with_columns(pl.Series("known", held.texts > 0).gather(texts["sequence"]))
    shares = texts.group_by("text").agg(pl.col("known").mean().alias("share"))
    unknown = judged.height - shares.height
    shares = shares.filter(pl.col("share") >= SHARE)
    evidence = texts.filter("known").join(shares, on="text", how="semi").sort("text")
    where = train.select(pl.concat_str("source", "line", separator=":").alias("place"))["place"]
    listed = _listed(evidence, held.rows, where)
    found = judged.with_row_index("text").cast({"text": pl.Int64}).join(shares.join(listed, on="text"), on="text")
    return Contamination(found.sort("text").select(CONTAMINATION_COLUMNS), unknown)


def contamination_findings(seen: Contamination, total: int, *, what: str) -> list[Finding]:
    """How many of the `total` texts of `what` stand in training rows, and of how many nothing can be said."""
    found = seen.found
    if not found.height:
        return []
    unknown = f"; of {seen.unknown:,} with fewer than {WORDS} words of their own nothing can be said"
    unknown = unknown if seen.unknown else ""
    holders = found["holders"].explode().unique().sort()
    message = (
        f"{counted(found.height, 'text')} of {total:,} of {what} stand in training rows (at least {SHARE:.0%} "
        f"of their sequences of {WORDS} words, in {counted(holders.len(), 'row')}, such as {holders[0]}){unknown}"
    )
    remedy = "remove these training rows, or read scores on these texts as too high"
    where = places(found.select("source", "line").iter_rows())
    return [Finding("contamination", "warning", message, found.height, where, remedy)]


def contamination_of(
    splits: Mapping[SplitName, pl.DataFrame], benchmarks: Sequence[str], *, folder: Path, local_only: bool
) -> tuple[pl.DataFrame, list[Finding]]:
    """The texts of the test and of the benchmarks that stand in training rows, and what to say of them.

    `local_only` reads a benchmark of the hub from the hub's cache or not at all.
    """
    judged = splits["test"].select("source", "line", "row_id", "input")
    seen = contaminated(judged, splits["train"])
    found, findings = seen.found, contamination_findings(seen, judged.height, what="the test")
    if benchmarks:
        others = benchmark_texts(benchmarks, folder=folder, local_only=local_only)
        more = contaminated(others, splits["train"])
        findings += contamination_findings(more, others.height, what="the benchmarks")
        found = pl.concat([found, more.found])
    return found, findings


def _judged_texts(texts: pl.Series, told: Sequences, places_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each distinct sequence, how many distinct texts among the judged hold it."""
    distinct = texts.is_first_distinct().to_numpy()[told.texts]
    pairs = np.unique(places_of[distinct] * texts.len() + told.texts[distinct])
    return np.bincount(pairs // max(texts.len(), 1), minlength=places_of.max(initial=-1) + 1)


def _listed(evidence: pl.DataFrame, rows: pl.DataFrame, where: pl.Series) -> pl.DataFrame:
    """`text` and its `holders`: the places of the first LISTED training rows that hold any of its sequences.

    A row among a text's first is among the first of each sequence that it holds, so that none is missed.
    """
    sizes = evidence.group_by("text", maintain_order=True).len()
    parts = [pl.DataFrame(schema={"text": pl.Int64, "holders": pl.List(pl.String)})]
    for part in chunks(sizes["len"].cast(pl.Int64).to_numpy(), _SEQUENCES_AT_ONCE):
        owned = evidence.join(sizes[part], on="text", how="semi").join(rows, on="sequence")
        owned = owned.select("text", "row").unique().sort("row")
        owned = owned.with_columns(where.gather(owned["row"]).alias("place"))
        owned = owned.unique(["text", "place"], keep="first", maintain_order=True)
        parts.append(owned.group_by("text").agg(pl.col("place").head(LISTED).alias("holders")))
    return pl.concat(parts)
