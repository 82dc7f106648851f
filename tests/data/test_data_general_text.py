"""Laws of general text that is trained on beside the rows: as much as was asked, and nothing that is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import WordsEncoder, law, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.encoded import EncodedRow
from tunewright.core.errors import DataError
from tunewright.core.rows import SPLIT_COLUMNS
from tunewright.core.seeds import generator
from tunewright.data.earlier import Earlier, lineage_of
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.store import read_general, write_prepared
from tunewright.data.token_rows import joined, rows_of
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WORDS = [f"w{n}" for n in range(400)]


def sentence(seed: int, words: int = 30) -> str:
    """Words of a draw: two of different seeds have no sequence of eight in common."""
    return " ".join(WORDS[n] for n in generator(seed, "sentence").integers(len(WORDS), size=words))


def write_pairs(folder: Path, count: int = 40) -> None:
    rows = [{"prompt": f"{sentence(n)}?", "answer": sentence(1_000 + n)} for n in range(count)]
    write_csv(folder / "pairs.csv", rows, ("prompt", "answer"))


def write_prose(folder: Path, texts: Sequence[str]) -> None:
    write_jsonl(folder / "prose.jsonl", [{"text": text, "title": "Novel"} for text in texts])


def mixed(
    folder: Path, *, seed: int = 13, measured: Sequence[str] = (), earlier: Earlier | None = None, **spec: Any
) -> Prepared:
    general = {"texts": "prose.jsonl", "share": 0.5, **spec.pop("general", {})}
    data = DataSpec.model_validate({"train": "pairs.csv", "general_text": general, **spec})
    lock = folder / "tunewright.lock"
    request = Request(
        data, StratifiedSplit(), "generation", folder, lock, earlier=earlier, seed=seed, measured=tuple(measured)
    )
    return prepare(request, encoder=WordsEncoder(256))


def passages(prepared: Prepared) -> list[str]:
    assert prepared.general is not None
    return prepared.general["input"].to_list()


def finding(prepared: Prepared) -> Any:
    (found,) = (one for one in prepared.profile.findings if one.kind == "general_text")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pairs(tmp_path)
    write_prose(tmp_path, [sentence(n, 60) for n in range(2_000, 2_100)])
    return tmp_path


@given(share=st.floats(0.01, 1.5), seed=st.integers(0, 99))
@law(8)
def test_as_many_characters_are_drawn_as_were_asked_and_no_passage_more(
    tmp_path_factory: pytest.TempPathFactory, share: float, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    write_pairs(folder)
    write_prose(folder, [sentence(n, 60) for n in range(2_000, 2_100)])
    found = mixed(folder, seed=seed, general={"share": share})
    wanted = share * found.splits["train"]["target"].str.len_chars().sum()
    sizes = [len(text) for text in passages(found)]
    assert sum(sizes) >= wanted > sum(sizes[:-1])
    assert found.profile.general == len(sizes) == finding(found).count
    assert passages(mixed(folder, seed=seed, general={"share": share})) == passages(found)


def test_another_seed_draws_others_and_no_row_is_moved(folder: Path) -> None:
    one, other = mixed(folder), mixed(folder, seed=14)
    assert set(passages(one)) != set(passages(other))
    for name, rows in one.splits.items():
        assert rows.equals(other.splits[name])
    assert one.profile.kept == other.profile.kept == 40


def test_a_passage_with_a_text_that_is_tested_on_stays_out(folder: Path) -> None:
    plain = mixed(folder)
    tested = plain.splits["test"].row(0, named=True)
    looked_at = plain.splits["validation"].row(0, named=True)
    shown = sentence(9_000)
    planted = [
        f"{sentence(3_001)} {tested['input']} {tested['target']} {sentence(3_002)}",
        f"{looked_at['input'].upper()} {looked_at['target']}",
        f"{sentence(3_003)} {shown}",
    ]
    write_prose(folder, [sentence(3_004), *planted])
    assert len(passages(mixed(folder, general={"share": 9.0}))) == 2, (
        "a forgetting that is not measured forbids nothing"
    )
    found = mixed(folder, measured=[shown], general={"share": 9.0})
    assert passages(found) == [sentence(3_004)]
    assert "3 hold what is tested on" in finding(found).message
    assert finding(found).severity == "warning"


def test_texts_of_the_rows_and_of_earlier_tests_stay_out(folder: Path) -> None:
    plain = mixed(folder)
    trained, old = plain.splits["train"]["input"][0], sentence(5_000)
    rows = plain.splits["test"].head(1).with_columns(pl.lit(old).alias("input"), pl.lit("k").alias("content_key"))
    write_prose(folder, [trained, old, sentence(5_001), sentence(5_001)])
    assert sorted(passages(mixed(folder))) == sorted([old, sentence(5_001)])
    key = mixed(folder).general.filter(pl.col("input") == old)["content_key"][0]  # type: ignore[union-attr]  # it has some
    rows = rows.with_columns(pl.lit(key).alias("content_key"))
    earlier = Earlier("a", "generation", rows.clear(), rows, lineage_of("a", [rows], None), (), 0.0, 1, "")
    found = mixed(folder, earlier=earlier)
    assert passages(found) == [sentence(5_001)]
    assert "1 repeat others; 2 are texts of the rows or of a test" in finding(found).message


def test_passages_hold_nothing_that_the_recipe_masks(folder: Path) -> None:
    write_prose(folder, [f"{sentence(6_000)} ann@example.org", sentence(6_001)])
    assert len(passages(mixed(folder))) == 2
    assert passages(mixed(folder, privacy={"email": "mask"})) == [sentence(6_001)]


def test_long_texts_are_cut_at_line_ends_and_nothing_of_them_is_lost(folder: Path) -> None:
    text = "".join(f"{sentence(n)}\n" for n in range(7_000, 7_060))
    write_prose(folder, [text, " \n", sentence(7_100)])
    found = mixed(folder, general={"share": 9.0})
    assert found.general is not None
    in_order = found.general.filter(pl.col("line") == 1)
    assert sorted(in_order["input"]) == sorted(part for part in in_order["input"] if part in text)
    assert sum(len(part) for part in in_order["input"]) == len(text)
    assert in_order["input"].str.len_chars().max() < 2_300
    assert in_order["row_id"].n_unique() == in_order.height > 3


def test_a_text_file_is_read_as_well(folder: Path) -> None:
    (folder / "prose.txt").write_text("\n\n".join(sentence(n, 60) for n in range(8_000, 8_040)))
    found = mixed(folder, general={"texts": "prose.txt"})
    assert found.general is not None
    assert found.general["source"].unique().to_list() == ["prose.txt"]
    assert set(found.profile.sources) == {"pairs.csv", "prose.txt"}


@pytest.mark.parametrize(
    ("general", "rows", "words"),
    [
        ({"texts": "nowhere.jsonl"}, None, "no such file"),
        ({"column": "body"}, None, "no such column of texts"),
        ({}, [{"one": "a b", "two": "c d"}], "has the columns of texts 'one', 'two'"),
        ({}, [{"number": 1}], "has the columns of texts none"),
        ({}, [{"text": "  "}], "none of its 0 passages"),
    ],
)
def test_what_cannot_be_read_or_used_is_refused(
    folder: Path, general: dict[str, str], rows: list[dict[str, Any]] | None, words: str
) -> None:
    if rows is not None:
        write_jsonl(folder / "prose.jsonl", rows)
    with pytest.raises(DataError, match=words):
        mixed(folder, general=general)


def test_they_are_written_and_read_again(folder: Path) -> None:
    found = mixed(folder)
    out = folder / "data"
    out.mkdir()
    write_prepared(found, out)
    kept = read_general(out)
    assert kept is not None
    assert kept.equals(found.general)
    assert tuple(kept.columns) == SPLIT_COLUMNS
    assert read_general(folder) is None


def test_joined_token_rows_are_the_rows_of_both() -> None:
    first = [EncodedRow([5, 6, 7], ((1, 3),)), EncodedRow([8], ())]
    second = [EncodedRow([9, 10, 11, 12], ((1, 2), (3, 4)))]
    one, two = (
        rows_of([f"{name}{n}" for n in range(len(rows))], [rows], key=name, layout="causal")
        for name, rows in (("a", first), ("b", second))
    )
    both = joined(one, two)
    assert [both.encoded(row) for row in range(3)] == [*first, *second]
    assert both.row_ids == ("a0", "a1", "b0")
    assert len({both.key, one.key, two.key, joined(two, one).key}) == 4
