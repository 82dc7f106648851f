from __future__ import annotations

import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st
from private_room import found

from tunewright.core.codec import to_data
from tunewright.core.conversation import Conversation
from tunewright.core.errors import DataError, MissingPackage
from tunewright.core.private import PrivateSpan
from tunewright.data.keys import content_key
from tunewright.data.privacy import protect, require_protected
from tunewright.data.private.redact import without_secrets
from tunewright.data.private.scan import Scan
from tunewright.data.rows import WORK_SCHEMA
from tunewright.data.store import write_prepared
from tunewright.recipe.data import DataSpec
from tunewright.recipe.privacy import PrivacySpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.data.prepare import Prepared

EMAILS = ("jo.doe@example.org", "Ann@example.com", "li@example.net")
TOKEN = "ghp_A7F3C9E2A7F3C9E2A7F3C9E2A7F3C9E2"
MASK_ALL = PrivacySpec(default="mask")


def private_tickets(count: int = 40) -> list[dict[str, str]]:
    """Tickets of which every tenth names an e-mail address, and the seventh and eighth a token."""
    rows = tickets(count)
    for number, row in enumerate(rows):
        if number % 10 == 0:
            row["text"] += f"  write to {EMAILS[number // 10 % 3]} please"
        if number in {7, 8}:
            row["text"] += f" token {TOKEN}"
    return rows


def all_texts(found_rows: Prepared) -> str:
    frames = [*found_rows.splits.values(), found_rows.dropped]
    return json.dumps([frame.to_dicts() for frame in frames]) + json.dumps(to_data(found_rows.profile))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_csv(tmp_path / "train.csv", private_tickets())
    return tmp_path


def test_by_default_private_data_is_counted_and_nothing_is_changed(folder: Path) -> None:
    made = prepared(folder)
    assert made.profile.private == {"email": 4, "secret": 2}
    kinds = {finding.kind: finding for finding in made.profile.findings}
    assert (kinds["personal_data"].count, kinds["secret"].count) == (4, 2)
    assert kinds["secret"].rows == ("train.csv:9", "train.csv:10")
    assert "privacy: {secret: mask}" in kinds["secret"].remedy
    assert {finding.severity for finding in (kinds["personal_data"], kinds["secret"])} == {"warning"}
    kept = pl.concat(made.splits.values())["input"].to_list()
    assert sum(TOKEN in text for text in kept) == 2


def test_findings_and_records_hold_no_secret_even_where_the_rows_keep_it(folder: Path) -> None:
    made = prepared(folder)
    assert TOKEN not in json.dumps(to_data(made.profile)) + json.dumps(made.dropped.to_dicts())


def test_masked_values_stand_nowhere_in_what_is_written(folder: Path) -> None:
    """Not in the rows, not in the records of earlier steps (which changed the blanks), not in the profile."""
    made = prepared(folder, DataSpec(train="train.csv", privacy=MASK_ALL))
    write_prepared(made, folder)
    assert {"whitespace", "masked"} <= set(made.dropped["rule"])
    for value in (*EMAILS, TOKEN):
        assert value not in all_texts(made)
        assert all(value.encode() not in path.read_bytes() for path in folder.glob("*.json"))
    masked = made.dropped.filter(pl.col("rule") == "masked")
    assert {json.dumps(json.loads(before)) for before in masked["before"]} == {
        '{"masked": {"email": 1}}',
        '{"masked": {"secret": 1}}',
    }


def test_the_same_value_has_the_same_placeholder_in_all_rows(folder: Path) -> None:
    made = prepared(folder, DataSpec(train="train.csv", privacy=MASK_ALL))
    texts = {row["line"]: row["input"] for split in made.splits.values() for row in split.to_dicts()}
    marks = {line: re.findall(r"<EMAIL_\d>", text) for line, text in texts.items()}
    assert marks[2] == marks[32]
    assert sorted({mark for found_marks in marks.values() for mark in found_marks}) == [
        "<EMAIL_1>",
        "<EMAIL_2>",
        "<EMAIL_3>",
    ]


