"""One peer's clean + exact + near-duplicate removal, in its environment: `python -m benchmarks.dedup_peers ASK OUT`.

Nothing of ours is imported. The ids of the documents that stay are written, with seconds and peak memory.
"""

# ruff: noqa: PLC0415  # each peer is installed in an environment of its own

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 5
SIGNS = re.compile(r"\W+")


def main() -> None:
    """Runs the work that is asked for, and writes what stays."""
    ask = json.loads(Path(sys.argv[1]).read_text())
    load = PEERS[ask["peer"]]
    run = load(ask)  # imports, which are not timed
    started = time.perf_counter()
    kept = run(Path(ask["documents"]), Path(ask["folder"]))
    seconds = time.perf_counter() - started
    Path(sys.argv[2]).write_text(json.dumps({"kept": kept, "seconds": seconds, "peak_mb": largest_mb()}))


def largest_mb() -> float:
    """The most that this process, or one of those that it started, has held."""
    return max(peak_mb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def datasketch(ask: dict[str, Any]) -> Callable[[Path, Path], list[int]]:
    """The loop of datasketch's own documentation: sketch, query, insert; candidates checked by their sketches."""
    from datasketch import MinHash, MinHashLSH

    def run(documents: Path, _: Path) -> list[int]:
        index, seen, kept = MinHashLSH(threshold=ask["threshold"], num_perm=128), {}, []
        texts: set[str] = set()
        with documents.open(encoding="utf-8") as stream:
            for line in stream:
                document = json.loads(line)
                text = SIGNS.sub(" ", document["text"].lower()).strip()
                if text in texts:
                    continue
                texts.add(text)
                sketch = MinHash(num_perm=128)
                sketch.update_batch({text[at : at + WIDTH].encode() for at in range(len(text) - WIDTH + 1)})
                if any(seen[key].jaccard(sketch) >= ask["threshold"] - 0.1 for key in index.query(sketch)):
                    continue
                index.insert(document["id"], sketch)
                seen[document["id"]] = sketch
                kept.append(document["id"])
        return kept

    return run


def datatrove(ask: dict[str, Any]) -> Callable[[Path, Path], list[int]]:
    """Its four minhash stages with the defaults of its example, in as many processes as there are cores."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    config = MinhashConfig()
    workers = os.cpu_count() or 1

    def run(documents: Path, folder: Path) -> list[int]:
        shards = _shards(documents, folder / "in", workers)
        steps: list[tuple[list[Any], int]] = [
            ([JsonlReader(str(shards)), MinhashDedupSignature(str(folder / "sig"), config=config)], workers),
            ([MinhashDedupBuckets(str(folder / "sig"), str(folder / "buckets"), config=config)], config.num_buckets),
            ([MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), config=config)], 1),
            ([JsonlReader(str(shards)), MinhashDedupFilter(str(folder / "remove")),
              JsonlWriter(str(folder / "out"), compression=None)], workers),
        ]  # fmt: skip
        for number, (pipeline, tasks) in enumerate(steps):
            log = str(folder / f"log{number}")
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=workers, logging_dir=log).run()
        return [int(row.get("id", 0)) for path in (folder / "out").glob("*.jsonl") for row in _rows(path)]

    del ask
    return run


def data_juicer(ask: dict[str, Any]) -> Callable[[Path, Path], list[int]]:
    """Its white space mapper, exact and minhash deduplicators, by characters, in as many processes as cores."""
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.deduplicator.document_deduplicator import DocumentDeduplicator
    from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
    from data_juicer.ops.mapper.whitespace_normalization_mapper import WhitespaceNormalizationMapper
    from datasets import load_dataset

    def run(documents: Path, folder: Path) -> list[int]:
        workers = os.cpu_count() or 1
        held = load_dataset("json", data_files=str(documents), split="train", cache_dir=str(folder / "cache"))
        data = NestedDataset(held)
        for step in (
            WhitespaceNormalizationMapper(num_proc=workers),
            DocumentDeduplicator(lowercase=True, ignore_non_character=True, num_proc=workers),
            DocumentMinhashDeduplicator(
                tokenization="character", window_size=WIDTH, jaccard_threshold=ask["threshold"], num_proc=workers
            ),
        ):
            data = step.run(data)
        return list(data["id"])

    return run


def _shards(documents: Path, folder: Path, count: int) -> Path:
    folder.mkdir()
    lines = documents.read_text(encoding="utf-8").splitlines(keepends=True)
    for number in range(count):
        (folder / f"{number}.jsonl").write_text("".join(lines[number::count]), encoding="utf-8")
    return folder


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


PEERS = {"datasketch": datasketch, "datatrove": datatrove, "data-juicer": data_juicer}

if __name__ == "__main__":
    main()
