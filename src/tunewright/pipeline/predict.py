"""A tuned model put to use: texts or a file in, labels with probabilities out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import DataError, Problem, RecipeError, RunError
from tunewright.core.files import atomic_write
from tunewright.data.columns import recognised
from tunewright.data.normalise import clean_text
from tunewright.data.read import read_table
from tunewright.data.words import column_names
from tunewright.inference.classify import TunedClassifier
from tunewright.models.base import Base, read_facts
from tunewright.models.load import load_tuned
from tunewright.models.tokenizer import load_tokenizer
from tunewright.pipeline.stages import RunFolder, intact, read_manifest
from tunewright.recipe.data import DataSpec
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Prediction:
    """One classified text."""

    text: str
    label: str
    probability: float
    probabilities: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON data."""
        return asdict(self)


def predict_rows(run: Path, *, texts: Sequence[str], file: Path | None, column: str | None) -> list[Prediction]:
    """The tuned model's answer to each text, in order; texts are cleaned as the training rows were.

    Raises RecipeError without texts, RunError without a whole model.
    """
    if not texts and file is None:
        raise RecipeError(Problem("predict", "no texts", "--text or --file", 'tunewright predict RUN --text "…"'))
    model, spec = load_classifier(run), _data_spec(run)
    rows = [*texts, *(_texts_of(file, column, learned=spec.input) if file is not None else ())]
    probabilities_NK = model.probabilities([clean_text(text, spec.clean) for text in rows])
    best_N = probabilities_NK.argmax(axis=1)
    return [
        Prediction(text, model.labels[best], float(row[best]), dict(zip(model.labels, map(float, row), strict=True)))
        for text, best, row in zip(rows, best_N, probabilities_NK, strict=True)
    ]


def _data_spec(run: Path) -> DataSpec:
    """The data section of the recipe that the run keeps: its text column and its cleaning."""
    return load_recipe(_root(run) / "recipe.yaml").recipe.data


def _root(run: Path) -> Path:
    return run.parent if run.name == "model" else run


def load_classifier(run: Path) -> TunedClassifier:
    """The tuned classifier of a run directory, or of its `model/`, its files checked against the manifest."""
    root = _root(run)
    folder = root / "model"
    manifest = read_manifest(root / "training" / "manifest.json")
    if manifest is None:
        expected = "a run directory with a finished training"
        raise RunError(
            Problem(str(run), "holds no tuned model", expected, "tunewright run RECIPE, then name runs/<name>")
        )
    if not intact(RunFolder(root), manifest):
        remedy = "run the recipe again to train it anew"
        raise RunError(
            Problem(str(folder), "is not the model that was trained", "the files as they were saved", remedy)
        )
    base = Base(str(folder), "folder", folder, "")
    tokenizer = load_tokenizer(base, read_facts(base, str(folder)), max_tokens=None)
    return TunedClassifier(load_tuned(folder), tokenizer)


def write_rows(path: Path, rows: Sequence[Prediction]) -> None:
    """The file holds one JSON line a prediction."""
    atomic_write(path, "".join(json.dumps(row.as_dict(), ensure_ascii=False) + "\n" for row in rows).encode())


def _texts_of(file: Path, column: str | None, *, learned: str | None) -> list[str]:
    """The texts of a file: of the column named, else of the one learned from, else of one recognised by its name."""
    table = read_table(str(file), folder=Path(), spec=DataSpec(train=str(file)))
    names = [name for name in table.frame.columns if not name.startswith("__")]
    found = names if len(names) == 1 else recognised(names, column_names("input"))
    name = column or (learned if learned in names else found[0] if len(found) == 1 else None)
    if name is None or name not in names:
        given = f"no column {column!r}" if column else "it is not clear which column holds the text"
        raise RecipeError(Problem(str(file), given, f"one of: {', '.join(names)}", "name it with --column"))
    values = table.frame[name].to_list()
    faults = [
        line
        for line, value in zip(table.frame["__line__"].to_list(), values, strict=True)
        if not isinstance(value, str)
    ]
    if faults:
        given = f"{len(faults)} rows without a text in {name!r}, the first in line {faults[0]}"
        raise DataError(Problem(str(file), given, "a text in every row", "fill or remove these rows"))
    return values
