"""A base's files become a model in memory. Weights are read from safetensors only; remote code is never run."""

from __future__ import annotations

import contextlib
import logging
import re
from stat import S_IMODE
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.core.seeds import child_seed
from tunewright.models.adapters import has_adapter, load_with_adapter, merged, save_adapter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from peft import PeftModel

    from tunewright.core.encoded import Layout, SpecialIds

SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
WRITERS: Mapping[Layout, Any] = {
    "causal": AutoModelForCausalLM,
    "seq2seq": AutoModelForSeq2SeqLM,
    "masked": AutoModelForMaskedLM,
}
"""Layout to the class of models that predict tokens in it."""
READERS: Mapping[Layout, Any] = {"tags": AutoModelForTokenClassification}
"""Layout to the class of models that read it; those of others give a row one vector of numbers."""
IN_LAYERS = re.compile(r"(^|\.)(layers?|h|blocks?)\.\d+\.")
"""Names of weights inside a stack of layers."""
LEFT_OVER = re.compile(r"\.(attn|attention)\.(bias|masked_bias|causal_mask)$|(\.|^)rotary_emb\.inv_freq$")
"""Masks and frequencies that earlier versions of transformers saved with the weights, and later ones compute. A model
that has a weight of such a name loads it like any other."""
SHOWN = 3


def load_classifier(  # noqa: PLR0913  # all that decides a head, and where it begins
    folder: Path,
    labels: Sequence[str],
    *,
    dropout: float | None,
    seed: int,
    pad_id: int | None = None,
    adapter: Path | None = None,
    problem: str | None = "single_label_classification",
    layout: Layout = "classes",
) -> PreTrainedModel:
    """The base with a fresh classification head, in fp32; the head depends on the seed alone.

    `problem` is what transformers calls the kind of targets; of `regression`, the one label names the number. Of the
    layout `tags`, the head gives each token the labels, which are tags.

    A decoder reads a row's class off its last token before the padding, so it must be told `pad_id`. With `adapter`,
    the base is that of a tuned model: its adapter is merged in. Raises RunError for a base that is not whole.
    """
    config = _config(folder, dropout)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.problem_type = problem
    if pad_id is not None:
        config.pad_token_id = config.get_text_config().pad_token_id = pad_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed(seed, "head"))
        model, missing = _from_pretrained(class_of(layout), folder, config)
    trunk = f"{model.base_model_prefix}."
    lost = [name for name in missing if name.startswith(trunk) and ".pooler." not in f".{name}"]
    if lost:
        raise _incomplete(folder, f"lacks the weights {_some(lost)}")
    return model if adapter is None else merged(load_with_adapter(model, adapter))[0]


def class_of(layout: Layout) -> Any:
    """The class of models of a layout, as transformers has it."""
    return WRITERS[layout] if layout in WRITERS else READERS.get(layout, AutoModelForSequenceClassification)


def load_writer(layout: Layout, folder: Path, *, dropout: float | None, adapter: Path | None = None) -> PreTrainedModel:
    """The base that predicts tokens in the layout, in fp32. Raises RecipeError where it lacks its language head.

    With `adapter`, the base is that of a tuned model: its adapter is merged in.
    """
    if layout not in WRITERS:
        raise ValueError(f"a model of the layout {layout!r} predicts no tokens")
    config = _config(folder, dropout)
    if type(config) not in WRITERS[layout]._model_mapping:
        given = f"{config.model_type}, which has no {layout} language head"
        raise RecipeError(Problem("model.name", given, f"a {layout} base", "choose another base, or another task"))
    model, missing = _from_pretrained(WRITERS[layout], folder, config)
    if any(IN_LAYERS.search(name) for name in missing):
        raise _incomplete(folder, f"lacks the weights {_some(missing)}")
    if missing:
        given = f"the base lacks its language head: {_some(missing)}"
        remedy = "choose a base that was saved with its head, or another task"
        raise RecipeError(Problem("model.name", given, f"a {layout} base with its language head", remedy))
    return model if adapter is None else merged(load_with_adapter(model, adapter))[0]


def load_causal(folder: Path, *, dropout: float | None, adapter: Path | None = None) -> PreTrainedModel:
    """The base that continues texts, in fp32. Raises RecipeError where the base lacks its language head."""
    return load_writer("causal", folder, dropout=dropout, adapter=adapter)


def load_seq2seq(folder: Path, *, dropout: float | None, adapter: Path | None = None) -> PreTrainedModel:
    """The base that writes a text from a text, in fp32. Raises RecipeError where the base lacks its language head."""
    return load_writer("seq2seq", folder, dropout=dropout, adapter=adapter)


def load_masked(folder: Path, *, dropout: float | None, adapter: Path | None = None) -> PreTrainedModel:
    """The base that fills masked tokens in, in fp32. Raises RecipeError where the base lacks its language head."""
    return load_writer("masked", folder, dropout=dropout, adapter=adapter)


