"""A tuned model put to use: texts or a file in, labels with probabilities out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

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
from tunewright.recipe.data import CleanSpec, DataSpec
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.pipeline.stages import Manifest


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
    declares = _training(run).declares
    clean = _cleaning(run, declares)
    model = load_classifier(run)
    rows = [*texts, *(_texts_of(file, column, learned=declares.get("input")) if file is not None else ())]
    cleaned = [clean_text(text, clean) for text in rows]
    empty = [str(number) for number, text in enumerate(cleaned, start=1) if not text.strip()]
    if empty:
        given = f"{len(empty)} of {len(rows)} texts are empty: number {', '.join(empty[:5])}"
        remedy = "leave them out: a model answers an empty text too, and the answer means nothing"
        raise DataError(Problem("predict", given, "a text in every row", remedy))
    probabilities_NK = model.probabilities(cleaned)
    best_N = probabilities_NK.argmax(axis=1)
    return [
        Prediction(text, model.labels[best], float(row[best]), dict(zip(model.labels, map(float, row), strict=True)))
        for text, best, row in zip(rows, best_N, probabilities_NK, strict=True)
    ]


def _training(run: Path) -> Manifest:
    """What the training says of itself. The run's recipe may have moved on since: every stage writes it anew."""
    manifest = read_manifest(_root(run) / "training" / "manifest.json")
    if manifest is None:
        expected = "a run directory with a finished training"
        raise RunError(
            Problem(str(run), "holds no tuned model", expected, "tunewright run RECIPE, then name runs/<name>")
        )
    return manifest


def _cleaning(run: Path, declares: Mapping[str, Any]) -> CleanSpec:
    """The cleaning that the texts of the training went through."""
    try:
        return CleanSpec.model_validate(declares.get("clean"))
    except ValidationError as fault:
        given = "does not say how the texts of its training were cleaned"
        remedy = "run the recipe again to train it anew"
        raise RunError(Problem(str(run), given, "a training of this version", remedy)) from fault


def _root(run: Path) -> Path:
    """The run directory of a run or of its `model/`; a run may itself be called `model`."""
    return run.parent if run.name == "model" and not (run / "training").is_dir() else run


def load_classifier(run: Path) -> TunedClassifier:
    """The tuned classifier of a run directory, or of its `model/`, its files checked against the manifest."""
    root = _root(run)
    folder = root / "model"
    if not intact(RunFolder(root), _training(run)):
        remedy = "run the recipe again to train it anew"
        raise RunError(
            Problem(str(folder), "is not the model that was trained", "the files as they were saved", remedy)
        )
    base = Base(str(folder), "folder", folder, "")
    tokenizer = load_tokenizer(base, read_facts(base, str(folder)), max_tokens=None)
    return TunedClassifier(load_tuned(folder), tokenizer, device=pick_device())


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
