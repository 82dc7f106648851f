"""Our recognisers on presidio's synthetic texts, with floors for each type that patterns can tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from data_room import public_data

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.datasets

FLOORS: Mapping[str, tuple[float, float]] = {
    "EMAIL_ADDRESS": (1.0, 1.0),
    "PHONE_NUMBER": (0.95, 0.95),
    "CREDIT_CARD": (0.98, 0.98),
    "IBAN_CODE": (1.0, 1.0),
    "US_SSN": (1.0, 1.0),
    "IP_ADDRESS": (1.0, 1.0),
}
"""Type to the least precision and recall."""


@pytest.fixture(scope="module")
def scores() -> Mapping[str, Any]:
    path = public_data() / "presidio_synthetic_pii" / "pii_spans.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
        from benchmarks.personal_data import our_spans, scored  # noqa: PLC0415  # found once its place is named

        spans, _ = our_spans([row["text"] for row in rows])
    return {
        name: scored(
            {(n, s["start"], s["end"]) for n, row in enumerate(rows) for s in row["spans"] if s["label"] == name},
            found,
        )
        for name, found in spans.items()
    }


@pytest.mark.parametrize("name", FLOORS)
def test_a_type_is_found_as_well_as_its_floors_say(name: str, scores: Mapping[str, Any]) -> None:
    score, (precision, recall) = scores[name], FLOORS[name]
    print(f"{name}: precision {score.precision:.3f}, recall {score.recall:.3f}, F2 {score.f2:.3f}")
    assert score.precision >= precision
    assert score.recall >= recall
