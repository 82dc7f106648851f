"""Whether texts that a model is judged by stand in its training rows: containment of word sequences.

A text is contaminated if at least 70 % of its sequences of eight words stand in training rows: the measure of PaLM's
report (Chowdhery et al. 2022, section 8). Near-duplicates are found by themselves; this finds a short test text that
lies within a long training row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.rows import Finding
from tunewright.core.seeds import child_seed
from tunewright.data.faults import counted, places
from tunewright.data.frame import LINE
from tunewright.data.read import read_table
from tunewright.data.shingles import chunks
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.rows import SplitName

WORDS = 8
"""Words of a sequence."""
SHARE = 0.7
"""Share of a text's sequences in training rows from which on it is contaminated."""
CONTAMINATION_COLUMNS = ("source", "line", "row_id", "share", "holders")
"""Of each contaminated text: where it stands, its row id (null in a benchmark file), the share of its sequences that
training rows hold, and the places of training rows that hold any of them, up to 20."""

_FACTORS = np.array([child_seed(0, "sequence", place) | 1 for place in range(WORDS)], dtype=np.uint64)


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


def contaminated(judged: pl.DataFrame, train: pl.DataFrame) -> pl.DataFrame:
    """The judged texts (`source`, `line`, `row_id`, `input`) that training rows hold, in CONTAMINATION_COLUMNS.

    Texts of fewer than WORDS words are not among them: nothing is said of these. Training rows are read in chunks.
    """
    numbers, sequences = _sequences(judged["input"])
    wanted = np.unique(sequences)
    said = train.select(pl.concat_str("input", "target", separator=" ", ignore_nulls=True))["input"]
    held, holders = _hits(said, wanted)
    known = np.isin(sequences, held)
    texts = pl.DataFrame({"text": numbers, "sequence": sequences, "known": known}).unique(["text", "sequence"])
    shares = texts.group_by("text").agg(pl.col("known").mean().alias("share")).filter(pl.col("share") >= SHARE)
    owners = pl.DataFrame({"sequence": held, "row": holders})
    where = train.select(pl.concat_str("source", "line", separator=":").alias("place")).with_row_index("row")
    owned = texts.join(shares, on="text", how="semi").join(owners, on="sequence")
    owned = (
        owned.join(where.cast({"row": pl.Int64}), on="row").sort("row").unique(["text", "place"], maintain_order=True)
    )
    listed = owned.group_by("text").agg(pl.col("place").head(20).alias("holders"))
    found = judged.with_row_index("text").cast({"text": pl.Int64}).join(shares.join(listed, on="text"), on="text")
    return found.sort("text").select(CONTAMINATION_COLUMNS)


def short_texts(judged: pl.DataFrame) -> int:
    """How many of the judged texts have too few words for anything to be said of them."""
    return judged.height - np.unique(_sequences(judged["input"])[0]).size


def contamination_findings(found: pl.DataFrame, judged: pl.DataFrame, *, what: str) -> list[Finding]:
    """How many of `what` stand in training rows, and of how many nothing can be said."""
    if not found.height:
        return []
    short = short_texts(judged)
    unknown = f"; of {short:,} with fewer than {WORDS} words nothing can be said" if short else ""
    holders = found["holders"].explode().unique().sort()
    message = (
        f"{counted(found.height, 'text')} of {judged.height:,} of {what} stand in training rows (at least {SHARE:.0%} "
        f"of their sequences of {WORDS} words, in {counted(holders.len(), 'row')}, such as {holders[0]}){unknown}"
    )
    remedy = "remove these training rows, or read scores on these texts as too high"
    where = places(found.select("source", "line").iter_rows())
    return [Finding("contamination", "warning", message, found.height, where, remedy)]


def contamination_of(
    splits: Mapping[SplitName, pl.DataFrame], benchmarks: Sequence[str], *, folder: Path
) -> tuple[pl.DataFrame, list[Finding]]:
    """The texts of the test and of the benchmarks that stand in training rows, and what to say of them."""
    judged = splits["test"].select("source", "line", "row_id", "input")
    found = contaminated(judged, splits["train"])
    findings = contamination_findings(found, judged, what="the test")
    if benchmarks:
        others = benchmark_texts(benchmarks, folder=folder)
        more = contaminated(others, splits["train"])
        findings += contamination_findings(more, others, what="the benchmarks")
        found = pl.concat([found, more])
    return found, findings


def _hits(texts: pl.Series, wanted: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Those of the texts' sequences that are wanted, and the number of the text each stands in."""
    found, rows = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int64)]
    for part in chunks(texts.str.len_chars().cast(pl.Int64).to_numpy(), 1 << 24):
        numbers, sequences = _sequences(texts[part])
        hit = np.isin(sequences, wanted)
        found.append(sequences[hit])
        rows.append(numbers[hit] + part.start)
    return np.concatenate(found), np.concatenate(rows)


def _sequences(texts: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The number of the text, and a 64-bit hash, of each sequence of words of each text."""
    words = texts.rename("word").to_frame().with_row_index("text").select(
        "text", pl.col("word").str.normalize("NFKC").str.to_lowercase().str.extract_all(r"\w+")
    )  # fmt: skip
    flat = words.explode("word").drop_nulls("word")
    codes = flat["word"].hash(1).to_numpy()
    owners = flat["text"].cast(pl.Int64).to_numpy()
    count = max(codes.size - WORDS + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        hashes += codes[place : place + count] * factor
    inside = owners[:count] == owners[WORDS - 1 :][:count]
    return owners[:count][inside], hashes[inside]
