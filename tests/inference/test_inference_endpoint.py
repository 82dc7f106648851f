"""A served model is asked over HTTP: what is sent, what is kept, and what becomes of every kind of refusal."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from served_model import Served, serving
from tunewright.core.errors import RunError
from tunewright.core.generated import Decoding
from tunewright.inference import endpoint as room
from tunewright.inference.endpoint import Endpoint, EndpointParaphraser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "TUNEWRIGHT_TEST_KEY"
SECRET = "sk-hush"  # what must not be told


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(room, "PAUSE", 0.01)
    monkeypatch.setenv(KEY, SECRET)
    with serving() as served:
        yield served


def paraphraser(served: Served, folder: Path, *, key: str | None = None, url: str | None = None) -> EndpointParaphraser:
    asked = Endpoint("data.augment", url or served.url, "tiny", key, 5.0)
    return EndpointParaphraser(asked, "again: {text}", Decoding(7, temperature=0.5, top_p=0.9), folder / "kept.jsonl")


def test_each_text_is_asked_for_as_the_recipe_says_and_answered_in_its_place(served: Served, tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(9)]
    found = paraphraser(served, tmp_path, key=KEY).rewrite(texts, seed=3)
    assert found == [f"AGAIN: TEXT {n}" for n in range(9)]
    assert {path for path, _, _ in served.asked} == {"/v1/chat/completions"}
    assert {key for _, _, key in served.asked} == {f"Bearer {SECRET}"}
    seeds = {body.pop("seed") for _, body, _ in served.asked}
    assert len(seeds) == 9
    assert all(0 <= seed < 2**31 for seed in seeds)
    (body,) = (body for _, body, _ in served.asked if body["messages"][0]["content"] == "again: text 4")
    assert body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "again: text 4"}],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
    }


def test_no_key_sends_none(served: Served, tmp_path: Path) -> None:
    paraphraser(served, tmp_path).rewrite(["one"], seed=1)
    assert served.asked[0][2] is None


def test_what_was_answered_is_not_asked_again_and_another_seed_is(served: Served, tmp_path: Path) -> None:
    first = paraphraser(served, tmp_path).rewrite(["one", "two", "one"], seed=1)
    assert len(served.asked) == 2
    assert paraphraser(served, tmp_path).rewrite(["two", "one", "three"], seed=1) == [
        first[1],
        first[0],
        "AGAIN: THREE",
    ]
    assert len(served.asked) == 3
    paraphraser(served, tmp_path).rewrite(["one"], seed=2)
    assert len(served.asked) == 4


def test_a_run_that_stopped_goes_on_where_it_was(served: Served, tmp_path: Path) -> None:
    served.first = [(200, {}, Served.answer({"messages": [{"content": "again: one"}]})), (401, {}, b"who are you")]
    asked = paraphraser(served, tmp_path)
    asked.rewrite(["one"], seed=1)
    with pytest.raises(RunError):
        asked.rewrite(["two"], seed=1)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(kept.read_text() + '["torn', encoding="utf-8")
    assert asked.rewrite(["one", "two"], seed=1) == ["AGAIN: ONE", "AGAIN: TWO"]
    assert asked.rewrite(["one", "two"], seed=1) == ["AGAIN: ONE", "AGAIN: TWO"]
    assert [body["messages"][0]["content"] for _, body, _ in served.asked] == ["again: one", "again: two", "again: two"]


@pytest.mark.parametrize("reason", ["length", None])
def test_a_text_that_did_not_end_is_none_and_is_not_asked_for_again(
    served: Served, tmp_path: Path, reason: str | None
) -> None:
    choice = {"message": {"content": "half a"}, "finish_reason": reason}
    served.first = [(200, {}, json.dumps({"choices": [choice]}).encode())]
    assert paraphraser(served, tmp_path).rewrite(["one"], seed=1) == [None]
    assert paraphraser(served, tmp_path).rewrite(["one"], seed=1) == [None]
    assert len(served.asked) == 1


def test_a_busy_server_is_asked_again(served: Served, tmp_path: Path) -> None:
    served.first = [(429, {"Retry-After": "0"}, b""), (503, {}, b"full"), (500, {"Retry-After": "soon"}, b"")]
    assert paraphraser(served, tmp_path).rewrite(["one"], seed=1) == ["AGAIN: ONE"]
    assert len(served.asked) == 4


@pytest.mark.parametrize(
    ("answers", "tries", "words"),
    [
        ([(401, {}, b"no such key")], 1, "status 401: no such key"),
        ([(404, {}, b"no such model")], 1, "no such model"),
        ([(503, {}, b"full")] * 9, 4, "did not answer in 4 tries .status 503: full"),
        ([(200, {}, b"<html>")], 1, "no JSON"),
        ([(200, {}, b"{}")], 1, "without choices"),
        ([(200, {}, b'{"choices": [{"text": "old"}]}')], 1, "without choices"),
        ([(302, {"Location": "http://127.0.0.1:9/steal"}, b"")], 1, "status 302"),
    ],
)
def test_a_refusal_is_told_without_the_key(
    served: Served, tmp_path: Path, answers: list[tuple[int, dict[str, str], bytes]], tries: int, words: str
) -> None:
    served.first = answers
    with pytest.raises(RunError, match=words) as raised:
        paraphraser(served, tmp_path, key=KEY).rewrite(["one"], seed=1)
    assert len(served.asked) == tries
    assert raised.value.problems[0].place == "data.augment"
    assert SECRET not in str(raised.value)
    assert not (tmp_path / "kept.jsonl").exists()


def test_nobody_there_and_no_key_are_told(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="did not answer"):
        paraphraser(served, tmp_path, url="http://127.0.0.1:9/v1").rewrite(["one"], seed=1)
    monkeypatch.delenv(KEY)
    with pytest.raises(RunError, match=f"{KEY} is not set"):
        paraphraser(served, tmp_path, key=KEY).rewrite(["one"], seed=1)
    assert served.asked == []


def test_once_one_is_refused_nobody_waits_for_the_others(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PAUSE", 30.0)
    served.first = [(503, {}, b"full")] * 3 + [(401, {}, b"no such key")]
    started = time.perf_counter()
    with pytest.raises(RunError):
        paraphraser(served, tmp_path).rewrite(["one", "two", "three", "four"], seed=1)
    assert time.perf_counter() - started < 10
