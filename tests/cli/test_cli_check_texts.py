"""What `check` says of recipes for models that write, before a weight is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli_room import write_jsonl

from tiny_models import CHATML, tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

CONTEXT = 512


@pytest.fixture(scope="module")
def writing_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer") / "base"
    tiny_model("llama", folder, template=CHATML, max_position_embeddings=CONTEXT)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": CONTEXT}))
    return folder


@pytest.fixture
def writing(tmp_path: Path, writing_base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of 40 prompts, every fourth with a long answer, and the working directory; a third is the test."""
    rows = [
        {"prompt": f"what is {n}?", "completion": f"it is {n}" + " and on" * (12 * (n % 4 == 0))} for n in range(40)
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    recipe = {"model": str(writing_base), "data": "rows.jsonl", "task": "generation", "split": {"test": 0.3}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(ran: Ran, kind: str) -> list[dict[str, Any]]:
    return [finding for finding in ran.json["findings"] if finding["kind"] == kind]


def checked(tunewright: Callable[..., Ran], *overrides: str) -> Ran:
    return tunewright("check", "recipe.yaml", *overrides, "--json")


def test_answers_beyond_max_new_tokens_are_a_warning_that_names_a_limit_for_them(
    writing: Path, tunewright: Callable[..., Ran]
) -> None:
    shown = checked(tunewright, "evaluation.max_new_tokens=30")
    (found,) = findings(shown, "short_limit")
    assert (shown.code, found["severity"]) == (0, "warning")
    assert "more than 30 tokens" in found["message"]
    assert len(found["rows"]) == found["count"] > 0
    enough = int(found["remedy"].split("max_new_tokens: ")[1].split("`")[0])
    assert findings(checked(tunewright, f"evaluation.max_new_tokens={enough}"), "short_limit") == []
    assert findings(checked(tunewright, f"evaluation.max_new_tokens={enough - 1}"), "short_limit") != []
    assert findings(checked(tunewright, "evaluation.max_new_tokens=30", "evaluation.generate=0"), "short_limit") == []


def test_no_limit_is_proposed_that_the_context_cannot_hold(writing: Path, tunewright: Callable[..., Ran]) -> None:
    """Whoever obeys is told it once: what the context cuts is no matter of the limit."""
    rows = [
        {"prompt": f"what is {n}?", "completion": f"it is {n}" + " and on" * (800 * (n % 4 == 0) + 12 * (n % 4 == 1))}
        for n in range(40)
    ]
    write_jsonl(writing / "rows.jsonl", rows)
    (found,) = findings(checked(tunewright, "evaluation.max_new_tokens=30"), "short_limit")
    enough = int(found["remedy"].split("max_new_tokens: ")[1].split("`")[0])
    assert 30 < enough < CONTEXT
    assert f"reach beyond the context of {CONTEXT} tokens, whatever the limit" in found["remedy"]
    assert "nearly all" not in found["remedy"]
    assert findings(checked(tunewright, f"evaluation.max_new_tokens={enough}"), "short_limit") == []
    assert findings(checked(tunewright, f"evaluation.max_new_tokens={enough}"), "limit_beyond_context") == []
    shown = checked(tunewright, f"evaluation.max_new_tokens={CONTEXT}")
    assert findings(shown, "short_limit") == []
    (beyond,) = findings(shown, "limit_beyond_context")
    assert f"the context holds {CONTEXT} tokens" in beyond["message"]


def test_a_run_refuses_unknown_modules_before_any_stage(writing: Path, tunewright: Callable[..., Ran]) -> None:
    method = "train.method={kind: lora, targets: [q_porj]}"
    said = [tunewright(verb, "recipe.yaml", method) for verb in ("check", "run")]
    assert [ran.code for ran in said] == [1, 2]
    assert all("did you mean 'q_proj'" in " ".join(ran.said.split()) for ran in said)
    assert not (writing / "runs").exists()


def test_a_run_that_is_not_there_is_one_fault_and_only_finished_ones_are_offered(
    writing: Path, tunewright: Callable[..., Ran]
) -> None:
    for name in ("half", "whole"):
        (writing / "runs" / name / "model").mkdir(parents=True)
        (writing / "runs" / name / "recipe.yaml").write_text("model: base", encoding="utf-8")
        (writing / "runs" / name / "data").mkdir()
    (writing / "runs" / "whole" / "training").mkdir()
    (writing / "runs" / "whole" / "training" / "manifest.json").write_text("{}", encoding="utf-8")
    said = tunewright("check", "recipe.yaml", "model=run:nosuch").said
    assert "1 error(s)" in said
    assert "there are: whole" in " ".join(said.split())
    said = tunewright("chat", "runs/nosuch").said
    assert "there are: runs/whole" in " ".join(said.split())
    assert "half" not in said


def test_a_misspelt_metric_is_one_fault(writing: Path, tunewright: Callable[..., Ran]) -> None:
    ran = checked(tunewright, "gate.conditions=[{kind: floor, metric: bleuu, at_least: 3}]")
    assert ran.code == 2
    assert "more than the metric can be" not in ran.err + ran.out
    assert "bleuu" in ran.err + ran.out


def test_a_small_test_of_texts_is_warned_of(writing: Path, tunewright: Callable[..., Ran]) -> None:
    (found,) = findings(checked(tunewright), "small_test")
    assert found["severity"] == "warning"
    assert f"the test holds {found['count']} rows" in found["message"]
    rows = [{"prompt": f"what is {n}?", "completion": f"it is {n}"} for n in range(400)]
    write_jsonl(writing / "rows.jsonl", rows)
    assert findings(checked(tunewright), "small_test") == []


def test_answers_to_near_duplicates_are_no_further_evidence(writing: Path, tunewright: Callable[..., Ran]) -> None:
    stems = [" ".join(f"w{n * 40 + k}" for k in range(30)) for n in range(30)]
    rows = [{"prompt": f"{stem} v{v}", "completion": f"it is {v}"} for stem in stems for v in range(20)]
    write_jsonl(writing / "rows.jsonl", rows)
    ran = checked(tunewright)
    (small,), (floor,) = findings(ran, "small_test"), findings(ran, "floor_out_of_reach")
    assert f"rows in {small['count']} clusters" in small["message"]
    assert floor["count"] == small["count"] < 35
    assert floor["remedy"].startswith("add test rows")


def test_a_share_that_so_few_answers_cannot_show_is_warned_of(writing: Path, tunewright: Callable[..., Ran]) -> None:
    (found,) = findings(checked(tunewright), "floor_out_of_reach")
    assert "stop rate of at least 0.9" in found["message"]
    assert "35 answers can" in found["remedy"]
    write_jsonl(writing / "rows.jsonl", [{"prompt": f"what is {n}?", "completion": f"it is {n}"} for n in range(200)])
    assert findings(checked(tunewright), "floor_out_of_reach") == []
    (few,) = findings(checked(tunewright, "evaluation.generate=34"), "floor_out_of_reach")
    assert few["remedy"] == "raise evaluation.generate: 35 answers can"
    assert findings(checked(tunewright, "evaluation.generate=35"), "floor_out_of_reach") == []


@pytest.mark.parametrize(
    ("targets", "words"),
    [("[q_porj]", "did you mean 'q_proj'"), ("[q_proj, query]", "'query'"), ("[lm_heads]", "lm_head")],
)
def test_adapters_for_modules_that_the_base_lacks_are_an_error(
    targets: str, words: str, writing: Path, tunewright: Callable[..., Ran]
) -> None:
    shown = checked(tunewright, f"train.method={{kind: lora, targets: {targets}}}")
    (found,) = [finding for finding in shown.json["findings"] if finding["severity"] == "error"]
    assert (shown.code, found["exit_code"], found["place"]) == (1, 2, "train.method.targets")
    assert words in found["message"]
    assert found["remedy"]


@pytest.mark.parametrize("targets", ["[q_proj]", "all_linear", "[model.layers.0.self_attn.q_proj, down_proj]"])
def test_adapters_for_modules_that_the_base_has_are_passed(
    targets: str, writing: Path, tunewright: Callable[..., Ran]
) -> None:
    assert checked(tunewright, f"train.method={{kind: lora, targets: {targets}}}").code == 0


@pytest.mark.parametrize(
    ("named", "content", "words"),
    [
        ("genral.txt", None, "did you mean 'general.txt'"),
        ("starter/genral", None, "did you mean 'starter/general'"),
        ("short.txt", b"A heading\n\nAnother\n", "no passage of 5 words"),
        ("latin.txt", "na\u00efve words, five of them\n".encode("latin-1"), "not UTF-8 (byte 3)"),
        (".", None, "cannot be read"),
    ],
)
def test_general_text_that_a_run_could_not_read_is_an_error(
    named: str, content: bytes | None, words: str, writing: Path, tunewright: Callable[..., Ran]
) -> None:
    (writing / "general.txt").write_text("# A heading\n\nFive words are here now.\n", encoding="utf-8")
    if content is not None:
        (writing / named).write_bytes(content)
    shown = checked(tunewright, f"evaluation.general_text={named}")
    (found,) = [finding for finding in shown.json["findings"] if finding["severity"] == "error"]
    assert (shown.code, found["exit_code"], found["place"]) == (1, 3, "evaluation.general_text")
    assert words in found["message"]
    whole = checked(tunewright, "evaluation.general_text=general.txt")
    assert whole.code == 0
    (left,) = findings(whole, "short_paragraphs")
    assert (left["severity"], left["message"].split(" have ")[0].split(" has ")[0]) == (
        "note",
        "1 paragraph of 2 of the general text",
    )
    assert (
        checked(tunewright, "evaluation.general_text=null", "gate.conditions=[{kind: better_than, metric: chrf}]").code
        == 0
    )
