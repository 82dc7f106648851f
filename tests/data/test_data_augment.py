"""New rows have parents in training, never reach or repeat what is held back, and depend on the seed alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from augment_room import EDA, frame, made, marks, tools, words
from data_room import WordsEncoder, law, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, RecipeError
from tunewright.core.rows import SPLITS
from tunewright.data.augment.audit import leak_findings
from tunewright.data.augment.rows import Augmented
from tunewright.data.derived import derived_meta
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.work import by_split
from tunewright.recipe.augment import AugmentSpec, method_name
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [method_name(method) for method in AugmentSpec.model_validate({"methods": EDA}).methods]
WORDS = st.sampled_from(["card", "lost", "refund", "Delivery", "late", "money", "<EMAIL_1>", "back?", "where's", "THE"])
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
ROWS = st.lists(
    st.tuples(TEXTS, st.sampled_from(["refund", "delivery"]), st.sampled_from(SPLITS)), min_size=1, max_size=25
)


def ticket_frame(count: int = 40, split: str = "train") -> pl.DataFrame:
    """Texts of eight made-up words and the name of their label."""
    labels = ("delivery", "refund")
    return frame([(f"{words(n, 8)} {labels[n % 2]}", labels[n % 2], split) for n in range(count)])


@law(30)
@given(ROWS, st.integers(0, 3))
def test_new_rows_are_sound_whatever_the_rows_are(texts: list[tuple[str, str, str]], shuffle: int) -> None:
    rows = frame(texts)
    found = made(rows, methods=EDA, agreement=False)
    added, others = found.added, rows.filter(pl.col("split") != "train")
    train = {row["row_id"]: row for row in rows.filter(pl.col("split") == "train").to_dicts()}
    assert set(added["split"]) <= {"train"}
    assert not set(added["content_key"]) & set(others["content_key"])
    assert (rows["row_id"].to_list() + added["row_id"].to_list()).__len__() == len({*rows["row_id"], *added["row_id"]})
    for row, mark in zip(added.to_dicts(), marks(added), strict=True):
        parent = train[mark["parent"]]
        assert all(row[name] == parent[name] for name in ("target", "group", "source", "line", "role"))
        assert row["input"] != parent["input"]
    assert added["input"].is_unique().all()
    assert not set(added["input"]) & set(rows["input"])
    for one in found.made:
        assert one.made == one.rows + sum(one.refused.values())
    assert sum(one.rows for one in found.made) == added.height
    if added.height:
        (told,) = leak_findings(by_split(pl.concat([rows, added])), NAMES)
        assert (told.kind, told.count) == ("augment_sealed", added.height)
    again = made(rows.sample(fraction=1.0, shuffle=True, seed=shuffle), methods=EDA, agreement=False)
    assert again.added.equals(added)


def test_another_seed_makes_other_rows_and_the_same_seed_the_same() -> None:
    rows = ticket_frame()
    first, again, other = (made(rows, seed=seed, methods=EDA) for seed in (3, 3, 4))
    assert first.added.equals(again.added)
    assert first.added["input"].to_list() != other.added["input"].to_list()


@pytest.mark.parametrize("method", EDA, ids=NAMES)
def test_each_method_changes_what_its_name_says(method: dict[str, Any]) -> None:
    rows = ticket_frame()
    found = made(rows, methods=[method], agreement=False)
    assert found.added.height > 20
    before = dict(zip(rows["row_id"], rows["input"], strict=True))
    for text, mark in zip(found.added["input"], marks(found.added), strict=True):
        old, new = before[mark["parent"]].split(), text.split()
        if method["kind"] == "deletion":
            assert len(new) == len(old) - round(0.3 * len(old))
            assert not Counter(new) - Counter(old)
        elif method["kind"] == "swap":
            assert sorted(new) == sorted(old)
        elif method["kind"] == "casing":
            assert text.lower() == before[mark["parent"]].lower()
        else:
            changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
            assert 1 <= len(changed) <= round(0.3 * len(old))
            assert all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in changed)


def test_a_new_row_says_what_no_other_row_says() -> None:
    rows = frame([("late late late", "delivery", "train"), ("late late", "delivery", "train")])
    found = made(rows, methods=[{"kind": "deletion", "copies": 4}], agreement=False)
    assert sorted(found.added["input"]) == ["late"]
    assert found.made[0].refused == {"repeats": 7}


def test_a_text_of_the_test_is_never_made() -> None:
    held_back = [("late parcel", "delivery", "test"), ("my parcel", "delivery", "validation")]
    rows = frame([("my late parcel", "delivery", "train"), *held_back])
    found = made(rows, methods=[{"kind": "deletion", "copies": 20}], agreement=False)
    assert found.added["input"].to_list() == ["my late"]
    assert found.made[0].refused["held_back"] > 0


def test_what_is_nearly_a_text_of_the_test_is_refused() -> None:
    text = words(1, 40)
    nearly = text.replace(text.split()[20], "other")
    rows = frame([(text, "delivery", "train"), (nearly, "delivery", "test")])
    found = made(rows, methods=[{"kind": "deletion", "rate": 0.01}, {"kind": "swap", "rate": 0.01}], agreement=False)
    refused = Counter(reason for one in found.made for reason in one.refused)
    assert not found.added.height
    assert set(refused) <= {"near_held_back", "holds_held_back"}


def test_a_new_row_that_the_classifier_gives_another_label_is_refused() -> None:
    rows = frame(
        [(f"refund {words(n, 2)}", "refund", "train") for n in range(30)] + [("delivery", "delivery", "train")]
    )
    found = made(rows, methods=[{"kind": "deletion", "rate": 0.34}])
    assert found.made[0].refused["other_label"] > 0
    assert all("refund" in text for text in found.added["input"])
    free = made(rows, methods=[{"kind": "deletion", "rate": 0.34}], agreement=False)
    assert any("refund" not in text for text in free.added["input"])


def test_rows_that_the_classifier_cannot_judge_stay() -> None:
    """It gives the parents another label themselves: what it says of their children means nothing."""
    rows = frame([(words(n, 6), "refund", "train") for n in range(20)] + [("delivery", "delivery", "train")])
    found = made(rows, methods=[{"kind": "swap"}])
    assert "other_label" not in found.made[0].refused
    assert found.added.height == 20


def test_texts_too_far_from_their_parents_or_too_near_are_refused() -> None:
    rows = ticket_frame()
    methods = [{"kind": "deletion", "rate": 0.5}, {"kind": "swap"}]
    found = made(rows, methods=methods, similarity={"least": 0.9, "most": 0.999})
    far, near = found.made
    assert far.refused["too_far"] > 0
    assert near.refused["too_near"] == 40  # the letters are the same


def test_words_to_keep_and_placeholders_are_never_touched() -> None:
    rows = frame([(f"do NOT charge <CARD_{n}> {words(n, 3)}", "refund", "train") for n in range(30)])
    found = made(rows, methods=[*EDA[:3], {"kind": "paraphrase", "model": "m"}], keep=["not"], agreement=False)
    assert found.added.height > 80
    for text, mark in zip(found.added["input"], marks(found.added), strict=True):
        number = rows["row_id"].to_list().index(mark["parent"])
        assert "NOT" in text.split()
        assert f"<CARD_{number}>" in text.split()


def test_small_labels_are_brought_up_to_a_size_and_large_ones_left() -> None:
    texts = [(f"refund {words(n, 6)}", "refund", "train") for n in range(30)]
    texts += [(f"delivery {words(100 + n, 6)}", "delivery", "train") for n in range(6)]
    found = made(frame(texts), methods=[{"kind": "swap", "copies": 3}, {"kind": "typos", "copies": 3}], per_class=20)
    assert Counter(found.added["target"]) == {"delivery": 14}
    assert sum(one.made for one in found.made) == 36
    assert sum(one.refused["enough"] for one in found.made) == 36 - 14 - sum(
        count for one in found.made for reason, count in one.refused.items() if reason != "enough"
    )
    assert {mark["method"] for mark in marks(found.added)} == {"swap", "typos"}


def test_labels_that_have_enough_rows_get_none() -> None:
    found = made(ticket_frame(), methods=EDA, per_class=20)
    assert found.added.is_empty()
    assert [one.made for one in found.made] == [0] * len(EDA)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_share_is_taken_of_each_label(share: float) -> None:
    texts = [(f"refund {words(n, 6)}", "refund", "train") for n in range(30)]
    texts += [(f"delivery {words(100 + n, 6)}", "delivery", "train") for n in range(10)]
    found = made(frame(texts), methods=[{"kind": "swap", "share": share}], agreement=False)
    assert Counter(found.added["target"]) == {"refund": 30 * share, "delivery": 10 * share}


def test_synonyms_come_from_a_file_and_keep_capitals(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("word,synonyms\nparcel,package;box\nLATE,overdue\n", encoding="utf-8")
    source = {"kind": "thesaurus", "file": "words.csv"}
    rows = frame([("My Parcel is LATE!", "delivery", "train")])
    spec: dict[str, Any] = {"methods": [{"kind": "synonyms", "words": source, "rate": 0.5}], "agreement": False}
    found = {made(rows, seed=seed, folder=tmp_path, **spec).added["input"][0] for seed in range(8)}
    assert found == {"My Package is OVERDUE!", "My Box is OVERDUE!"}
    spec["methods"] = [{"kind": "insertion", "words": source}]
    (text,) = made(rows, folder=tmp_path, **spec).added["input"]
    assert len(text.split()) == 5
    assert set(text.split()) & {"package", "box", "overdue"}


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("absent.csv", None, RecipeError),
        ("words.json", '{"late": 3}', DataError),
        ("words.json", "[1, 2]", DataError),
        ("words.json", "{", DataError),
        ("words.csv", "late\nparcel,\n", DataError),
        ("words.tsv", "late\tlate\n", DataError),
    ],
)
def test_a_file_that_holds_no_synonyms_is_refused_by_name(
    tmp_path: Path, name: str, content: str | None, fault: type[Exception]
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    methods = [{"kind": "synonyms", "words": {"kind": "thesaurus", "file": name}}]
    with pytest.raises(fault, match=name):
        made(ticket_frame(4), folder=tmp_path, methods=methods)


def test_words_and_texts_of_a_model_are_asked_for_by_what_is_handed_in() -> None:
    rows = frame([("parcel overdue tomorrow", "delivery", "train"), ("parcel", "delivery", "train")])
    by_model = {"kind": "embeddings"}
    methods = [{"kind": "synonyms", "words": by_model, "rate": 0.9}, {"kind": "paraphrase", "model": "m"}]
    found = made(rows, methods=methods, agreement=False)
    texts = dict(zip([mark["method"] for mark in marks(found.added)], found.added["input"], strict=False))
    assert texts["paraphrase"].startswith("parcel overdue tomorrow really")
    replaced = [one for one in found.added["input"] if "really" not in one]
    assert all(word[-1] in "xy" for text in replaced for word in text.split())
    assert found.made[1].refused == {"nothing_made": 1}


def test_a_leak_is_an_error_whatever_made_it() -> None:
    train = ticket_frame(6)
    test = frame([("delivery is late again", "delivery", "test")], row_id=["held back"])

    def told(**changes: Any) -> str:
        parent, other = train.row(0, named=True), {"row_id": "new", "input": "delivery is somewhere else"}
        meta = derived_meta("{}", changes.pop("parent", parent["row_id"]), "swap", 1)
        new = pl.DataFrame([{**parent, **other, "meta": meta, **changes}], schema=train.schema)
        (finding,) = leak_findings(by_split(pl.concat([train, test, new])), ["swap"])
        return f"{finding.severity} {finding.kind}"

    assert told() == "note augment_sealed"
    assert told(parent="held back") == "error augment_leak"
    assert told(split="validation") == "error augment_leak"
    assert told(target="refund") == "error augment_leak"
    assert told(group="another") == "error augment_leak"
    assert told(input="Delivery is late, again") == "error augment_leak"


def whole(folder: Path, **spec: Any) -> Prepared:
    """A file of tickets prepared with augmentation."""
    data = DataSpec.model_validate({"train": "train.csv", "augment": {"methods": EDA}, **spec})
    request = Request(data, StratifiedSplit(), "classification", folder, folder / "tunewright.lock", tools=tools())
    return prepare(request, encoder=WordsEncoder())


@pytest.mark.parametrize("balance", [None, {"kind": "oversample"}, {"kind": "undersample"}, {"kind": "temperature"}])
def test_every_row_is_accounted_for_with_and_without_balance(tmp_path: Path, balance: Any) -> None:
    rows = [{"text": f"{row['text']} {words(n, 5)}", "label": row["label"]} for n, row in enumerate(tickets(90))]
    write_csv(tmp_path / "train.csv", [row for n, row in enumerate(rows) if n % 2 or n < 40])
    plain, found = whole(tmp_path, augment=None), whole(tmp_path, balance=balance)
    profile = found.profile
    added = sum(one.rows for one in profile.augmented)
    assert added > 50
    assert profile.read == profile.kept + sum(profile.dropped.values())
    assert profile.read == plain.profile.read + added + profile.copied
    assert profile.imbalance_ratio == plain.profile.imbalance_ratio
    assert profile.unbalanced_labels == plain.profile.splits["train"].labels
    assert found.splits["test"].equals(plain.splits["test"])
    assert found.splits["validation"].equals(plain.splits["validation"])
    assert found.lock == plain.lock
    train = found.splits["train"]
    ids = set(train["row_id"])
    assert all(mark["parent"] in ids for mark in marks(train) if mark)
    assert {"augmented", "augment_sealed"} <= {finding.kind for finding in profile.findings}
    assert found.candidates is not None
    assert found.candidates.filter(pl.col("refused").is_null()).height == added


def test_nothing_is_made_where_nobody_hands_in_what_that_needs(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    data = DataSpec.model_validate({"train": "train.csv", "augment": {"methods": EDA}})
    request = Request(data, StratifiedSplit(), "classification", tmp_path, tmp_path / "tunewright.lock")
    found = prepare(request, encoder=WordsEncoder())
    assert found.profile.augmented == ()
    assert found.candidates is None


def test_what_holds_private_data_once_it_is_made_is_refused_and_not_listed(tmp_path: Path) -> None:
    """Left alone between two words, digits may become a card's number."""
    rows = [
        {"text": f"pay 4111 1111 {word} 1111 1111 {label}", "label": label}
        for label, word in [("refund", words(n, 1)) for n in range(20)] + [("delivery", words(n, 1)) for n in range(9)]
    ]
    write_csv(tmp_path / "train.csv", rows)
    methods = [{"kind": "deletion", "copies": 8}]
    found = whole(tmp_path, augment={"methods": methods}, privacy={"card": "mask"}, near_duplicates=None)
    assert found.candidates is not None
    private = found.candidates.filter(pl.col("refused") == "private")
    assert private.height > 0
    assert private["input"].null_count() == private.height
    assert not any("4111 1111 1111 1111" in text for text in found.splits["train"]["input"])


def test_an_empty_answer_is_empty() -> None:
    assert Augmented(ticket_frame(0)).added.is_empty()
    assert made(ticket_frame(4, split="test"), methods=EDA).added.is_empty()