def test_dropped_kinds_take_their_rows_with_them(folder: Path) -> None:
    made = prepared(folder, DataSpec(train="train.csv", privacy=PrivacySpec(email="mask", secret="drop")))
    assert made.profile.dropped == {"secret": 2}
    assert made.profile.read == made.profile.kept + 2
    left = made.dropped.filter(pl.col("rule") == "secret")
    assert left["line"].to_list() == [9, 10]
    assert all("<SECRET>" in text for text in left["input"])
    assert TOKEN not in all_texts(made)


def test_ignored_kinds_are_not_looked_for(folder: Path) -> None:
    made = prepared(folder, DataSpec(train="train.csv", privacy=PrivacySpec(default="ignore")))
    assert made.profile.private == {}
    assert {"personal_data", "secret"}.isdisjoint(finding.kind for finding in made.profile.findings)


def test_a_test_file_is_never_edited_and_still_meets_its_masked_twin(folder: Path) -> None:
    own = [{"text": f"message number 0 about refund write to {EMAILS[0]} please", "label": "refund"}]
    write_csv(folder / "test.csv", [*own, *tickets(6, start=500)])
    privacy = PrivacySpec(default="drop", email="mask")
    spec = DataSpec(train="train.csv", test="test.csv", privacy=privacy, near_duplicates=None)  # equal texts alone
    made = prepared(folder, spec)
    assert EMAILS[0] in made.splits["test"]["input"][0]
    leaked = made.dropped.filter(pl.col("rule") == "leak_test")
    assert leaked["line"].to_list() == [2], made.dropped["rule"].unique().to_list()
    (finding,) = [f for f in made.profile.findings if f.kind == "personal_data"]
    assert "1 of them in the test file, which is never edited" in finding.message


def test_new_rows_may_renumber_placeholders_and_the_frozen_test_stays(folder: Path) -> None:
    from tunewright.data.lock import write_lock  # noqa: PLC0415

    spec = DataSpec(train="train.csv", privacy=MASK_ALL)
    first = prepared(folder, spec)
    write_lock(folder / "tunewright.lock", first.lock)
    more = [{"text": f"news of {n} from {chr(97 + n)}@example.org", "label": "refund"} for n in range(20)]
    write_csv(folder / "train.csv", [*private_tickets(), *more])
    second = prepared(folder, spec)
    assert second.splits["test"]["content_key"].to_list() == first.splits["test"]["content_key"].to_list()


def test_turns_answers_and_calls_of_conversations_are_masked(tmp_path: Path) -> None:
    chat = [
        {"role": "system", "content": f"Answer for {EMAILS[1]}."},
        {"role": "user", "content": f"I am {EMAILS[0]}"},
        {"role": "assistant", "content": "", "tool_calls": [call(EMAILS[0])]},
        {"role": "tool", "content": f"known as {EMAILS[2]}"},
        {"role": "assistant", "content": f"Hello {EMAILS[0].upper()}"},
    ]
    plain = [{"messages": [{"role": "user", "content": f"q {n}"}, chat[4] | {"content": f"a {n}"}]} for n in range(20)]
    write_jsonl(tmp_path / "train.jsonl", [{"messages": chat}, *plain])
    made = prepared(tmp_path, DataSpec(train="train.jsonl", privacy=MASK_ALL), task="generation")
    (row,) = [r for split in made.splits.values() for r in split.to_dicts() if r["line"] == 1]
    assert found(row["messages"] + row["input"] + row["target"]) == []
    said = [mark for _, mark in re.findall(r'"(content|to)": "[^"]*(<EMAIL_\d>)', row["messages"])]
    assert said[1] == said[2] == said[4], "one person, spelt in two ways, in a turn, a call and an answer"
    assert len(set(said)) == 3
    assert row["target"] == f"Hello {said[1]}"
    assert made.profile.private == {"email": 5}


