from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from data_room import prepared, tickets, write_csv, write_jsonl

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.folders import split_of
from tunewright.data.frame import LINE
from tunewright.data.hub import parse_hub_name
from tunewright.data.read import RawTable, read_table
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, name: str, **more: object) -> RawTable:
    return read_table(name, folder=folder, spec=DataSpec(train=name), **more)  # type: ignore[arg-type]


def save_to_disk(folder: Path, frame: pl.DataFrame, shards: int = 2) -> None:
    """The layout that `Dataset.save_to_disk` writes."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05}-of-{shards:05}.arrow" for n in range(shards)]
    size = -(-frame.height // shards)
    for number, name in enumerate(names):
        table = frame.slice(number * size, size).to_arrow(compat_level=pl.CompatLevel.oldest())
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text("{}")


def test_a_parquet_file_is_read_with_record_numbers_as_lines(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["a", "b"], "label": [3, 4]}).write_parquet(tmp_path / "t.parquet")
    table = read(tmp_path, "t.parquet")
    assert list(table.frame.iter_rows()) == [(1, "a", 3), (2, "b", 4)]
    assert (table.format, table.encoding) == ("parquet", "")


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(tmp_path, "t.parquet")
    (tmp_path / "u.parquet").write_bytes(b"text,label\n")
    with pytest.raises(DataError, match="is not a Parquet file"):
        read(tmp_path, "u.parquet")


def test_a_saved_data_set_is_read_in_the_order_of_its_shards(tmp_path: Path) -> None:
    frame = pl.DataFrame({"text": [f"t{n}" for n in range(7)], "label": list(range(7))})
    save_to_disk(tmp_path / "ds", frame)
    table = read(tmp_path, "ds")
    assert table.frame.drop(LINE).equals(frame)
    assert table.frame[LINE].to_list() == list(range(1, 8))


def test_a_saved_data_set_with_splits_gives_each_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        save_to_disk(tmp_path / "ds" / split, pl.DataFrame({"text": [split], "label": ["x"]}), shards=1)
    (tmp_path / "ds" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    table = read(tmp_path, "ds", part="test")
    assert table.frame["text"].to_list() == ["test"]
    assert table.parts == ("train", "test")
    assert table.source == "ds [test]"
    with pytest.raises(DataError, match="holds no validation split"):
        read(tmp_path, "ds", part="validation")


def test_a_data_set_with_an_index_mapping_is_refused(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "ds", pl.DataFrame({"text": ["a"]}), shards=1)
    state = {"_data_files": [{"filename": "x"}], "_indices_data_files": [{"filename": "y"}]}
    (tmp_path / "ds" / "state.json").write_text(json.dumps(state))
    with pytest.raises(DataError, match="flatten_indices"):
        read(tmp_path, "ds")


def test_numbered_parts_of_a_split_are_read_through(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    for number in range(2):
        frame = pl.DataFrame({"text": [f"t{number}"], "label": ["a"]})
        frame.write_parquet(tmp_path / "ds" / f"train-{number:05}-of-00002.parquet")
    assert list(read(tmp_path, "ds").frame.iter_rows()) == [(1, "t0", "a"), (2, "t1", "a")]


def test_a_file_of_a_folder_keeps_its_name_and_lines(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    write_jsonl(tmp_path / "ds" / "train.jsonl", tickets(3))
    table = read(tmp_path, "ds")
    assert table.source == "ds/train.jsonl"
    (tmp_path / "ds" / "train.jsonl").write_text('{"a": 1}\nbad\n')
    with pytest.raises(DataError, match=r"ds/train.jsonl:2"):
        read(tmp_path, "ds")


def test_a_folder_whose_files_could_each_be_the_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    for name in ("english_train.jsonl", "javanese_train.jsonl"):
        write_jsonl(tmp_path / "ds" / name, tickets(1))
    with pytest.raises(DataError, match=r"english_train.jsonl, javanese_train.jsonl"):
        read(tmp_path, "ds")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    with pytest.raises(DataError, match="without data files"):
        read(tmp_path, "ds")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.parquet", "train"),
        ("test-00000-of-00001.parquet", "test"),
        ("english_valid.jsonl", "validation"),
        ("dev.json", "validation"),
        ("contest.csv", None),
        ("trainer.csv", None),
    ],
)
def test_a_name_says_its_split_by_whole_words(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_the_splits_that_a_folder_holds_are_used_and_said(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    write_csv(tmp_path / "ds" / "train.csv", tickets(40))
    write_csv(tmp_path / "ds" / "test.csv", tickets(10, start=100))
    found = prepared(tmp_path, DataSpec(train="ds"))
    assert found.splits["test"].height == 10
    assert [finding.kind for finding in found.profile.findings] == ["own_split"]


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("hub:owner/name", ("owner/name", None, None)),
        ("hub:owner/name:config", ("owner/name", "config", None)),
        ("hub:owner/name@v1.0", ("owner/name", None, "v1.0")),
        ("hub:owner/name:config@refs/pr/1", ("owner/name", "config", "refs/pr/1")),
    ],
)
def test_a_hub_name_has_a_repository_a_configuration_and_a_revision(
    written: str, parts: tuple[str, str | None, str | None]
) -> None:
    name = parse_hub_name(written)
    assert (name.repository, name.config, name.revision) == parts


@pytest.mark.parametrize("written", ["hub:name", "hub:", "hub:a/b/c", "hub:a/b@", "hub:../../etc"])
def test_what_is_no_hub_name_is_refused(written: str) -> None:
    with pytest.raises(RecipeError, match="cannot read the hub name"):
        parse_hub_name(written)


def test_a_hub_name_without_network_or_cache_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants  # noqa: PLC0415  # only this test needs the package

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="cannot be fetched from the hub") as caught:
        read(tmp_path, "hub:nobody/nothing")
    assert "HF_HUB_OFFLINE" in caught.value.problems[0].remedy


def test_a_cached_data_set_is_read_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants  # noqa: PLC0415  # only this test and the one above need the package

    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "datasets--owner--name"
    snapshot = cached / "snapshots" / commit / "data"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    for split in ("train", "test"):
        pl.DataFrame({"text": [split], "label": [3]}).write_parquet(snapshot / f"{split}-00000-of-00001.parquet")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    table = read(tmp_path, "hub:owner/name", part="test")
    assert list(table.frame.iter_rows()) == [(1, "test", 3)]
    assert table.source == "hub:owner/name/data/test-00000-of-00001.parquet"
    assert table.parts == ("train", "test")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "it is empty"),
        (("notes.txt", "sheet.ods"), "it holds notes.txt, sheet.ods"),
        (tuple(f"{n}.txt" for n in range(11)), "and 3 more"),
        (("a.csv", "b.csv"), "could be the train split: a.csv, b.csv"),
    ],
)
def test_a_folder_that_is_not_understood_is_refused_with_what_it_holds(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in names:
        write_csv(folder / name, tickets(4))
    with pytest.raises(DataError) as raised:
        read_table("data", folder=tmp_path, spec=DataSpec(train="data"))
    (problem,) = raised.value.problems
    assert words in problem.given
    assert problem.remedy
