"""The stage contract: equal key, skipped; changed key, built; what is not whole is never taken."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest
from pipeline_room import ALL, built, change, folder, hashes, run, run_stage, times

from tunewright.core.errors import DataError, RunError
from tunewright.pipeline import train
from tunewright.pipeline.stages import RunFolder, Stage, finished
from tunewright.pipeline.stages import run_stage as one_stage
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

LOGBOOK = frozenset({"recipe.yaml", "environment.json", "manifest.json", ".lock"})
"""Files that say what was asked last: every call writes them."""


def test_an_unchanged_run_skips_every_stage_and_rewrites_nothing(finished: Path) -> None:
    lock = (finished / "tunewright.lock").stat().st_mtime_ns
    before = times(folder(finished), skip=LOGBOOK)
    assert {"data/train.parquet", "model/model.safetensors", "report/report.html"} <= set(before)
    assert built(finished) == ()
    assert times(folder(finished), skip=LOGBOOK) == before
    assert (finished / "tunewright.lock").stat().st_mtime_ns == lock


def test_the_frozen_test_stands_in_the_lock(finished: Path) -> None:

    lock = (finished / "tunewright.lock").read_text()
    test = pl.read_parquet(folder(finished) / "data" / "test.parquet")
    assert test.height == 24
    assert all(row in lock for row in test["row_id"])


@pytest.mark.parametrize(
    ("override", "verbs"),
    [
        ("train.epochs=1.0", ("train", "evaluate", "gate", "report")),
        ("evaluation.resamples=300", ("baseline", "evaluate", "gate", "report")),
        ("gate.conditions=[{kind: floor, metric: accuracy, at_least: 0.1}]", ("evaluate", "gate", "report")),
        ("seed=14", ("baseline", "train", "evaluate", "gate", "report")),
        ("split={kind: stratified, test: 0.3}", None),
    ],
)
def test_a_change_rebuilds_what_follows_from_it_and_nothing_else(
    finished: Path, override: str, verbs: tuple[str, ...] | None
) -> None:
    if verbs is None:  # the frozen test forbids it: tests/data/ holds that law
        with pytest.raises(DataError, match="refreeze"):
            built(finished, override)
        return
    kept = {name: value for name, value in hashes(folder(finished)).items() if name.startswith("data/")}
    done = built(finished, override)
    assert set(done) <= set(verbs)
    must = {"train"} if "train" in verbs else {verbs[0]}
    assert must <= set(done)
    assert "report" in done
    assert {n: v for n, v in hashes(folder(finished)).items() if n.startswith("data/")} == kept


def test_a_recipe_changed_and_changed_back_gives_the_same_files_again(finished: Path) -> None:
    first = hashes(folder(finished) / "model")
    assert "train" in built(finished, "train.epochs=1.0")
    assert hashes(folder(finished) / "model") != first
    assert "train" in built(finished)
    assert hashes(folder(finished) / "model") == first


def test_changing_back_before_the_new_training_is_complete_restores_the_previous_one(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    first = hashes(folder(finished) / "model")
    written = (folder(finished) / "training" / "events.jsonl").stat().st_mtime_ns

    def broken(*_arguments: object, **_named: object) -> None:
        raise RunError

    with monkeypatch.context() as patch:
        patch.setattr(train, "_keep_best", broken)
        with pytest.raises(RunError):
            built(finished, "train.epochs=1.0")
    assert built(finished) == ()
    assert hashes(folder(finished) / "model") == first
    assert (folder(finished) / "training" / "events.jsonl").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("data/train.parquet", "prepare"),
        ("baseline/scores.json", "baseline"),
        ("model/config.json", "train"),
        ("training/events.jsonl", "train"),
        ("evaluation/results.json", "evaluate"),
        ("gate/gate.json", "gate"),
        ("report/report.html", "report"),
    ],
)
def test_an_output_edited_or_removed_by_hand_is_built_again(finished: Path, name: str, verb: str) -> None:
    path = folder(finished) / name
    whole = path.read_bytes()
    path.write_bytes(whole[:9] + bytes([whole[9] ^ 1]) + whole[10:])
    assert verb in built(finished)
    if verb != "report":  # it says when it was made
        assert path.read_bytes() == whole
    path.unlink()
    assert verb in built(finished)
    assert path.exists()


def test_a_manifest_that_cannot_be_read_vouches_for_nothing(finished: Path) -> None:
    (folder(finished) / "evaluation" / "manifest.json").write_text('{"stage": "evaluation"')
    assert "evaluate" in built(finished)


def test_a_half_written_folder_is_never_taken(finished: Path) -> None:
    evaluation = folder(finished) / "evaluation"
    attempt = evaluation.with_name(".evaluation.attempt-99999")
    evaluation.rename(attempt)
    (attempt / "manifest.json").unlink()
    assert "evaluate" in built(finished)
    (evaluation / "manifest.json").unlink()  # whole files, and nobody who says so
    assert "evaluate" in built(finished)


def test_a_stage_that_breaks_leaves_the_old_folder_and_no_half_one(tmp_path: Path) -> None:
    stage, run_folder = Stage("things", version=1), RunFolder(tmp_path)

    def build(attempt: Path) -> None:
        (attempt / "thing.txt").write_text("whole")

    def breaks(attempt: Path) -> None:
        (attempt / "thing.txt").write_text("half")
        raise RunError

    one_stage(run_folder, stage, lambda: {"n": 1}, build)
    with pytest.raises(RunError):
        one_stage(run_folder, stage, lambda: {"n": 2}, breaks)
    assert [p.name for p in tmp_path.iterdir()] == ["things"]
    assert (tmp_path / "things" / "thing.txt").read_text() == "whole"
    assert one_stage(run_folder, stage, lambda: {"n": 1}, breaks).skipped
    newer = Stage("things", version=2)
    assert not one_stage(run_folder, newer, lambda: {"n": 1}, build).skipped, "the stage's version is in its key"
    assert finished(run_folder, newer) is not None


def test_two_processes_on_one_run_are_refused(finished: Path) -> None:
    with RunFolder(folder(finished)).owned(), pytest.raises(RunError, match="another tunewright process"):
        run(finished)
    assert built(finished) == ()


def test_a_stage_before_its_turn_names_the_verb_that_is_missing(prepared_project: Path) -> None:
    with pytest.raises(RunError, match="tunewright baseline RECIPE"):
        run_stage(prepared_project, ["evaluate"])


def test_the_frozen_test_is_the_same_for_every_seed_and_every_run_beside_it(finished: Path) -> None:
    test = (folder(finished) / "data" / "test.parquet").read_bytes()
    lock = (finished / "tunewright.lock").read_bytes()
    run_stage(finished, ["prepare"], ["seed=99", "name=another"])
    assert (finished / "runs" / "another" / "data" / "test.parquet").read_bytes() == test
    assert (finished / "tunewright.lock").read_bytes() == lock


def test_a_whole_run_says_in_its_folder_what_it_was_made_of(finished: Path) -> None:
    root = folder(finished)
    overview = json.loads((root / "manifest.json").read_text())
    assert tuple(overview) == ALL
    assert json.loads((root / "environment.json").read_text())["torch"]

    assert load_recipe(root / "recipe.yaml").recipe == load_recipe(finished / "recipe.yaml").recipe
    assert not list(root.glob(".*attempt*"))
    assert not list(root.glob(".*old*"))


def test_no_file_of_a_run_is_a_pickle(finished: Path) -> None:
    names = [p.name for p in finished.rglob("*") if p.is_file()]
    assert names
    assert not [n for n in names if n.endswith((".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".npz"))]
    for path in finished.rglob("*"):
        if path.is_file():
            assert path.read_bytes()[:2] not in {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}, path


def test_a_training_with_other_checkpoints_starts_anew_and_says_so(finished: Path) -> None:
    shutil.rmtree(folder(finished) / "model")
    (folder(finished) / "training" / "manifest.json").unlink()
    heard: list[str] = []
    change(finished, train={"epochs": 1.0})
    run_stage(finished, ["train"], say=heard.append)
    assert any("training anew" in line for line in heard)
    events = (folder(finished) / "training" / "events.jsonl").read_text()
    assert events.count('"event":"start"') == 1
    assert events.count('"event":"step"') == 11
