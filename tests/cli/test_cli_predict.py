"""`predict`: every answer can be joined to its row, no row is lost, and a wrong run is named for what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cli_room import QUICK

from tunewright.core.errors import DataError
from tunewright.pipeline.predict import predict_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

ANSWERED = (
    ("ids.csv", 'id,text\nT-1,"late\n\nagain"\nT-2,bill\n\n', [(2, "T-1"), (5, "T-2")]),  # blank lines inside a cell
    ("no ids.csv", "text\nlate\nbill\n", [(2, None), (3, None)]),
    ("two.csv", "uuid,ID,text\nx,7,late\n", [(2, "7")]),  # `id` is the plainer of the two names
    ("rows.jsonl", '{"text": "a\\n\\nb", "id": 7}\n{"text": "bill", "id": null}\n', [(1, 7), (2, None)]),
    ("tabs.tsv", "ticket_id\ttext\r\n7\tlate\r\n8\tbill\r\n", [(2, "7"), (3, "8")]),
)
LOST = (
    ("hole.csv", "text\nlate\n\nbill\n", "1 blank line, where a row could be meant: line 3"),
    ("end.csv", "text\nlate\n\n", "1 blank line, where a row could be meant: line 3"),
    ("wide.csv", "id,text\n1,late\n\n\n2,bill\n", "2 blank lines, where a row could be meant: line 3, 4"),
    ("hole.jsonl", '{"text": "late"}\n\n{"text": "bill"}\n', "1 blank line, where a row could be meant: line 2"),
    ("empty.csv", "id,text\n1,late\n2,  \n", "1 of 2 texts are empty: line 3"),
    ("null.jsonl", '{"text": "late"}\n{"text": null}\n', "the first in line 2"),
)


@pytest.mark.parametrize(("name", "content", "places"), ANSWERED, ids=[case[0] for case in ANSWERED])
def test_every_answer_bears_the_line_and_the_id_of_its_row(
    name: str, content: str, places: list[object], finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    (finished_run / name).write_text(content, encoding="utf-8", newline="")
    assert tunewright("predict", "runs/recipe", "--file", name, "--out", "found.jsonl").code == 0
    rows = [json.loads(line) for line in (finished_run / "found.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["line"], row["id"]) for row in rows] == places
    shown = [line.split("\t") for line in tunewright("predict", "runs/recipe", "--file", name).out.splitlines()]
    with_id = any(id_ is not None for _, id_ in places)
    expected = [[str(line), str("-" if id_ is None else id_)] if with_id else [str(line)] for line, id_ in places]
    assert [cells[:-3] for cells in shown] == expected


@pytest.mark.parametrize(("name", "content", "said"), LOST, ids=[case[0] for case in LOST])
def test_a_row_without_a_text_stops_it_with_its_line(
    name: str, content: str, said: str, finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    (finished_run / name).write_text(content, encoding="utf-8")
    told = tunewright("predict", "runs/recipe", "--file", name, "--column", "text", "--out", "found.jsonl")
    assert (told.code, told.out) == (3, "")
    assert said in told.err
    assert name in told.err
    assert not (finished_run / "found.jsonl").exists()


@pytest.mark.parametrize("arguments", [(), ("--text", "late")])
def test_a_run_that_is_not_there_is_said_first_with_those_that_are(
    arguments: tuple[str, ...], finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright("predict", "runs/recipes", *arguments)
    assert told.code == 2
    assert "runs/recipes: no such run directory (did you mean 'runs/recipe'?)" in told.err
    assert "expected a run directory with a finished training; there are: runs/recipe" in told.err
    assert "remedy: name one of these" in told.err
    assert "(did you mean 'runs/recipe'?)" in tunewright("predict", "recipe", *arguments).err, "its name alone"
    assert "recipe.yaml: is a file" in tunewright("predict", "recipe.yaml", *arguments).err


def test_a_run_without_a_model_names_the_stage_that_is_missing(project: Path, tunewright: Callable[..., Ran]) -> None:
    (project / "runs" / "recipe").mkdir(parents=True)
    (project / "runs" / "recipe" / "recipe.yaml").write_text("begun", encoding="utf-8")
    told = tunewright("predict", "runs/recipe", "--text", "late")
    assert (told.code, "the stage 'data' has not finished in this run" in told.err) == (4, True)
    assert tunewright("prepare", "recipe.yaml", *QUICK).code == 0
    told = tunewright("predict", "runs/recipe", "--text", "late")
    assert (told.code, "the stage 'training' has not finished in this run" in told.err) == (4, True)
    (project / "runs" / "recipe" / "training" / "checkpoints").mkdir(parents=True)
    told = tunewright("predict", "runs/recipe", "--text", "late")
    assert "the stage 'training' has begun and not finished in this run" in told.err
    assert "remedy: resume it: tunewright run RECIPE" in told.err


def test_answers_never_replace_their_own_rows_and_no_other_file_unasked(
    finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    rows, other = finished_run / "rows.csv", finished_run / "other.jsonl"
    rows.write_text("text\nlate\n", encoding="utf-8")
    (finished_run / "link.csv").symlink_to(rows)
    other.write_text("kept", encoding="utf-8")
    for out, force in (("rows.csv", True), ("link.csv", True), ("rows.csv", False), ("other.jsonl", False)):
        told = tunewright("predict", "runs/recipe", "--file", "rows.csv", "--out", out, *["--force"] * force)
        assert (told.code, told.out) == (2, ""), out
        assert out in told.err
    assert tunewright("predict", "runs/recipe", "--file", "rows.csv", "--out", "runs", "--force").code == 2
    assert (rows.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")) == ("text\nlate\n", "kept")
    assert tunewright("predict", "runs/recipe", "--file", "rows.csv", "--out", "other.jsonl", "--force").code == 0
    assert json.loads(other.read_text(encoding="utf-8"))["line"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "runs/recipe", "--text", "a\udcff"),
        ("predict", "runs/recipe", "--file", "a\udcff.csv"),
        ("predict", "a\udcff", "--text", "a"),
        ("check", "a\udcff.yaml"),
        ("check", "recipe.yaml", "name=a\udcff"),
    ],
)
def test_an_argument_that_is_not_utf_8_is_refused_as_one(
    arguments: tuple[str, ...], project: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright(*arguments)
    assert told.code == 2
    assert "an argument is not UTF-8: '" in told.err
    assert "a\\udcff" in told.err
    assert "remedy: " in told.err


def test_a_text_of_half_a_pair_is_refused_by_the_library_too(finished_run: Path) -> None:
    with pytest.raises(DataError, match="1 of 2 texts are not Unicode: text 2"):
        predict_rows(finished_run / "runs" / "recipe", texts=["late", "a\ud800"], file=None, column=None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "n" * 300 + ".yaml"),
        ("check", "recipe.yaml", "data.train=" + "n" * 300 + ".csv"),
        ("run", "recipe.yaml", "data.train=" + "n" * 300 + ".csv"),
        ("predict", "n" * 300, "--text", "late"),
        ("predict", "runs/recipe", "--file", "n" * 300),
        ("predict", "runs/recipe", "--text", "late", "--out", "n" * 300),
    ],
)
def test_a_path_that_can_be_none_is_a_wrong_command(
    arguments: tuple[str, ...], finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright(*arguments)
    assert told.code in ({1} if arguments[0] == "check" and len(arguments) > 2 else {2, 3}), told.err
    assert "internal error" not in told.err


@pytest.mark.parametrize("content", ["[]", "3", "null", '"a"'])
def test_a_record_of_a_run_that_is_no_mapping_is_named(
    content: str, finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    for name in ("manifest.json", "resolved.json"):
        path = finished_run / "runs" / "recipe" / name
        whole = path.read_text(encoding="utf-8")
        path.write_text(content, encoding="utf-8")
        told = tunewright("run", "recipe.yaml", *QUICK)
        assert told.code == 4
        assert f"{name}: is JSON, and no mapping" in told.err
        path.write_text(whole, encoding="utf-8")