def call(to: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "write", "arguments": {"to": to}}}


def test_rows_of_an_earlier_run_that_hold_what_is_masked_are_refused_without_being_quoted(folder: Path) -> None:
    rows = pl.concat(prepared(folder).splits.values())
    require_protected(rows, PrivacySpec(), "classification")
    with pytest.raises(
        DataError, match="6 rows replayed from the earlier run hold 4 e-mail addresses, 2 secrets"
    ) as told:
        require_protected(rows, MASK_ALL, "classification")
    assert all(value not in str(told.value) for value in (*EMAILS, TOKEN))


def test_other_columns_of_a_row_are_masked_with_it(folder: Path) -> None:
    rows = [row | {"customer": EMAILS[n % 3], "card": 4111111111111111} for n, row in enumerate(private_tickets())]
    write_csv(folder / "train.csv", rows, columns=("text", "label", "customer", "card"))
    made = prepared(folder, DataSpec(train="train.csv", privacy=MASK_ALL))
    assert all(value not in all_texts(made) for value in (*EMAILS, "4111111111111111"))


def test_another_column_is_masked_though_no_text_holds_anything(folder: Path) -> None:
    write_csv(folder / "train.csv", [row | {"by": EMAILS[0]} for row in tickets(40)], columns=("text", "label", "by"))
    made = prepared(folder, DataSpec(train="train.csv", privacy=MASK_ALL))
    assert EMAILS[0] not in all_texts(made)
    assert made.profile.changed == {"masked": 40}
    assert made.profile.private == {}


def test_names_need_their_package_and_say_so(folder: Path) -> None:
    if importlib.util.find_spec("presidio_analyzer"):
        pytest.skip("presidio-analyzer is installed")
    spec = DataSpec(train="train.csv", privacy=PrivacySpec(names="presidio"))
    with pytest.raises(MissingPackage, match=r"pip install 'tunewright\[privacy\]'"):
        prepared(folder, spec)
    prepared(folder, DataSpec(train="train.csv", privacy=PrivacySpec(default="ignore", names="presidio")))


class Roll:
    """Finds the names of a list, as a PrivateFinder does."""

    def find(self, texts: Sequence[str]) -> list[list[PrivateSpan]]:
        pattern = re.compile("Orla Fennimore|Niall Dunderry")
        return [[PrivateSpan(*m.span(), "person", 0.8) for m in pattern.finditer(text)] for text in texts]


def test_a_finder_of_names_is_asked_about_every_text_and_every_turn() -> None:
    chat = Conversation(({"role": "user", "content": "I am Orla Fennimore"}, {"role": "assistant", "content": "Hi"}))
    rows = pl.DataFrame({"input": ["for Niall Dunderry", None], "messages": [None, chat.to_json()]})
    scan = Scan((), (Roll(),))
    assert scan.column(rows, "input").rows == {0: ((PrivateSpan(4, 18, "person", 0.8),),)}
    assert scan.column(rows, "messages").kinds(1) == {"person": 1}
    assert scan.column(rows, "messages").kinds(0) == {}


TEXTS = st.lists(
    st.lists(
        st.sampled_from([*EMAILS, "JO.DOE@example.org", "4111 1111 1111 1111", "4111111111111111", TOKEN, "ip", "of"]),
        max_size=4,
    ).map(" ".join),
    min_size=1,
    max_size=8,
)


@law(60)
@given(TEXTS, st.randoms())
def test_masks_are_consistent_idempotent_and_independent_of_the_order_of_rows(texts: list[str], random: Any) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)
    once = masked(texts)
    assert masked(once) == once
    assert [once[n] for n in order] == masked([texts[n] for n in order])
    pairs = {
        (value.casefold().replace(" ", ""), mark)
        for text, after in zip(texts, once, strict=True)
        for value, mark in zip([value for _, value in found(text)], re.findall(r"<[A-Z]+_\d+>", after), strict=True)
    }
    assert len(pairs) == len({value for value, _ in pairs}) == len({mark for _, mark in pairs})


