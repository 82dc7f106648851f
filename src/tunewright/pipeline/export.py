"""The tuned model of a run is written where plain transformers and peft find it, and checked against its training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tunewright.core.errors import Problem, RecipeError, RunError, TunewrightError
from tunewright.core.files import read_json
from tunewright.data.store import read_split
from tunewright.models.base import ADAPTER, BASE_NAME, find_local
from tunewright.models.export import export_model
from tunewright.pipeline.text_predictions import sample_rows
from tunewright.pipeline.tuned import open_run
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.core.encoded import RowContent
    from tunewright.models.base import Base
    from tunewright.pipeline.tuned import TunedRun

CHECKED_ROWS = 32
"""Training rows that are encoded again through the files written."""

What = Literal["the merged model", "the adapter", "the model"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    run: str
    folder: str
    what: What
    base: str
    """What the model was tuned from, as the recipe named it: an adapter works with no other."""
    files: dict[str, int]
    """Name to size in bytes."""
    logit_difference: float | None
    """Largest difference of a logit before and after merging; None where nothing was merged."""
    checked_rows: int
    """Training rows that give the same ids through the files written."""
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The export as JSON data."""
        return asdict(self)


def export_run(run: Path, *, to: Path, merge: bool, adapter: bool) -> Exported:
    """`to` holds the run's model, whole (`merge`) or as its `adapter`, with tokenizer, template and model card.

    Raises RecipeError for a folder that holds anything, or an adapter that is not there; RunError without a whole
    model, or where what was written is not what was trained: then nothing is left behind.
    """
    if merge == adapter:
        given = "both --merge and --adapter" if merge else "neither --merge nor --adapter"
        remedy = "--merge for a model that stands alone, --adapter for one that is loaded over its base"
        raise RecipeError(Problem("export", given, "one of them", remedy))
    tuned = open_run(run)
    if adapter and not tuned.has_adapter:
        given = "was tuned whole: it has no adapter"
        raise RecipeError(Problem(str(run), given, "a run with train.method: lora", "export it with --merge"))
    rows = _training_rows(tuned)
    base = tuned.base if merge and tuned.has_adapter else None
    card = tuned.path / "report" / "README.md"
    difference = export_model(
        tuned.folder,
        None if base is None else base.folder,
        merge=merge,
        to=to,
        encoder=tuned.encoder,
        rows=rows,
        base_adapter=None if base is None else base.adapter,
        card=card if card.is_file() else None,
        named=_base_at_hand(tuned) if adapter else None,
    )
    what: What = "the merged model" if base is not None else "the adapter" if adapter else "the model"
    return Exported(
        run=str(run),
        folder=str(to),
        what=what,
        base=tuned.model_spec.name,
        files={path.name: path.stat().st_size for path in sorted(to.iterdir())},
        logit_difference=difference,
        checked_rows=len(rows),
        notes=_notes(tuned, what, difference, to=to, rows=len(rows), has_card=card.is_file()),
    )


def _base_at_hand(tuned: TunedRun) -> Base | None:
    """The adapter's base, for peft to find; None where that is not on this machine as it was: the files say what the
    training wrote.
    """
    try:
        base = find_local(tuned.model_spec, tuned.path.resolve().parent.parent)
    except TunewrightError:
        return None
    return base if base is not None and base.revision == tuned.declares["base"] else None


def _training_rows(tuned: TunedRun) -> list[RowContent]:
    """A few rows of the training split. Raises RunError where the run's data is gone or another than was trained on."""
    frame = read_split(tuned.path / "data", "train")
    rows = [content for _, content in sample_rows(frame, CHECKED_ROWS, int(tuned.declares["seed"]))]
    if not rows:
        given = "has no training rows to check the export by"
        raise RunError(Problem(str(tuned.path / "data"), given, "the rows it was trained on", "run the recipe again"))
    return rows


def _where_base_is(folder: Path) -> Iterator[str]:
    """A note where the adapter names its base by something that another machine, or peft itself, does not know."""
    named = read_json(folder / ADAPTER)[BASE_NAME]
    alone = "--merge writes a model that stands alone"
    if Path(named).is_absolute():
        yield f"{ADAPTER} names the base by its folder on this machine, {named}: elsewhere, correct that path; {alone}"
    elif named.startswith(RUN):
        yield f"its base is an adapter too, so that peft alone cannot load it: {alone}"


def _notes(  # what was written, and by what it was checked
    tuned: TunedRun, what: What, difference: float | None, *, to: Path, rows: int, has_card: bool
) -> tuple[str, ...]:
    notes = [f"{rows} training rows give the same ids through the tokenizer and template that were written"]
    if difference is not None:
        notes.append(
            f"merged into {tuned.model_spec.name} in fp32: the largest difference of a logit is {difference:.3g}"
        )
    if what == "the adapter":
        notes.append(f"it is loaded over its base, {tuned.model_spec.name}, and no other")
        notes += _where_base_is(to)
    if what == "the model":
        notes.append("it was tuned whole, so that there was nothing to merge")
    if not has_card:
        notes.append("there is no model card yet: `tunewright report RECIPE` writes it, then export to a new folder")
    return tuple(notes)
