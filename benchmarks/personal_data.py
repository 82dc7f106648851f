"""Personal data found in presidio's synthetic texts: ours beside presidio-analyzer's pattern recognisers.

python -m benchmarks.personal_data --peer-python ENV/bin/python [--json OUT]

A value counts as found where a span of its type overlaps it, and a span as right where it overlaps a value of its type.
The peer's spans bear scores: for each type its best threshold by F2 is taken, seen on these very texts, which favours
it. Types that need a language model (names, places) are left out: neither side has one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.record import conditions, write_record
from tunewright.data.private.find import find_spans, recognisers

if TYPE_CHECKING:
    from collections.abc import Collection

KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "national_id",
    "IP_ADDRESS": "ip",
}
"""The types that both sides have."""
PAIRS = 3
Stretch = tuple[int, int, int]
"""Text, start and end."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well one type was found."""

    precision: float | None
    recall: float
    f2: float
    exact: float
    """Share of the values that were found with their very bounds."""


def scored(values: Collection[Stretch], spans: Collection[Stretch]) -> Score:
    """Precision, recall and F2, which weighs recall four times as much, of spans against the values there are."""
    found = sum(any(_meet(value, span) for span in spans) for value in values)
    right = sum(any(_meet(value, span) for value in values) for span in spans)
    recall, precision = found / len(values), right / len(spans) if spans else None
    f2 = 5 * (precision or 0) * recall / (4 * (precision or 0) + recall) if found else 0.0
    return Score(precision, recall, f2, len(set(values) & set(spans)) / len(values))


def _meet(one: Stretch, other: Stretch) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def our_spans(texts: list[str]) -> tuple[dict[str, set[Stretch]], float]:
    """Our spans by type, and the seconds they took."""
    table = recognisers()
    begun = time.perf_counter()
    found = find_spans(pl.Series(texts), table)
    seconds = time.perf_counter() - begun
    return {
        name: {(n, span.start, span.end) for n, spans in found.items() for span in spans if span.kind == kind}
        for name, kind in KINDS.items()
    }, seconds


def peer_answer(python: Path, texts: list[str]) -> dict[str, Any]:
    """What the peer found."""
    with tempfile.TemporaryDirectory() as folder:
        request, reply = Path(folder) / "request.json", Path(folder) / "answer.json"
        request.write_text(json.dumps(texts), encoding="utf-8")
        command = [str(python), "-m", "benchmarks.presidio_peer", str(request), str(reply)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
        answer: dict[str, Any] = json.loads(reply.read_text())
    return answer


def peer_score(values: Collection[Stretch], spans: list[list[Any]]) -> tuple[Score, float]:
    """The peer's score at its best threshold, and that."""
    thresholds = sorted({span[3] for span in spans} | {0.0})
    tried = [(scored(values, {tuple(s[:3]) for s in spans if s[3] >= least}), least) for least in thresholds]
    return max(tried, key=lambda pair: pair[0].f2)


def main() -> None:
    """Prints the table and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "personal_data.json")
    options = parser.parse_args()
    path = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "presidio_synthetic_pii" / "pii_spans.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    pairs, ours, peer = [], {}, {}
    for turn in range(PAIRS + 1):
        ours, seconds = our_spans(texts)
        peer = peer_answer(options.peer_python, texts)
        if turn:  # the first of each warms up
            pairs.append({"ours_s": seconds, "peer_s": peer["seconds"], "ratio": peer["seconds"] / seconds})
    found = []
    for name in KINDS:
        values = {(n, s["start"], s["end"]) for n, row in enumerate(rows) for s in row["spans"] if s["label"] == name}
        theirs, threshold = peer_score(values, peer["spans"][name])
        own = scored(values, ours[name])
        found.append({"type": name, "values": len(values), "ours": asdict(own), "peer": asdict(theirs)})
        found[-1] |= {"peer_threshold": threshold, "behind": own.f2 < theirs.f2}
        print(f"{name:14} n={len(values):4}  ours {_said(own)}   presidio {_said(theirs)}")
    ratios = [pair["ratio"] for pair in pairs]
    print(f"texts/s, ours / presidio: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
    record = conditions(texts=len(texts), peer=f"presidio-analyzer {peer['version']}")
    speed = {"ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios), "pairs": pairs}
    write_record(options.json, {**record, "rows": found, "speed": speed})


def _said(score: Score) -> str:
    precision = "–" if score.precision is None else f"{score.precision:.3f}"
    return f"P {precision} R {score.recall:.3f} F2 {score.f2:.3f} exact {score.exact:.3f}"


if __name__ == "__main__":
    main()
