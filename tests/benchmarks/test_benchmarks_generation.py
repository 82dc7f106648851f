"""What the generation benchmarks compare by, and what their page says of a record."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [([5, 6, 7], [-100, 6, 7]), ([8, 9], [-100, 9])]


@pytest.fixture(autouse=True)
def _benchmarks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_fingerprint_knows_ids_and_labels_but_no_order() -> None:
    from benchmarks.measure import fingerprint  # noqa: PLC0415  # found once the fixture has named its place

    whole = fingerprint(ROWS)
    assert fingerprint(reversed(ROWS)) == whole
    assert fingerprint([([5, 6, 7], [-100, -100, 7]), ROWS[1]]) != whole, "another mask"
    assert fingerprint([([5, 4, 7], [-100, 6, 7]), ROWS[1]]) != whole, "other ids"
    assert fingerprint([*ROWS, ROWS[0]]) != whole, "a row twice"


def test_packed_rows_have_the_fingerprint_of_rows_of_their_own() -> None:
    from benchmarks.measure import laid_out  # noqa: PLC0415  # as above

    alone = [{"input_ids": ids, "labels": labels} for ids, labels in ROWS]
    packed = [{"input_ids": [5, 6, 7, 8, 9], "labels": [-100, 6, 7, -100, 9], "seq_lengths": [3, 2]}]
    assert list(laid_out(alone)) == list(laid_out(packed)) == ROWS


def test_our_rows_have_the_fingerprint_of_the_same_ids_and_labels() -> None:
    from benchmarks.generation_rows import row_fingerprint  # noqa: PLC0415  # as above
    from benchmarks.measure import fingerprint  # noqa: PLC0415  # as above

    from tunewright.core.encoded import EncodedRow  # noqa: PLC0415  # as above
    from tunewright.data.token_rows import rows_of  # noqa: PLC0415  # as above

    encoded = [EncodedRow([5, 6, 7], ((1, 3),)), EncodedRow([8, 9], ((1, 2),))]
    assert row_fingerprint(rows_of(["a", "b"], [encoded], key="k", layout="causal")) == fingerprint(ROWS)


def record(*, loss_above_peer: float) -> dict[str, Any]:
    pair = {"ours": {"loss": 3.5 * (1 + loss_above_peer)}, "peer": {"loss": 3.5}}
    row = {"peer": "TRL best", "vocabulary": 8192, "device": "cpu", "threads": 2, "steps": 560, "skipped": 50}
    row |= {"ratio": 2.5, "ratio_min": 2.25, "ratio_max": 2.75, "memory_ratio": 0.5, "pairs": [pair] * 3}
    row |= {"equal_quality": loss_above_peer <= 0.01, "versions": {"trl": "1.16.0", "torch": "2.13.0"}}
    conditions = {"command": "python -m x", "environment": {"python": "3.11.7", "code_commit": "abc"}}
    return {"rows": [row | {"settings": {"batch": 8, "lr": 1e-3}} | conditions]}


@pytest.mark.parametrize(("above", "word"), [(0.005, "yes"), (0.02, "no")])
def test_the_page_says_a_speed_beside_its_quality(above: float, word: str) -> None:
    from benchmarks.page import generation  # noqa: PLC0415  # as above

    (line,) = [line for line in generation(record(loss_above_peer=above)).splitlines() if line.startswith("| TRL best")]
    assert "**2.50×** | 2.25 to 2.75 | 3 | 560 (50) | 0.50×" in line
    assert line.endswith(f"({3.5:.4f}) | {word} |")


def test_the_page_has_no_row_without_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import page  # noqa: PLC0415  # as above

    monkeypatch.setattr(page, "RESULTS", tmp_path)
    page.main()
    shown = capsys.readouterr().out
    assert shown.count("Not run yet.") == len(page.SECTIONS)
    assert "|---" not in shown


def test_the_peers_side_needs_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tunewright", None)
    found = runpy.run_path(str(ROOT / "benchmarks" / "measure.py"))
    assert found["peak_mb"]() > 1
    assert "tunewright" not in (ROOT / "benchmarks" / "trl_peer.py").read_text(encoding="utf-8")
