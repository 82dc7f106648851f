"""Balance touches training rows alone; every copy names its parent, and every row that leaves is on record."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import RecipeError
from tunewright.data.balance import balance
from tunewright.data.columns import Columns
from tunewright.data.derived import DERIVED
from tunewright.recipe.balance import Oversample, Temperature, Undersample
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.data.prepare import Prepared

COLUMNS = ("text", "label", "language")
LABELS = Columns(input=("text",), target="label")
SPECS = st.one_of(
    st.builds(Oversample, to=st.sampled_from([0.3, 0.5, 1.0]), most=st.sampled_from([1, 2, 10])),
    st.builds(Undersample, to=st.sampled_from([1.0, 1.5, 3.0])),
    st.builds(Temperature, temperature=st.sampled_from([1.0, 2.0, 100.0]), most=st.sampled_from([2, 10])),
)
COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 30), min_size=1)


def frame(counts: dict[str, int], split: str = "train", meta: str = "{}") -> pl.DataFrame:
    """Rows of these labels, with all that balancing looks at."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    names = ("row_id", "content_key", "source", "line", "group", "split", "input", "messages", "target", "meta")
    held: dict[str, Any] = {name: [f"{split} {n}" for n in range(len(labels))] for name in names}
    held |= {"line": list(range(len(labels))), "split": [split] * len(labels), "target": labels}
    return pl.DataFrame({**held, "meta": [meta] * len(labels)})


def uneven(language: bool = False) -> list[dict[str, str]]:
    """Sixty rows of one label, twelve of another; every fourth row is in German."""
    rows = [*tickets(120, labels=("refund", "refund"))[:60], *tickets(12, labels=("delivery",), start=200)]
    return [{**row, "language": "de" if n % 4 == 0 else "en"} for n, row in enumerate(rows)]


def in_balance(folder: Path, spec: Any) -> Prepared:
    write_csv(folder / "train.csv", uneven(), COLUMNS)
    return prepared(folder, DataSpec(train="train.csv", balance=spec))


@law(150)
@given(COUNTS, SPECS, st.integers(0, 5))
def test_only_training_rows_are_touched_and_all_are_accounted_for(
    counts: dict[str, int], spec: Any, shuffle: int
) -> None:
    train, others = frame(counts), pl.concat([frame(counts, "validation"), frame(counts, "test")])
    rows = pl.concat([train, others])
    found = balance(rows, spec, LABELS, task="classification", seed=3)
    assert found.rows.filter(pl.col("split") != "train").equals(others)
    assert found.rows["row_id"].is_unique().all()
    assert found.rows.height == rows.height + found.copied - found.dropped.height
    after = Counter(found.rows.filter(pl.col("split") == "train")["target"])
    assert {group: now for group, (_, now) in found.groups.items()} == dict(after)
    assert {group: n for group, (n, _) in found.groups.items()} == counts
    again = balance(rows.sample(fraction=1.0, shuffle=True, seed=shuffle), spec, LABELS, task="classification", seed=3)
    assert again.rows.sort("row_id").equals(found.rows.sort("row_id"))


@law(100)
@given(COUNTS, SPECS)
def test_groups_come_to_the_sizes_that_the_recipe_names(counts: dict[str, int], spec: Any) -> None:
    groups = balance(frame(counts), spec, LABELS, task="classification", seed=3).groups
    largest, smallest = max(counts.values()), min(counts.values())
    for before, after in groups.values():
        if isinstance(spec, Oversample):
            assert before <= after <= max(before, min(before * spec.most, spec.to * largest + 1))
            assert after >= min(before * spec.most, spec.to * largest)
        elif isinstance(spec, Undersample):
            assert after == min(before, int(spec.to * smallest))
        else:
            aim = largest * (before / largest) ** (1 / spec.temperature)
            assert after == pytest.approx(min(before * spec.most, aim), abs=0.51)
    ordered = sorted(groups.values())
    assert ordered == sorted(ordered, key=lambda pair: pair[1]), "a larger group never becomes the smaller one"


@law(60)
@given(COUNTS, st.integers(2, 10))
def test_the_copies_of_a_group_are_spread_evenly(counts: dict[str, int], most: int) -> None:
    found = balance(frame(counts), Oversample(most=most), LABELS, task="classification", seed=3)
    made = [json.loads(meta).get(DERIVED) for meta in found.rows["meta"]]
    times = Counter(found.train["row_id"]) + Counter(mark["parent"] for mark in made if mark)
    targets = dict(zip(found.train["row_id"], found.train["target"], strict=True))
    for label in counts:
        each = [n for row, n in times.items() if targets[row] == label]
        assert max(each) - min(each) <= 1
        assert max(each) <= most


