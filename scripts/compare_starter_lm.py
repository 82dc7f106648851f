"""Measure the starter language model on books it has not seen, beside n-gram models and compressors.

    python scripts/compare_starter_lm.py --model DIR [--json FILE] [--card]

Every figure is bits per byte of the same text; ends of documents are paid for by all and counted as bytes by none.
Ends with status 1 unless the model lies below the best n-gram model and the best compressor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import torch

from starter_lm.card import write_card
from starter_lm.comparison import Comparison, Row, compare
from starter_lm.corpus import Books, sha256


def parse_arguments() -> argparse.Namespace:
    """Return the settings of the command line."""
    datasets = os.environ.get("TUNEWRIGHT_DATASETS")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder written by pretrain_starter_lm.py")
    parser.add_argument("--data", type=Path, default=Path(datasets) / "classic_prose" if datasets else None)
    parser.add_argument("--json", type=Path, help="file to write the table to")
    parser.add_argument(
        "--card", action="store_true", help="write the model's README.md from its records and this table"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    settings = parser.parse_args()
    if settings.data is None:
        parser.error("--data: give the folder of classic_prose, or set TUNEWRIGHT_DATASETS")
    return settings


def format_row(row: Row) -> str:
    """Return one line of the printed table."""
    return f"{row.kind:<11}{row.name:<44}{row.bits_per_byte:>8.4f}{row.seconds:>9.1f} s"


def verdict(comparison: Comparison) -> str:
    """Return in words where the model stands."""
    model, ngram, compressor = (comparison.best(kind) for kind in ("model", "n-gram", "compressor"))
    return "\n".join(
        f"model {model.bits_per_byte:.4f}, {other.name} {other.bits_per_byte:.4f}: "
        f"{model.bits_per_byte - other.bits_per_byte:+.4f} bits per byte"
        for other in (ngram, compressor)
    )


def main() -> int:
    """Print the table and the verdict; return the exit status."""
    settings = parse_arguments()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    books = Books.read(settings.data)
    print(f"unseen books: {len(books.unseen)} documents, {books.n_bytes:,} bytes\n", flush=True)
    print(f"{'kind':<11}{'':<44}{'bits/byte':>8}{'time':>10}", flush=True)
    rows = []
    for row in compare(books, settings.model, device=torch.device(settings.device)):
        print(format_row(row), flush=True)
        rows.append(row)
    comparison = Comparison(
        rows=tuple(rows),
        model_file=sha256(settings.model / "model.safetensors"),
        n_bytes=books.n_bytes,
        n_documents=len(books.unseen),
    )
    print(f"\n{verdict(comparison)}", flush=True)
    if settings.json:
        settings.json.write_text(json.dumps(comparison.as_json(), indent=2) + "\n", encoding="utf-8")
    if settings.card:
        write_card(settings.model, comparison)
    return 0 if comparison.model_is_below_both else 1


if __name__ == "__main__":
    sys.exit(main())
