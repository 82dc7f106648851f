"""Data sets of the hub, as a cache on disk holds them: no test touches the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import huggingface_hub
import pytest
from data_room import tickets, write_csv

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.hub import cached, cached_commit, fetch, parse_hub_name
from tunewright.data.read import read_table
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

COMMITS = ("a" * 40, "b" * 40)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


def snapshot(hub_cache: Path, commit: str = COMMITS[0]) -> Path:
    """An empty snapshot of `owner/name` under this commit, to which `main` points."""
    repository = hub_cache / "datasets--owner--name"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    folder = repository / "snapshots" / commit
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("# a card")
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each question to the hub's client: whether it was to stay off the network."""
    calls: list[bool] = []
    real = huggingface_hub.snapshot_download

    def recorded(*args: Any, **kwargs: Any) -> str:
        calls.append(kwargs.get("local_files_only", False))
        return real(*args, **{**kwargs, "local_files_only": True})

    monkeypatch.setattr(huggingface_hub, "snapshot_download", recorded)
    return calls


@pytest.mark.parametrize(
    "source",
    [
        "hub:owner/name:..",
        "hub:owner/name:../other",
        "hub:owner/name:a/../../b",
        "hub:owner/name:/etc",
        "hub:owner/name:a//b",
        "hub:owner/name:./a",
        "hub:owner/..",
        "hub:../name",
        "hub:owner/name@../main",
    ],
)
def test_a_name_that_leaves_its_folder_is_refused(source: str) -> None:
    with pytest.raises(RecipeError, match="leaves its folder"):
        parse_hub_name(source)


def test_dots_inside_a_name_are_part_of_it() -> None:
    name = parse_hub_name("hub:a.b/c..d:v1.0/en@refs/pr/1")
    assert (name.repository, name.config, name.revision) == ("a.b/c..d", "v1.0/en", "refs/pr/1")


def test_a_snapshot_without_data_files_is_not_cached(hub_cache: Path) -> None:
    assert not cached("hub:owner/name")
    folder = snapshot(hub_cache)
    assert not cached("hub:owner/name")
    assert cached_commit("hub:owner/name") is None
    write_csv(folder / "train.csv", tickets(4))
    assert cached("hub:owner/name")
    assert cached_commit("hub:owner/name") == COMMITS[0]
    assert not cached("hub:owner/name:english")
    (folder / "english").mkdir()
    write_csv(folder / "english" / "train.csv", tickets(4))
    assert cached("hub:owner/name:english")
    assert not cached(f"hub:owner/name@{COMMITS[1]}")


def test_reading_locally_never_asks_the_network(hub_cache: Path, asked: list[bool]) -> None:
    write_csv(snapshot(hub_cache) / "train.csv", tickets(4))
    spec = DataSpec(train="hub:owner/name")
    assert cached(spec.train)
    assert read_table(spec.train, folder=hub_cache, spec=spec, local_only=True).frame.height == 4
    assert asked == [True, True]
    fetch(spec.train)
    assert asked == [True, True, False]


def test_what_is_not_cached_is_refused_locally(hub_cache: Path) -> None:
    with pytest.raises(DataError, match="cannot be fetched"):
        fetch("hub:owner/name", local_only=True)