def load_tuned(
    folder: Path, base_folder: Path | None = None, *, base_adapter: Path | None = None, layout: Layout = "classes"
) -> PreTrainedModel | PeftModel:
    """A tuned model that reads, as it was saved, in eval mode; an adapter is laid over the base in `base_folder`, into
    which `base_adapter` is merged first where that base was tuned itself.
    """
    if not has_adapter(folder):
        model, missing = _from_pretrained(class_of(layout), folder, _config(folder, None))
        if missing:
            raise _incomplete(folder, f"lacks the weights {_some(missing)}")
        model.eval()
        return model
    labels = AutoConfig.from_pretrained(folder, **SAFE)
    names = [labels.id2label[n] for n in range(labels.num_labels)]
    below = _needed(base_folder, folder)
    base = load_classifier(
        below,
        names,
        dropout=None,
        seed=0,
        pad_id=labels.pad_token_id,
        adapter=base_adapter,
        problem=labels.problem_type or (None if layout == "tags" else "single_label_classification"),
        layout=layout,
    )
    return load_with_adapter(base, folder)


def load_tuned_text(
    folder: Path, base_folder: Path | None, layout: Layout, *, base_adapter: Path | None = None
) -> PreTrainedModel | PeftModel:
    """A tuned model that writes, as it was saved, in eval mode; an adapter is laid over the base in `base_folder`, into
    which `base_adapter` is merged first where that base was tuned itself.
    """
    if not has_adapter(folder):
        model = load_writer(layout, folder, dropout=None)
        model.eval()
        return model
    base = load_writer(layout, _needed(base_folder, folder), dropout=None, adapter=base_adapter)
    return load_with_adapter(base, folder)


def load_trunk(folder: Path) -> PreTrainedModel:
    """The base without a head, in fp32 and eval mode."""
    model, missing = _from_pretrained(AutoModel, folder, _config(folder, None))
    lost = [name for name in missing if not name.startswith("pooler.")]
    if lost:
        raise _incomplete(folder, f"lacks the weights {_some(lost)}")
    model.eval()
    return model


def input_embeddings(folder: Path) -> NDArray[np.float32]:
    """The input embeddings of all tokens, `[V, D]`, of any model that has such a table."""
    model, _ = _from_pretrained(AutoModel, folder, _config(folder, None))
    table: Any = model.get_input_embeddings()
    table_VD: NDArray[np.float32] = table.weight.detach().numpy().copy()
    return table_VD


def set_dropout(config: Any, probability: float) -> None:
    """Every dropout probability in the configuration is `probability`."""
    for part in {id(c): c for c in (config, config.get_text_config())}.values():
        for name, value in part.to_dict().items():
            if ("dropout" in name or "pdrop" in name) and (isinstance(value, float) or value == 0):
                setattr(part, name, probability)


def save_model(model: PreTrainedModel | PeftModel, folder: Path, *, special: SpecialIds | None = None) -> None:
    """The folder holds configuration and weights in Hugging Face layout, or an adapter in peft's, as safetensors.

    With `special`, generation by any other program ends at the same tokens.
    """
    generation = getattr(model, "generation_config", None)
    if special is not None and generation is not None:
        generation.eos_token_id = sorted(special.stops) or None
        generation.pad_token_id = special.pad
    with _quiet():
        if isinstance(model, PreTrainedModel):
            model.save_pretrained(folder)
        else:
            save_adapter(model, folder)
    ordinary_modes(folder)


def ordinary_modes(folder: Path) -> None:
    """Whoever may read the folder's configuration may read its weights: safetensors writes for the owner alone."""
    mode = (folder / "config.json").stat().st_mode
    for path in folder.glob("*.safetensors"):
        path.chmod(S_IMODE(mode))


def _config(folder: Path, dropout: float | None) -> Any:
    try:
        config = AutoConfig.from_pretrained(folder, **SAFE)
    except (OSError, ValueError) as fault:
        raise _incomplete(folder, f"has no usable config.json: {str(fault).splitlines()[0]}") from fault
    if dropout is not None:
        set_dropout(config, dropout)
    return config


def _from_pretrained(auto: Any, folder: Path, config: Any) -> tuple[PreTrainedModel, list[str]]:
    """The model, and the names of weights that its files do not hold. Left-over weights of other heads are none of
    ours; those of layers mean that the model is not the one its configuration describes.
    """
    try:
        with _quiet():
            model, told = auto.from_pretrained(
                folder,
                config=config,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **SAFE,
            )
    except (OSError, ValueError, RuntimeError) as fault:
        raise _incomplete(folder, f"cannot be loaded: {str(fault).splitlines()[0]}") from fault
    unknown = [name for name in told["unexpected_keys"] if not LEFT_OVER.search(name)]
    foreign = [name for name in unknown if IN_LAYERS.search(name)]
    if foreign:
        raise _incomplete(folder, f"holds weights that its configuration has no place for: {_some(foreign)}")
    return model, sorted(told["missing_keys"])


def _needed(base_folder: Path | None, folder: Path) -> Path:
    if base_folder is None:
        given = "holds an adapter, and the base it was trained on is not given"
        raise RunError(Problem(str(folder), given, "the base beside the adapter", "name the base, or merge it first"))
    return base_folder


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more


def _incomplete(folder: Path, given: str) -> RunError:
    return RunError(Problem(str(folder), given, "a whole model in Hugging Face layout", "fetch or write it again"))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No load report: a new head's weights are meant to be new."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bar:
            transformers_logging.enable_progress_bar()
