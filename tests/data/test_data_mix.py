"""Other data sets come to training alone, by weight, and every record of theirs is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import prepared, tickets, write_csv

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.lock import write_lock
from tunewright.recipe.balance import Oversample
from tunewright.recipe.data import DataSpec
from tunewright.recipe.mix import Mixed

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.data.prepare import Prepared

OWN, OTHER = tickets(80), tickets(60, start=1000)


def mixed(folder: Path, *, weight: float = 0.5, other: list[dict[str, str]] | None = None, **spec: object) -> Prepared:
    write_csv(folder / "train.csv", OWN)
    write_csv(folder / "other.csv", OTHER if other is None else other)
    return prepared(folder, DataSpec(train="train.csv", mix=[Mixed(source="other.csv", weight=weight)], **spec))


def of_other(found: Prepared) -> dict[str, int]:
    return {name: rows.filter(pl.col("source") == "other.csv").height for name, rows in found.splits.items()}


@pytest.mark.parametrize("weight", [0.1, 0.5, 3.0])
def test_rows_come_to_training_alone_as_many_as_the_weight_says(tmp_path: Path, weight: float) -> None:
    found = mixed(tmp_path, weight=weight)
    plain = prepared(tmp_path)
    wanted = int(weight * plain.splits["train"].height + 0.5)
    assert of_other(found) == {"train": min(60, wanted), "validation": 0, "test": 0}
    assert found.profile.mixed == {"other.csv": min(60, wanted)}
    assert found.splits["test"].equals(plain.splits["test"])
    assert found.lock == plain.lock
    assert found.profile.read == 140 == found.profile.kept + sum(found.profile.dropped.values())
    assert found.profile.dropped.get("mix_not_drawn", 0) == 60 - min(60, wanted)
    (told,) = (f for f in found.profile.findings if f.kind == "mix")
    assert told.severity == ("warning" if wanted > 60 else "note")


def test_no_mixed_row_shares_a_text_with_validation_or_test_or_repeats_a_training_row(tmp_path: Path) -> None:
    found = mixed(tmp_path, weight=3.0, other=[{**row, "text": row["text"].upper()} for row in OWN] + OTHER)
    keys = {name: set(rows["content_key"]) for name, rows in found.splits.items()}
    assert not keys["train"] & (keys["validation"] | keys["test"])
    assert found.splits["train"]["content_key"].is_unique().all()
    held = found.splits["validation"].height + found.splits["test"].height
    assert found.profile.dropped == {"mix_leak": held, "mix_repeated": 80 - held}
    assert of_other(found)["train"] == 60


def test_rows_are_cleaned_and_recorded_like_all_others(tmp_path: Path) -> None:
    other = [{"text": "  two   blanks ", "label": "Refund"}, {"text": "", "label": "refund"}, OTHER[0], OTHER[0]]
    found = mixed(tmp_path, weight=1.0, other=other, label_map={"Refund": "refund"})
    assert found.profile.dropped == {"exact_duplicate": 1, "missing_text": 1}
    assert {"label_map": 1, "whitespace": 1}.items() <= found.profile.changed.items()
    texts = found.splits["train"].filter(pl.col("source") == "other.csv")["input"].to_list()
    assert sorted(texts) == sorted(["two blanks", OTHER[0]["text"]])


def test_the_draw_depends_on_the_seed_and_the_rows_and_not_on_their_order(tmp_path: Path) -> None:
    first = mixed(tmp_path, weight=0.2)
    write_lock(tmp_path / "tunewright.lock", first.lock)
    assert mixed(tmp_path, weight=0.2).splits["train"].equals(first.splits["train"])
    more = mixed(tmp_path, weight=0.4).splits["train"]["row_id"]
    assert set(first.splits["train"]["row_id"]) <= set(more), "a higher weight keeps what a lower one drew"


def test_columns_of_other_names_are_named_in_the_mix(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", OWN)
    rows = [{"body": row["text"], "queue": row["label"]} for row in OTHER]
    write_csv(tmp_path / "other.csv", rows, ("body", "queue"))
    named = Mixed(source="other.csv", weight=0.5, input="body", target="queue")
    assert of_other(prepared(tmp_path, DataSpec(train="train.csv", mix=[named])))["train"] > 20
    wrong = named.model_copy(update={"target": "que"})
    with pytest.raises(RecipeError, match=r"other\.csv has no column 'que'"):
        prepared(tmp_path, DataSpec(train="train.csv", mix=[wrong]))


def test_labels_that_nobody_could_test_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"2 labels that no training row has: 'deliveri'.*did you mean 'delivery'.*, 'x'"
    ):
        mixed(tmp_path, other=[*OTHER, {"text": "a", "label": "x"}, {"text": "b", "label": "deliveri"}])


def test_a_source_is_read_once(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", OWN)
    with pytest.raises(RecipeError, match=r"data\.mix\.0\.source: names 'train.csv'"):
        prepared(tmp_path, DataSpec(train="train.csv", mix=[Mixed(source="train.csv")]))


def test_mixed_rows_are_brought_into_balance_with_the_others(tmp_path: Path) -> None:
    other = [row for row in OTHER if row["label"] == "refund"]
    found = mixed(tmp_path, weight=1.0, other=other, balance=Oversample())
    assert len(set(found.profile.splits["train"].labels.values())) == 1
    assert found.profile.mixed["other.csv"] == 30
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values()) == 110 + found.profile.copied


def test_answers_are_mixed_for_tasks_that_write(tmp_path: Path) -> None:
    rows = [{"prompt": f"question {n}", "answer": f"the answer {n}"} for n in range(60)]
    write_csv(tmp_path / "train.csv", rows[:40], ("prompt", "answer"))
    write_csv(tmp_path / "general.csv", rows[40:], ("prompt", "answer"))
    spec = DataSpec(train="train.csv", mix=[Mixed(source="general.csv", weight=0.25)])
    found = prepared(tmp_path, spec, task="generation")
    train = found.splits["train"]
    drawn = train.filter(pl.col("source") == "general.csv")
    assert drawn.height == int(0.25 * (train.height - drawn.height) + 0.5)
    assert drawn["messages"].is_not_null().all()
