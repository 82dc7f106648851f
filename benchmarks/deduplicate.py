"""Speed of clean + exact + near-duplicate removal against datasketch, datatrove and data-juicer, and its growth.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.deduplicate --json OUT [--documents 100000] [--pairs 3]
        [--peer datasketch=PYTHON] [--peer datatrove=PYTHON] [--peer data-juicer=PYTHON] [--growth 10000 100000 1000000]
        [--work FOLDER]

Ours and each peer take turns (A B A B …) on the same file, each in a process of its own; imports are not timed. A run
counts with its recall (planted copies that are removed) and precision (removed documents that are planted copies, or of
a family of which another stays). Rows that OUT holds already are kept.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.dedup_corpus import write_documents
from benchmarks.record import conditions, write_record

THRESHOLD = 0.8


def main() -> None:
    """Runs the pairs and the growth, prints a line each, and writes the record."""
    options = _options()
    folder = options.work or Path(tempfile.mkdtemp(prefix="tunewright-dedup-"))
    kept = json.loads(options.json.read_text()) if options.json.exists() else {"rows": [], "growth": []}
    rows, growth = kept["rows"], kept["growth"]
    if options.peer:
        documents = _documents(folder, options.documents)
        for named in options.peer:
            peer, python = named.split("=", 1)
            rows = [row for row in rows if (row["peer"], row["documents"]) != (peer, options.documents)]
            rows.append(_against(peer, python, documents, options, folder))
            print(_line(rows[-1]), flush=True)
    for count in options.growth:
        path = _documents(folder, count, short=True)
        found = _quality(_run(sys.executable, "ours", path, folder), path)
        growth = [*(row for row in growth if row["documents"] != count), {"documents": count, **found}]
        print(f"{count:,} short documents: {found['peak_mb']:,.0f} MB, recall {found['recall']:.4f}", flush=True)
    growth = sorted(growth, key=lambda row: row["documents"])
    record = {"rows": rows, "growth": growth, "exponent": exponent(growth), **conditions(threshold=THRESHOLD)}
    write_record(options.json, record)


def _documents(folder: Path, count: int, *, short: bool = False) -> Path:
    path = folder / f"{'short' if short else 'prose'}{count}.jsonl"
    if not path.exists():
        write_documents(path, count, short=short)
    return path


def exponent(growth: list[dict[str, Any]]) -> float | None:
    """The slope of log seconds over log documents, by least squares; None of fewer than two sizes."""
    if len(growth) < 2:
        return None
    logs = [(math.log(row["documents"]), math.log(row["seconds"])) for row in growth]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def _against(peer: str, python: str, documents: Path, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    pairs = []
    for _ in range(options.pairs):
        ours = _quality(_run(sys.executable, "ours", documents, folder), documents)
        theirs = _quality(_run(python, peer, documents, folder), documents)
        pairs.append({"ours": ours, "peer": theirs, "ratio": theirs["seconds"] / ours["seconds"]})
    ratios = [pair["ratio"] for pair in pairs]
    return {
        "peer": peer,
        "documents": options.documents,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "pairs": pairs,
    }


def _run(python: str, name: str, documents: Path, folder: Path) -> dict[str, Any]:
    work = Path(tempfile.mkdtemp(dir=folder))
    ask, answer = work / "ask.json", work / "answer.json"
    ask.write_text(json.dumps({"peer": name, "documents": str(documents), "folder": str(work), "threshold": THRESHOLD}))
    module = "benchmarks.dedup_ours" if name == "ours" else "benchmarks.dedup_peers"
    subprocess.run([python, "-m", module, str(ask), str(answer)], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def _quality(found: dict[str, Any], documents: Path) -> dict[str, Any]:
    """The run's figures with recall and precision in the place of the ids that stay."""
    stays = set(found.pop("kept"))
    families: dict[int, list[int]] = {}
    with documents.open(encoding="utf-8") as stream:
        for line in stream:
            document = json.loads(line)
            families.setdefault(document["id"] if document["of"] is None else document["of"], []).append(document["id"])
    copies = sum(len(family) - 1 for family in families.values())
    left = [sum(number in stays for number in family) for family in families.values()]
    removed = sum(len(family) for family in families.values()) - len(stays)
    wrong = sum(count == 0 for count in left)  # the whole family is gone: one of it was no copy
    remaining = sum(max(count - 1, 0) for count in left)
    return {**found, "recall": 1 - remaining / copies, "precision": 1 - wrong / removed if removed else None}


def _line(row: dict[str, Any]) -> str:
    last = row["pairs"][-1]
    quality = ", ".join(
        f"{side} recall {last[side]['recall']:.4f} precision {last[side]['precision']:.4f}" for side in ("ours", "peer")
    )
    span = f"({row['ratio_min']:.1f} to {row['ratio_max']:.1f})"
    return f"{row['peer']}: {row['ratio']:.1f}x {span}, {row['documents']:,} documents; {quality}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of duplicate removal")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--growth", type=int, nargs="*", default=[])
    parser.add_argument("--work", type=Path, help="folder that keeps the documents for another run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