def masked(texts: list[str]) -> list[str]:
    columns = {name: [None] * len(texts) for name in WORK_SCHEMA} | {
        "row_id": [str(n) for n in range(len(texts))],
        "input": texts,
        "meta": ["{}"] * len(texts),
        "role": ["train"] * len(texts),
        "content_key": [content_key(text) for text in texts],
        "source": ["a.csv"] * len(texts),
        "line": list(range(len(texts))),
    }
    return protect(pl.DataFrame(columns, schema=WORK_SCHEMA), MASK_ALL, "classification").rows["input"].to_list()


def test_an_error_about_a_value_does_not_show_a_secret(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(
        json.dumps({"messages": f"password: {TOKEN}"}) + "\n" + json.dumps({"messages": []}) + "\n"
    )
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.jsonl", messages="messages"), task="generation")
    assert TOKEN[:20] not in str(caught.value)
    assert "<SECRET>" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.jsonl", '{"text": "a", "label": "b"} ' + f"token {TOKEN}"),
        ("train.csv", f"text,label\na,b,token {TOKEN}"),
    ],
)
def test_an_error_about_a_broken_record_does_not_show_a_secret(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(f"{text}\n")
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train=name))
    assert TOKEN[4:16] not in str(caught.value)


def test_a_contradiction_that_is_refused_is_quoted_without_its_secret(tmp_path: Path) -> None:
    rows = [{"text": f"{TOKEN} is the same text", "label": label} for label in ("refund", "delivery")]
    write_csv(tmp_path / "train.csv", [*rows, *tickets(20)])
    with pytest.raises(DataError, match="<SECRET> is the same text") as caught:
        prepared(tmp_path, DataSpec(train="train.csv", contradictions="error"))
    assert TOKEN[4:16] not in str(caught.value)


def test_a_text_to_be_shown_keeps_all_but_its_secrets() -> None:
    assert without_secrets(f"a {TOKEN} of {EMAILS[0]}") == f"a <SECRET> of {EMAILS[0]}"


@pytest.mark.parametrize("policy", ["flag", "mask", "drop"])
def test_persons_named_in_a_recipe_that_finds_none_are_refused(policy: str) -> None:
    with pytest.raises(ValueError, match=f"person is '{policy}' and names is 'off'"):
        PrivacySpec.model_validate({"person": policy})
    assert PrivacySpec.model_validate({"person": policy, "names": "presidio"}).policy("person") == policy
    assert PrivacySpec.model_validate({"person": "ignore", "address": policy}).policy("address") == policy


HIDDEN = (
    f"key {TOKEN[:14]}<b></b>{TOKEN[14:]} there",
    "key AKIAIOSF&#79;DNN7EXAMPLQ there",
    f"key {TOKEN[:9]}\u200b{TOKEN[9:]} there",
    "pay 4111<i></i>1111<i></i>1111<i></i>1111 there",
    f"key {TOKEN} and again {TOKEN[:14]}<b></b>{TOKEN[14:]} there",
)


@pytest.mark.parametrize("policy", ["mask", "drop"])
@pytest.mark.parametrize("text", HIDDEN)
def test_what_cleaning_reveals_is_not_kept_as_it_was_before(tmp_path: Path, text: str, policy: str) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(30), {"text": text, "label": "refund"}])
    made = prepared(tmp_path, DataSpec.model_validate({"train": "train.csv", "privacy": {"default": policy}}))
    records = made.dropped.filter(pl.col("line") == 32)
    assert {"html", "control_character"} & set(records["rule"])
    for part in (TOKEN[14:], TOKEN[9:], "AKIAIOSF", "4111"):
        assert part not in all_texts(made)
    assert any("withheld" in before for before in records["before"])


