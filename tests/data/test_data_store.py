from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import prepared, tickets, write_csv

from tunewright.core.errors import RunError
from tunewright.core.rows import SPLITS
from tunewright.data.profile import distribution
from tunewright.data.store import read_dropped, read_profile, read_split, write_prepared

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": " a  b", "label": "refund"}, {"text": "", "label": "a"}])
    found = prepared(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    write_prepared(found, folder)
    assert {path.name for path in folder.iterdir()} == {
        "train.parquet",
        "validation.parquet",
        "test.parquet",
        "dropped.parquet",
        "profile.json",
    }
    assert all(read_split(folder, name).equals(found.splits[name]) for name in SPLITS)
    assert read_dropped(folder).equals(found.dropped)
    assert read_profile(folder) == found.profile


def test_a_broken_or_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"nothing")
    with pytest.raises(RunError, match="cannot be read"):
        read_split(tmp_path, "train")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "test.parquet")
    with pytest.raises(RunError, match="has the columns a"):
        read_split(tmp_path, "test")
    (tmp_path / "profile.json").write_text("{}")
    with pytest.raises(RunError, match="Profile"):
        read_profile(tmp_path)


def test_a_distribution_is_that_of_its_sample() -> None:
    found = distribution([1, 2, 3, 4, 100])
    assert found is not None
    assert (found.n, found.minimum, found.p50, found.maximum, found.mean) == (5, 1, 3, 100, 22)
    assert sum(found.counts) == 5
    assert len(found.edges) == len(found.counts) + 1
    assert distribution([]) is None