def test_a_copy_says_what_its_parent_says_and_names_it(tmp_path: Path) -> None:
    found = in_balance(tmp_path, Oversample())
    train = found.splits["train"]
    parents = {row["row_id"]: row for row in train.to_dicts()}
    copies = [row for row in train.to_dicts() if DERIVED in json.loads(row["meta"])]
    assert len(copies) == found.profile.copied > 20
    for copy in copies:
        mark = json.loads(copy["meta"])[DERIVED]
        parent = parents[mark["parent"]]
        assert mark["method"] == "oversample"
        assert all(copy[name] == parent[name] for name in ("content_key", "source", "line", "input", "target"))
        assert json.loads(copy["meta"])["language"] == json.loads(parent["meta"])["language"]
    before, after = found.profile.balanced["delivery"]
    assert before < after == found.profile.balanced["refund"][0]
    assert found.profile.splits["train"].labels == {"delivery": after, "refund": after}
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values()) == 72 + len(copies)


def test_the_imbalance_that_is_told_is_that_of_the_data(tmp_path: Path) -> None:
    plain, even = in_balance(tmp_path, None), in_balance(tmp_path, Oversample())
    assert even.profile.imbalance_ratio == plain.profile.imbalance_ratio > 4
    assert even.profile.unbalanced_labels == plain.profile.splits["train"].labels
    assert plain.profile.unbalanced_labels == {}
    assert even.splits["test"].equals(plain.splits["test"])
    assert even.splits["validation"].equals(plain.splits["validation"])
    assert even.lock == plain.lock


def test_rows_leave_by_a_rule(tmp_path: Path) -> None:
    found = in_balance(tmp_path, Undersample(to=2.0))
    small, large = found.profile.balanced["delivery"], found.profile.balanced["refund"]
    assert small[0] == small[1]
    assert large[1] == 2 * small[0]
    assert found.profile.dropped == {"undersampled": large[0] - large[1]}
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values()) == 72


def test_temperature_goes_by_the_values_of_a_column(tmp_path: Path) -> None:
    found = in_balance(tmp_path, Temperature(column="language", temperature=2.0))
    german, english = found.profile.balanced["de"], found.profile.balanced["en"]
    assert english[0] == english[1]
    assert german[1] == round(english[0] * (german[0] / english[0]) ** 0.5)
    (told,) = (finding for finding in found.profile.findings if finding.kind == "balance")
    assert f"'de' {german[0]} → {german[1]}" in told.message


def test_rows_without_a_value_stay_once(tmp_path: Path) -> None:
    rows = [{**row, "language": "" if n % 3 == 0 else row["language"]} for n, row in enumerate(uneven())]
    write_csv(tmp_path / "train.csv", rows, COLUMNS)
    plain = prepared(tmp_path)
    found = prepared(tmp_path, DataSpec(train="train.csv", balance=Oversample(column="language")))
    unnamed = {row["row_id"] for row in plain.splits["train"].to_dicts() if not json.loads(row["meta"])["language"]}
    assert unnamed
    assert set(found.profile.balanced) == {"de", "en"}
    kept = Counter(found.splits["train"]["row_id"])
    assert all(kept[row] == 1 for row in unnamed)
    parents = [json.loads(meta).get(DERIVED, {}).get("parent") for meta in found.splits["train"]["meta"]]
    assert not unnamed & set(parents)


def test_a_group_too_small_for_its_goal_is_told(tmp_path: Path) -> None:
    found = in_balance(tmp_path, Oversample(most=2))
    (told,) = (finding for finding in found.profile.findings if finding.kind == "balance_capped")
    before, after = found.profile.balanced["delivery"]
    assert after == 2 * before
    assert f"'delivery' ({before})" in told.message


def test_a_column_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"names 'langage', which the data lacks \(did you mean 'language'\?\)"):
        in_balance(tmp_path, Oversample(column="langage"))


def test_raw_text_is_balanced_by_a_column_or_not_at_all(tmp_path: Path) -> None:
    rows = [{"text": r["text"], "language": r["language"]} for r in uneven()]
    write_csv(tmp_path / "train.csv", rows, ("text", "language"))
    spec = DataSpec(train="train.csv", input="text", balance=Oversample())
    with pytest.raises(RecipeError, match="neither labels nor answers"):
        prepared(tmp_path, spec, task="language_modelling")
    by_column = spec.model_copy(update={"balance": Oversample(column="language")})
    found = prepared(tmp_path, by_column, task="language_modelling")
    assert len({after for _, after in found.profile.balanced.values()}) == 1
