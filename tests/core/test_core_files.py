"""Files are whole or absent, whatever breaks."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.core.errors import RunError
from tunewright.core.files import (
    STALE_S,
    atomic_stream,
    atomic_write,
    built_aside,
    canonical_json,
    digest,
    disk_faults,
    read_json,
    sha256_file,
    tree_hashes,
    write_json,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def full(*_arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = tmp_path / "file.txt"
    atomic_write(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), full)
        with pytest.raises(RunError, match="no space left") as raised:
            atomic_write(path, b"new")
    assert raised.value.exit_code == 4
    assert str(path) in str(raised.value)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file.txt"]


def test_a_write_replaces_the_content_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["file.txt"]


def test_a_stream_that_breaks_off_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    with atomic_stream(path) as stream:
        stream.write(b"whole")
    with contextlib.suppress(KeyError), atomic_stream(path) as stream:
        stream.write(b"half")
        raise KeyError("the writer's own fault")
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["file.bin"]


def test_a_write_clears_what_killed_writers_of_the_file_left_and_nothing_else(tmp_path: Path) -> None:
    old = time.time() - 2 * STALE_S
    parts = {
        ".f[1].txt.11.part": old,
        ".f[1].txt.12.part": time.time(),
        ".f1.txt.11.part": old,
        "f[1].txt.11.part": old,
    }
    for name, touched in parts.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (touched, touched))
    atomic_write(tmp_path / "f[1].txt", b"whole")
    assert names(tmp_path) == sorted({*parts, "f[1].txt"} - {".f[1].txt.11.part"})


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
def test_a_fault_of_the_disk_names_the_path_and_a_remedy(tmp_path: Path, number: int) -> None:
    with pytest.raises(RunError) as raised, disk_faults(tmp_path / "target"):
        raise OSError(number, "words of the system")
    problem = raised.value.problems[0]
    assert problem.place == str(tmp_path / "target")
    assert problem.remedy


def test_another_fault_goes_on_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="input/output") as raised, disk_faults(tmp_path):
        raise OSError(errno.EIO, "input/output")
    assert not isinstance(raised.value, RunError)
    with pytest.raises(KeyError), disk_faults(tmp_path):
        raise KeyError("unrelated")


def half_written(folder: Path) -> None:
    (folder / "a").write_text("second")
    raise ZeroDivisionError


def test_a_folder_built_aside_takes_its_place_only_when_whole(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    with built_aside(folder) as attempt:
        (attempt / "a").write_text("first")
        assert not folder.exists()
    with pytest.raises(ZeroDivisionError), built_aside(folder) as attempt:
        half_written(attempt)
    assert (folder / "a").read_text() == "first"
    with built_aside(folder) as attempt:
        assert names(attempt) == []
        (attempt / "b").write_text("third")
        assert (folder / "a").read_text() == "first"
    assert names(folder) == ["b"]
    assert names(tmp_path) == ["thing"]


def test_what_a_killed_process_left_half_built_is_cleared_away(tmp_path: Path) -> None:
    for left in (".thing.attempt-1", ".things.attempt-1"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "half").write_text("half")
    with built_aside(tmp_path / "thing") as attempt:
        (attempt / "a").write_text("whole")
    assert names(tmp_path) == [".things.attempt-1", "thing"]


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "thing"
    with built_aside(folder) as attempt:
        (attempt / "a").write_text("first")
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if "attempt" in self.name:
            full()
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fails)
        with pytest.raises(RunError, match="no space left"), built_aside(folder) as attempt:
            (attempt / "a").write_text("second")
    assert (folder / "a").read_text() == "first"
    assert names(tmp_path) == ["thing"]


@settings(deadline=None, max_examples=80)
@given(JSON)
def test_json_reads_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value
    assert digest(read_json(path)) == digest(value)
    assert json.loads(canonical_json(value)) == value


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(), st.integers(), max_size=6))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, number: float) -> None:
    path = tmp_path / "value.json"
    for write in (lambda: write_json(path, {"a": [number]}), lambda: canonical_json({"a": number})):
        with pytest.raises(ValueError, match=r"[Oo]ut of range"):
            write()
    assert not path.exists()


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"nope"])
def test_a_file_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match="is not JSON") as raised:
        read_json(path)
    assert raised.value.problems[0].place == str(path)


def test_the_hashes_of_a_tree_name_every_file_but_those_left_out(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "b").write_text("2")
    (tmp_path / "inner" / "a").write_text("1")
    found = tree_hashes(tmp_path)
    assert list(found) == ["b", "inner/a"]
    assert found["b"] == sha256_file(tmp_path / "b")
    assert tree_hashes(tmp_path, skip=frozenset({"inner/a"})) == {"b": found["b"]}
    assert found["b"] == "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"
