"""`tunewright audit` at the command line: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from cli_room import records, write_csv, write_jsonl

from tunewright.core.files import tree_hashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return write_csv(tmp_path / "train.csv", [*records(60), *records(3)])


def test_an_audit_shows_columns_figures_findings_and_the_outcome(data: Path, tunewright: Callable[..., Ran]) -> None:
    before = tree_hashes(data.parent)
    shown = tunewright("audit", "train.csv")
    assert shown.code == 0
    assert "train.csv: csv, utf-8, 63 records" in shown.out
    assert "labels: billing 30, delivery 30" in shown.out
    assert "exact_duplicate: 3 rows" in shown.out
    assert "like production: unknown" in shown.out
    assert shown.out.rstrip().splitlines()[-1].startswith("train.csv: nothing in it would stop a run: 0 error(s)")
    assert tree_hashes(data.parent) == before


def test_json_is_one_object_with_everything(data: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("audit", "train.csv", "--json").json
    assert (told["task"], told["read"], told["exit_code"], told["shift"]) == ("classification", 63, 0, None)
    assert told["profile"]["kept"] == 60
    assert {column["role"] for column in told["columns"]} == {"input", "target"}


def test_page_and_tables_are_written_where_they_are_asked_for(data: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("audit", "train.csv", "--html", "out/audit.html", "--export", "tables", "--against", "train.csv")
    assert told.code == 0
    assert (data.parent / "out" / "audit.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (data.parent / "tables" / "shift.csv").exists()
    assert "wrote out/audit.html" in told.err


def test_the_data_is_never_overwritten_by_its_page(data: Path, tunewright: Callable[..., Ran]) -> None:
    before = data.read_bytes()
    told = tunewright("audit", "train.csv", "--html", "./train.csv")
    assert (told.code, data.read_bytes()) == (2, before)
    (data.parent / "folder").mkdir()
    assert tunewright("audit", "train.csv", "--html", "folder").code == 2


@pytest.mark.parametrize("words", [("--task", "classificaton"), ("--task", "sorting")])
def test_an_unknown_task_is_refused(data: Path, words: tuple[str, ...], tunewright: Callable[..., Ran]) -> None:
    told = tunewright("audit", "train.csv", *words)
    assert told.code == 2
    assert "classification" in told.err


def test_broken_records_are_listed_and_exit_3(data: Path, tunewright: Callable[..., Ran]) -> None:
    rows = [{"text": text, "label": label} for text, label in records(40)]
    rows[4]["text"] = ["a", "list"]  # type: ignore[assignment]
    write_jsonl(data.parent / "broken.jsonl", rows)
    told = tunewright("audit", "broken.jsonl", "--task", "classification")
    assert told.code == 3
    assert "broken.jsonl:5" in told.out
    assert tunewright("audit", "broken.jsonl", "--task", "classification", "--json").json["exit_code"] == 3
    assert tunewright("audit", "absent.csv").code == 3


def test_a_cell_can_neither_move_nor_colour_the_terminal(data: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(data, [(f"\x1b[31m{text}", f"\x1b[1m{label}") for text, label in records(60)])
    assert "\x1b" not in tunewright("audit", "train.csv").said


def test_init_takes_the_task_too(data: Path, bert: Path, tunewright: Callable[..., Ran]) -> None:
    rows = [
        {"instruction": f"what of parcel {n} then", "output": f"it is in van {n} now", "label": "ab"[n % 2]}
        for n in range(60)
    ]
    write_jsonl(data.parent / "both.jsonl", rows)
    told = tunewright("init", "both.jsonl", "--task", "classification", "--model", bert, "--dry-run", "--json").json
    assert told["found"]["task"] == "classification"
    assert tunewright("init", "both.jsonl", "--task", "sorting").code == 2


def test_an_audit_takes_columns_records_and_encoding_where_it_would_go_by_what_it_finds(
    data: Path, tunewright: Callable[..., Ran]
) -> None:
    rows = [(text, label, i % 3) for i, (text, label) in enumerate(records(60))]
    write_csv(data, rows, ("text", "label", "stars"))
    shown = tunewright("audit", "train.csv", "--target", "stars", "--encoding", "utf-8")
    assert shown.code == 0
    assert 'labels: "0" 20, "1" 20, "2" 20' in shown.out
    assert "'stars' by --target; classification is what such columns serve" in shown.out
    refused = tunewright("audit", "train.csv", "--input", "txet")
    assert (refused.code, "--input: train.csv has no column 'txet' (did you mean 'text'?)" in refused.err) == (2, True)
    assert "did you mean 'cp1252'" in tunewright("audit", "train.csv", "--encoding", "cp125").err
    assert "--sheet: is empty" in tunewright("audit", "train.csv", "--sheet", "").err
    listed = [dict(zip(("text", "label"), row, strict=True)) for row in records(40)]
    (data.parent / "two.json").write_text(json.dumps({"a": listed[:20], "b": listed}), encoding="utf-8")
    assert "--records PATH" in tunewright("audit", "two.json").err
    assert tunewright("audit", "two.json", "--records", "b", "--json").json["read"] == 40


def test_one_repeated_row_repeats_in_the_singular(data: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(data, [*records(60), *records(1)])
    assert "exact_duplicate: 1 row repeats the text" in tunewright("audit", "train.csv").out


@pytest.mark.parametrize("name", ["train.csv.gz", "train.jsonl.gz"])
def test_audit_and_init_look_into_a_packed_file(
    data: Path, bert: Path, name: str, tunewright: Callable[..., Ran]
) -> None:
    rows = [(f"{text} café", label) for text, label in records(60)]
    plain = data.parent / name.removesuffix(".gz")
    if ".csv" in name:
        write_csv(plain, rows)
    else:
        write_jsonl(plain, [{"text": text, "label": label} for text, label in rows])
    (data.parent / name).write_bytes(gzip.compress(plain.read_bytes()))
    told = tunewright("audit", name, "--json").json
    assert (told["encoding"], told["read"], told["exit_code"]) == ("utf-8", 60, 0)
    assert "café" in told["samples"][0]["text"]
    proposed = tunewright("init", name, "--dry-run", "--model", str(bert))
    assert proposed.code == 0
    assert "encoding" not in proposed.out
    assert tunewright("check", "recipe.yaml").code == 2  # nothing was written


def test_one_broken_byte_stops_audit_and_init_as_it_stops_a_run(
    data: Path, bert: Path, tunewright: Callable[..., Ran]
) -> None:
    write_csv(data, [(f"{text} café", label) for text, label in records(49)])
    data.write_bytes(data.read_bytes() + b"one caf\xe9,billing\n")
    for verb in (("audit", "train.csv"), ("init", "train.csv", "--model", str(bert))):
        told = tunewright(*verb)
        assert told.code == 3
        assert "1 place is broken beside 49 sound" in told.err
    assert not (data.parent / "recipe.yaml").exists()
