"""The stage `data` of runs that lie beside each other, and of sources outside the folder."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import huggingface_hub
import polars as pl
import pytest
from data_room import WordsEncoder, tickets, write_csv

from tunewright.core.errors import DataError, RunError
from tunewright.core.files import built_aside, resolve_path
from tunewright.data.freeze import lock_name
from tunewright.data.lock import read_lock
from tunewright.pipeline.context import Context
from tunewright.pipeline.prepare import current_data, prepare, prepared_rows
from tunewright.pipeline.store import class_predictions
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.encoded import EncodedRow, RowContent


def context(folder: Path, name: str, train: str, encoder: WordsEncoder | None = None, **data: Any) -> Context:
    """A run of a recipe of this name; its texts are measured in words, so no model is loaded."""
    recipe = {"model": {"name": "starter/encoder"}, "data": {"train": train, **data}, "task": "classification"}
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(recipe))
    made = Context(load_recipe(path))
    made.__dict__["encoder"] = encoder or WordsEncoder()  # what the cached property would hold
    return made


class MeetingEncoder(WordsEncoder):
    """Waits, when it first measures texts, until another run measures its own, or for a moment in vain."""

    def __init__(self, meeting: threading.Barrier) -> None:
        super().__init__()
        self.meeting = meeting

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        try:
            self.meeting.wait(timeout=1.0)
        except threading.BrokenBarrierError:
            self.meeting.abort()
        return super().encode(rows)


def test_two_runs_that_prepare_at_once_keep_the_frozen_tests_of_both(tmp_path: Path) -> None:
    meeting = threading.Barrier(2)
    runs = []
    for number, name in enumerate(("one", "two")):
        write_csv(tmp_path / f"{name}.csv", tickets(40, start=100 * number))
        runs.append(context(tmp_path, name, f"{name}.csv", MeetingEncoder(meeting)))
    threads = [threading.Thread(target=prepare, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(read_lock(tmp_path / "tunewright.lock").tests) == ["one.csv", "two.csv"]
    assert sorted(path.name for path in tmp_path.iterdir() if "lock" in path.name) == ["tunewright.lock"]


def test_the_data_of_a_run_is_unchanged_by_the_frozen_test_of_another(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two")):
        write_csv(tmp_path / f"{name}.csv", tickets(40, start=100 * number))
    assert not prepare(context(tmp_path, "one", "one.csv")).skipped
    assert not prepare(context(tmp_path, "two", "two.csv")).skipped
    assert current_data(context(tmp_path, "one", "one.csv"))
    assert prepare(context(tmp_path, "one", "one.csv")).skipped


def test_the_data_of_a_run_changes_with_its_own_frozen_test(tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv", tickets(40))
    prepare(context(tmp_path, "one", "one.csv"))
    (tmp_path / "tunewright.lock").unlink()
    with pytest.raises(RunError, match="changed"):
        current_data(context(tmp_path, "one", "one.csv"))


@pytest.fixture
def hub_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`hub:owner/name` in a cache of the hub, which is out of reach."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub" / "datasets--owner--name"


def point(repository: Path, commit: str, rows: list[dict[str, str]]) -> None:
    """`main` is this commit, with these training rows."""
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots" / commit).mkdir(parents=True)
    write_csv(repository / "snapshots" / commit / "train.csv", rows)


def test_another_commit_of_a_data_set_on_the_hub_is_other_data(tmp_path: Path, hub_repository: Path) -> None:
    point(hub_repository, "a" * 40, tickets(40))
    done = prepare(context(tmp_path, "hubbed", "hub:owner/name"))
    assert done.manifest.declares["sources"] == {"hub:owner/name": "a" * 40}
    assert prepare(context(tmp_path, "hubbed", "hub:owner/name")).skipped
    point(hub_repository, "b" * 40, tickets(60))
    with pytest.raises(RunError, match="changed"):
        current_data(context(tmp_path, "hubbed", "hub:owner/name"))
    assert not prepare(context(tmp_path, "hubbed", "hub:owner/name")).skipped


def test_rows_that_are_only_looked_at_are_never_fetched(
    tmp_path: Path, hub_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point(hub_repository, "a" * 40, tickets(40))
    real, local = huggingface_hub.snapshot_download, []

    def recorded(*args: Any, **kwargs: Any) -> str:
        local.append(kwargs.get("local_files_only"))
        return real(*args, **kwargs)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", recorded)
    assert prepared_rows(context(tmp_path, "hubbed", "hub:owner/name")).profile.read == 40
    assert local
    assert all(local)
    local.clear()
    write_csv(tmp_path / "one.csv", tickets(40, start=50))
    write_csv(hub_repository / "snapshots" / ("a" * 40) / "test.csv", tickets(4, start=90))
    judged = context(tmp_path, "judged", "one.csv", benchmarks=["hub:owner/name"])
    assert prepared_rows(judged).profile.read == 40
    assert local
    assert all(local)


def test_a_home_of_nobody_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    written = "~nosuchuser/train.csv"
    assert resolve_path(written, tmp_path) == tmp_path / "~nosuchuser" / "train.csv"
    assert lock_name(written, folder=tmp_path, lock_path=tmp_path / "tunewright.lock") == written
    with pytest.raises(DataError, match="no such file"):
        prepare(context(tmp_path, "lost", written))


def test_a_home_of_ones_own_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert resolve_path("~/a.csv", tmp_path) == tmp_path / "home" / "a.csv"
    assert resolve_path("a.csv", tmp_path) == tmp_path / "a.csv"
    assert resolve_path("/a.csv", tmp_path) == resolve_path("/a.csv", tmp_path / "other")


def uniform(rows: int) -> NDArray[Any]:
    return pl.Series([0.5] * rows).to_numpy()[:, None].repeat(2, axis=1)


@pytest.mark.parametrize(
    ("keys", "groups", "clusters"),
    [
        (["k1", "k2", "k3"], [None, None, None], 3),
        (["k1", "k1", "k2"], ["g1", "g2", None], 2),  # the same text in two groups
        (["k1", "k1", "k2", "k3"], ["g1", "g2", "g2", None], 2),  # and over them, another text
        (["k1", "k1"], ["g1", None], 1),
    ],
)
def test_the_clusters_of_the_statistics_are_those_of_the_split(
    keys: list[str], groups: list[str | None], clusters: int
) -> None:
    rows = {"row_id": [str(n) for n in range(len(keys))], "target": ["a"] * len(keys)}
    frame = pl.DataFrame({**rows, "content_key": keys, "group": groups}, schema_overrides={"group": pl.String})
    assert len(set(class_predictions(frame, ["a", "b"], uniform(len(keys))).clusters)) == clusters


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def breaks_after_reading(path: Path) -> None:
    assert path.read_text() == "before"
    raise ZeroDivisionError


def test_the_only_copy_that_a_killed_swap_left_is_restored(tmp_path: Path) -> None:
    (tmp_path / ".data.old-123").mkdir()
    (tmp_path / ".data.old-123" / "kept").write_text("before")
    with pytest.raises(ZeroDivisionError), built_aside(tmp_path / "data"):
        breaks_after_reading(tmp_path / "data" / "kept")
    assert names(tmp_path) == ["data"]
    assert (tmp_path / "data" / "kept").read_text() == "before"


def test_what_a_killed_swap_left_beside_a_whole_folder_goes(tmp_path: Path) -> None:
    for name in ("data", ".data.old-123", ".data.old-124", ".database.old-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "from").write_text(name)
    with built_aside(tmp_path / "data") as attempt:
        assert (tmp_path / "data" / "from").read_text() == "data"
        (attempt / "new").write_text("")
    assert names(tmp_path) == [".database.old-1", "data"]
    assert names(tmp_path / "data") == ["new"]
