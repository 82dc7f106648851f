"""Our clean + exact + near-duplicate removal of one file: `python -m benchmarks.dedup_ours ASK OUT`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.measure import peak_mb
from tunewright.data.duplicates import drop_duplicates
from tunewright.data.near_duplicates import drop_near, find_near, tied
from tunewright.data.normalise import clean_rows
from tunewright.data.rows import WORK_SCHEMA
from tunewright.recipe.data import CleanSpec, NearDuplicates


def main() -> None:
    """Writes the ids of the documents that stay, with seconds, peak memory, and the seconds of each step."""
    ask = json.loads(Path(sys.argv[1]).read_text())
    spec = NearDuplicates(kind="keep_first", threshold=ask["threshold"])
    started = time.perf_counter()
    steps = {}
    rows = _rows(Path(ask["documents"]))
    steps["read"] = time.perf_counter()
    rows = clean_rows(rows, CleanSpec()).rows
    steps["clean"] = time.perf_counter()
    rows = drop_duplicates(rows, policy="keep_first").kept
    steps["exact"] = time.perf_counter()
    rows = tied(rows, find_near([rows], spec))
    steps["near"] = time.perf_counter()
    kept = drop_near(rows.with_columns(frozen=pl.lit(value=False)), spec).kept["row_id"].cast(pl.Int64).to_list()
    steps["drop"] = time.perf_counter()
    before = [started, *steps.values()]
    spent = {name: at - since for (name, at), since in zip(steps.items(), before, strict=False)}
    found = {"kept": kept, "seconds": steps["drop"] - started, "peak_mb": peak_mb(), "steps": spent}
    Path(sys.argv[2]).write_text(json.dumps(found))


def _rows(path: Path) -> pl.DataFrame:
    read = pl.read_ndjson(path, schema={"id": pl.Int64, "text": pl.String, "of": pl.Int64})
    given = {"row_id": pl.col("id").cast(pl.String), "input": pl.col("text"), "line": pl.int_range(1, pl.len() + 1)}
    fixed = {"role": pl.lit("train"), "split": pl.lit("train"), "source": pl.lit(path.name), "content_key": pl.lit("")}
    absent = {name: pl.lit(None, kind) for name, kind in WORK_SCHEMA.items() if name not in {*given, *fixed}}
    return read.select(**given, **fixed, **absent).select(*WORK_SCHEMA)


if __name__ == "__main__":
    main()