def test_a_secret_that_cleaning_reveals_is_not_kept_in_a_record_though_the_row_keeps_it(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(30), {"text": HIDDEN[0], "label": "refund"}])
    assert TOKEN[14:] not in json.dumps(prepared(tmp_path).dropped.to_dicts())


def test_a_text_whose_values_were_seen_before_cleaning_is_kept_with_placeholders(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(30), {"text": f"<p>by {EMAILS[0]}</p>", "label": "refund"}])
    made = prepared(tmp_path, DataSpec(train="train.csv", privacy=MASK_ALL))
    (before,) = made.dropped.filter(pl.col("rule") == "html")["before"]
    assert json.loads(before) == {"input": "<p>by <EMAIL></p>"}


def test_what_cleaning_reveals_in_a_turn_or_an_answer_is_withheld_too(tmp_path: Path) -> None:
    hidden = HIDDEN[2]
    chat = [{"role": "user", "content": hidden}, {"role": "assistant", "content": f"yes\n{hidden}"}]
    plain = [{"messages": [{"role": "user", "content": f"q {n}"}, chat[1] | {"content": f"a {n}"}]} for n in range(20)]
    write_jsonl(tmp_path / "train.jsonl", [{"messages": chat}, *plain])
    made = prepared(tmp_path, DataSpec(train="train.jsonl", privacy=MASK_ALL), task="generation")
    assert "control_character" in made.dropped["rule"]
    assert TOKEN[9:] not in all_texts(made)


def with_keys(folder: Path, count: int = 40) -> None:
    """Tickets beside a column that holds a token in all rows but two, and one that holds an address in some."""
    rows = private_tickets(count)
    for number, row in enumerate(rows):
        row["apikey"] = f"{TOKEN}{number % 10}" if number > 1 else ""
        row["owner"] = EMAILS[0] if number < 5 else "nobody"
    write_csv(folder / "train.csv", rows, columns=("text", "label", "apikey", "owner"))


@pytest.mark.parametrize(("policy", "done"), [("flag", "kept"), ("mask", "masked"), ("drop", "masked")])
def test_findings_tell_of_other_columns_by_name_and_rows(tmp_path: Path, policy: str, done: str) -> None:
    with_keys(tmp_path)
    made = prepared(tmp_path, DataSpec.model_validate({"train": "train.csv", "privacy": {"default": policy}}))
    told = {finding.kind: finding for finding in made.profile.findings}
    assert f"beside the texts, 'apikey' holds secrets in 38 rows ({done})" in told["secret"].message
    assert "2 rows hold 2 secrets" in told["secret"].message
    assert f"'owner' holds e-mail addresses in 5 rows ({done})" in told["personal_data"].message
    assert told["secret"].severity == ("warning" if policy == "flag" else "note")
    assert TOKEN not in json.dumps(to_data(made.profile))


def test_what_is_dropped_with_its_row_from_texts_is_masked_in_other_columns(tmp_path: Path) -> None:
    """No row leaves for what stands beside its text."""
    with_keys(tmp_path)
    made = prepared(tmp_path, DataSpec(train="train.csv", privacy=PrivacySpec(default="drop")))
    assert made.profile.dropped == {"personal_data": 4, "secret": 2}
    assert made.profile.changed["masked"] == 34
    assert all(value not in all_texts(made) for value in (TOKEN, *EMAILS))


def test_what_stands_beside_the_texts_of_an_own_test_file_is_kept_under_drop_too(tmp_path: Path) -> None:
    with_keys(tmp_path)
    (tmp_path / "test.csv").write_text(f"text,label,apikey,owner\nmine about refund,refund,{TOKEN},me\n")
    spec = DataSpec(train="train.csv", test="test.csv", privacy=PrivacySpec(default="drop"))
    assert TOKEN in prepared(tmp_path, spec).splits["test"]["meta"][0]
