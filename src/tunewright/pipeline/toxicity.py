"""Who says which texts are toxic: the word list or the classifier that `data.toxicity` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.core.errors import Problem, RecipeError, TunewrightError, did_you_mean
from tunewright.core.files import resolve_path, sha256_file
from tunewright.core.rows import Finding
from tunewright.data.toxicity import WordList, read_terms
from tunewright.models.base import class_names
from tunewright.pipeline.checked import faults_of
from tunewright.pipeline.judge import LIBRARIES
from tunewright.pipeline.named_models import Needed, placed
from tunewright.recipe.toxicity import ToxicWords

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tunewright.core.protocols import ToxicityScorer
    from tunewright.models.base import Base
    from tunewright.pipeline.checked import Fault
    from tunewright.pipeline.context import Context
    from tunewright.recipe.toxicity import ToxicModel

PLACE = "data.toxicity.model"


def toxicity_scorer(context: Context, *, local_only: bool) -> ToxicityScorer | None:
    """What scores texts for `data.toxicity`; None where the recipe asks for none, and where its model is not on this
    machine and may not be fetched. Raises DataError for a list, RecipeError for a label or model that are not there.
    """
    spec = context.recipe.data.toxicity
    if spec is None:
        return None
    if isinstance(spec, ToxicWords):
        return WordList(read_terms(spec.file, context.folder))
    needed = _needed(spec)
    base = needed.local(context) if local_only else needed.base(context)
    return None if base is None else _LabelScorer(context, needed, base, spec)


def toxicity_inputs(context: Context) -> dict[str, Any] | None:
    """What decides beside the recipe which texts are toxic."""
    spec = context.recipe.data.toxicity
    if spec is None:
        return None
    if isinstance(spec, ToxicWords):
        path = resolve_path(spec.file, context.folder)
        return {"file": sha256_file(path) if path.is_file() else None}
    from tunewright.training.settings import pick_device  # noqa: PLC0415  # brings torch in

    base = _needed(spec).local(context)
    return {"model": None if base is None else base.revision, "libraries": LIBRARIES, "device": pick_device()}


def toxicity_faults(context: Context) -> tuple[list[Fault], list[Finding]]:
    """What of `data.toxicity` a run would stop at, and whether its model is here; no weights are loaded."""
    spec = context.recipe.data.toxicity
    if spec is None:
        return [], []
    try:
        if isinstance(spec, ToxicWords):
            read_terms(spec.file, context.folder)
        else:
            base = _needed(spec).local(context)
            if base is None:
                message = f"{spec.model} is not on this machine: whether texts are toxic was not looked at"
                return [], [Finding("toxicity_model_not_here", "note", message, 1, (), "a run fetches it from the hub")]
            _number_of(spec, base)
    except TunewrightError as fault:
        return faults_of(fault), []
    return [], []


class _LabelScorer:
    """The probability that a classifier gives one label. Implements `core.protocols.ToxicityScorer`."""

    def __init__(self, context: Context, needed: Needed, base: Base, spec: ToxicModel) -> None:
        self._number = _number_of(spec, base)
        self._asked = (context, needed, base)

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One probability a text, `[N]`."""
        from tunewright.inference.classify import TunedClassifier  # noqa: PLC0415  # brings torch in
        from tunewright.inference.label_sets import LabelSetModel  # noqa: PLC0415
        from tunewright.models.load import load_tuned  # noqa: PLC0415
        from tunewright.training.settings import pick_device  # noqa: PLC0415

        context, needed, base = self._asked
        context.say(f"data: asking {base.name} which of {len(texts):,} texts are toxic")
        with placed(PLACE):
            model: Any = load_tuned(base.adapter or base.folder, base.folder)
        several = model.config.problem_type == "multi_label_classification"
        reader = (LabelSetModel if several else TunedClassifier)(
            model, needed.tokenizer(context, base), device=pick_device()
        )
        column_N: NDArray[np.float64] = reader.probabilities(texts)[:, self._number]
        return column_N


def _needed(spec: ToxicModel) -> Needed:
    return Needed(PLACE, spec.model, "classifier")


def _number_of(spec: ToxicModel, base: Base) -> int:
    """The output of the label. Raises RecipeError for a model without it."""
    labels = class_names(base)
    if spec.label in labels:
        return labels.index(spec.label)
    shown = ", ".join(map(repr, labels[:8])) or "no label"
    given = f"{spec.label!r}{did_you_mean(spec.label, labels)}, and {spec.model} tells apart {shown}"
    remedy = "name one of its labels, or a classifier that has this one"
    raise RecipeError(Problem("data.toxicity.label", given, "a label of the classifier", remedy))
