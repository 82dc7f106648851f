"""Ways to break the sound project, for the table of broken inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli_room import records, write_csv, write_jsonl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR\x00\x00\x01\x00\x00\x00\x01\x00\x08\x06" * 40
GARBAGE = bytes((n * 73 + 41) % 256 for n in range(4_000))


@dataclass(frozen=True, slots=True)
class Broken:
    """One way to break the sound project, the command that meets it, and the answer: each part's words."""

    name: str
    code: int
    place: str
    given: str
    expected: str
    remedy: str
    make: Callable[[Path], object]
    command: str = "prepare recipe.yaml"
    first: tuple[str, ...] = ()
    """Commands that succeed before the project is broken."""
    before: Callable[[Path], object] | None = None
    """What the project needs before these commands."""


def sound(folder: Path) -> None:
    """Breaks nothing: the fault is in the command."""


def recipe(text: str | bytes) -> Callable[[Path], object]:
    """The recipe holds this and nothing else."""
    content = text.encode() if isinstance(text, str) else text
    return lambda folder: (folder / "recipe.yaml").write_bytes(content)


def added(text: str) -> Callable[[Path], object]:
    """The sound recipe with these lines behind it."""
    return lambda folder: (folder / "recipe.yaml").open("a", encoding="utf-8").write(text + "\n")


def data_of(lines: str) -> Callable[[Path], object]:
    """The sound recipe with this `data` section."""

    def make(folder: Path) -> None:
        path = folder / "recipe.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("data: train.csv", lines), encoding="utf-8")

    return make


def held(content: str | bytes, name: str = "train.csv") -> Callable[[Path], object]:
    """The data file holds this."""
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def both(*makers: Callable[[Path], object]) -> Callable[[Path], object]:
    """One after the other."""
    return lambda folder: [make(folder) for make in makers]


def rows(*more: tuple[object, object]) -> Callable[[Path], object]:
    """The sound data file with these rows behind it."""
    return lambda folder: write_csv(folder / "train.csv", [*records(60), *more])


def jsonl(line: str, at: int, of: int) -> Callable[[Path], object]:
    """A JSONL file in which line `at` of `of` is this, and the recipe that names it."""

    def make(folder: Path) -> None:
        lines = [json.dumps({"text": text, "label": label}) for text, label in records(of)]
        lines[at - 1] = line
        (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        data_of("data: train.jsonl")(folder)

    return make


def own_test(*pairs: tuple[object, object]) -> Callable[[Path], object]:
    """A test file of one's own with these rows."""

    def make(folder: Path) -> None:
        write_csv(folder / "test.csv", pairs)
        data_of("data: {train: train.csv, test: test.csv}")(folder)

    return make


def unlabelled(folder: Path) -> None:
    """JSONL whose labels are all NaN, as a data frame writes them."""
    write_jsonl(folder / "train.jsonl", [{"text": text, "label": float("nan")} for text, _ in records(20)])
    data_of("data: train.jsonl")(folder)


def with_ids(folder: Path) -> None:
    header = ("id", "text", "label")
    write_csv(folder / "train.csv", [(f"T{n % 59}", *row) for n, row in enumerate(records(60))], header)


def with_dates(folder: Path) -> None:
    header = ("when", "text", "label")
    write_csv(folder / "train.csv", [(f"0{n % 9 + 1}/02/2025", *row) for n, row in enumerate(records(60))], header)
    data_of("data: {train: train.csv, time: when}\nsplit: {kind: time}")(folder)


def edited_test(folder: Path) -> None:
    """The test file with one label changed after it was frozen."""
    path = folder / "test.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",billing", ",delivery", 1), encoding="utf-8")


def edited_lock(folder: Path) -> None:
    path = folder / "tunewright.lock"
    path.write_text(path.read_text(encoding="utf-8").replace('"billing"]', '"delivery"]', 1), encoding="utf-8")


def model_files(**files: bytes) -> Callable[[Path], object]:
    """A model folder with these files (`config_json` is config.json), and the recipe that names it."""

    def make(folder: Path) -> None:
        (folder / "base").mkdir()
        for name, content in files.items():
            (folder / "base" / name.replace("_json", ".json").replace("__", ".")).write_bytes(content)
        model("base")(folder)

    return make


def model(name: str) -> Callable[[Path], object]:
    """The recipe with another base."""
    return recipe(f"model: {name}\ndata: train.csv\ntask: classification\n")


def tampered(folder: Path) -> None:
    """One byte of the tuned weights is another."""
    path = folder / "runs" / "recipe" / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


NO_TENSORS = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"
"""A whole safetensors file without a tensor."""
BERT = b'{"model_type": "bert", "num_hidden_layers": 2, "max_position_embeddings": 40}'
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nmodel: *c\ndata: d.csv\ntask: classification\n"
NO_YAML = "model: starter/encoder\ndata: [train.csv\ntask: classification\n"
CURLY = "{“text”: “late”, “label”: “delivery”}"
OWN_TEST = (*records(6, start=100),)
TRAIN = ("prepare recipe.yaml", "train recipe.yaml train.max_steps=2 train.precision=fp32")
