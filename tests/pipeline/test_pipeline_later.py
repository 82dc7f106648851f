"""What happens to a run afterwards: its model is used, its recipe moves on, its files are looked at again."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from pipeline_room import built, folder, run_stage

from tiny_room import lay_out
from tunewright.core.errors import RecipeError, RunError
from tunewright.core.files import sha256_file
from tunewright.pipeline import stages
from tunewright.pipeline.context import Context
from tunewright.pipeline.environment import provenance
from tunewright.pipeline.predict import predict_rows
from tunewright.pipeline.recipes import recipe_text
from tunewright.recipe.load import load_recipe
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIDDEN = "bil\u200bling1 bil\u200bling2 word1 word2"
"""The cleaning of control characters joins the words that the zero-width blanks break."""


def answer(run: Path, text: str = HIDDEN) -> dict[str, float]:
    (row,) = predict_rows(run, texts=[text], file=None, column=None)
    return row.probabilities


def test_texts_are_cleaned_as_those_of_the_training_whatever_the_recipe_says_by_now(finished: Path) -> None:
    before = answer(folder(finished))
    assert before == answer(folder(finished), HIDDEN.replace("\u200b", ""))
    run_stage(finished, ["prepare"], ["data.clean.control_characters=false"])
    assert answer(folder(finished)) == before


def test_a_training_that_does_not_say_how_it_cleaned_is_not_guessed_at(finished: Path) -> None:
    path = folder(finished) / "training" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["declares"]["clean"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(RunError, match="how the texts of its training were cleaned"):
        answer(folder(finished))


def test_a_run_may_be_called_model(finished: Path) -> None:
    expected = answer(folder(finished))
    run = folder(finished).rename(folder(finished).with_name("model"))
    assert answer(run) == answer(run / "model") == expected


def test_what_was_scored_on_another_device_is_scored_again(finished: Path) -> None:
    for stage in ("baseline", "evaluation"):
        manifest = json.loads((folder(finished) / stage / "manifest.json").read_text())
        assert manifest["declares"]["device"] == pick_device()


def test_a_report_names_the_stages_before_it_and_nothing_left_behind(finished: Path) -> None:
    (folder(finished) / ".training.previous").mkdir()
    for left in (".training.previous", "report"):
        (folder(finished) / left / "manifest.json").write_bytes(
            (folder(finished) / "training" / "manifest.json").read_bytes()
        )
    keys = [name for name in provenance(Context(load_recipe(finished / "recipe.yaml"))) if name.endswith(" key")]
    assert keys == ["data key", "baseline key", "training key", "evaluation key", "gate key"]


@pytest.mark.parametrize("break_", ["\n", "\r", "\x85", "\u2028"])
def test_no_name_and_no_override_can_write_a_line_of_the_recipe_that_a_run_keeps(
    bert: Path, tmp_path: Path, break_: str
) -> None:
    path = lay_out(tmp_path, bert).rename(tmp_path / f"a{break_}seed: 5 #.yaml")
    loaded = load_recipe(path, [f"data.input='a{break_}{break_}task: other'"])
    kept = tmp_path / "kept.yaml"
    kept.write_text(recipe_text(loaded), encoding="utf-8")
    assert load_recipe(kept).recipe == loaded.recipe


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["evaluation.baselines=[majority]"], ["base", "evaluation.baselines", "'probe'"]),
        (
            ["gate.conditions=[{kind: better_than, system: best_baseline}]", "evaluation.baselines=[probe]"],
            ["best baseline", "evaluation.baselines", "'tfidf_linear'"],
        ),
        (
            ["gate.conditions=[{kind: better_than, alpha: 0.004}]"],
            ["alpha 0.004", "evaluation.resamples 200"],
        ),
    ],
)
@pytest.mark.parametrize("verb", ["prepare", "gate"])
def test_a_gate_that_no_model_could_pass_is_refused_before_any_work(
    bert: Path, tmp_path: Path, overrides: list[str], words: list[str], verb: str
) -> None:
    lay_out(tmp_path, bert)
    with pytest.raises(RecipeError) as raised:
        run_stage(tmp_path, [verb], overrides)
    assert all(word in str(raised.value) for word in ["gate.conditions", *words])
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each file was read to be hashed; files may be as fresh as they like."""
    counted: Counter[str] = Counter()

    def counting(path: Path) -> str:
        counted[path.name] += 1
        return sha256_file(path)

    monkeypatch.setattr(stages, "sha256_file", counting)
    monkeypatch.setattr(stages, "FRESH_NS", 0)
    stages._known_hash.cache_clear()
    yield counted
    stages._known_hash.cache_clear()


def test_a_run_with_nothing_to_do_reads_each_file_of_it_once(finished: Path, read: Counter[str]) -> None:
    assert built(finished) == ()
    assert read["model.safetensors"] == 1
    assert read["test.parquet"] == 1
    assert read.most_common(1)[0][1] <= 2, "README.md stands in model/ and in report/"


def test_an_altered_file_is_read_again_though_size_and_time_are_as_before(finished: Path, read: Counter[str]) -> None:
    path = folder(finished) / "evaluation" / "results.json"
    known = stages.file_hash(path)
    assert stages.file_hash(path) == known
    assert read["results.json"] == 1
    facts = path.stat()
    path.write_bytes(path.read_bytes().replace(b"accuracy", b"accurate"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert stages.file_hash(path) != known


def test_a_file_written_just_now_is_not_taken_at_its_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_known_hash", lambda *_: "of before")
    (tmp_path / "file").write_text("now")
    assert stages.file_hash(tmp_path / "file") == sha256_file(tmp_path / "file")
