"""Low-rank adapters through peft: added, saved and loaded in its format, merged for export only."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from tunewright.core.errors import Problem, RecipeError, RunError, did_you_mean
from tunewright.core.files import read_json, write_json
from tunewright.core.seeds import child_seed
from tunewright.models.base import ADAPTER, BASE_NAME, BASE_REVISION
from tunewright.models.pissa import make_plain, require_rank, start_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from peft import PeftModel
    from transformers import PreTrainedModel

    from tunewright.recipe.train import Lora

WEIGHTS = "adapter_model.safetensors"
MERGE_TOLERANCE = 1e-4
"""Largest difference of a merged model's logits, as a share of the largest logit: fp32 rounding, and no more."""
PROBE_TOKENS = 32
OTHER_BASE = "check that the base is the one it was trained on"


def add_adapters(
    model: PreTrainedModel, method: Lora, seed: int, *, base_name: str = "", base_commit: str | None = None
) -> PeftModel:
    """The model with adapters, the only weights that are trained beside a new head; they depend on the seed alone.

    `base_name` is what the adapter's files say of its base, where peft looks for it: a hub name, of which it then
    fetches `base_commit`, or a folder. An untrained adapter changes nothing. Raises RecipeError for a target that the
    model does not have, or a rank that one cannot begin with.
    """
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # two seconds that other methods do not need

    targets = require_targets(model, method)
    config = LoraConfig(
        r=method.rank,
        lora_alpha=2 * method.rank if method.alpha == "auto" else method.alpha,  # type: ignore[arg-type]  # any number
        lora_dropout=method.dropout,
        target_modules=sorted(targets),
        modules_to_save=_new_heads(model),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in targets.values()),
        task_type=_task_type(model),
        use_rslora=method.rank_stabilised,
        use_dora=method.dora,
        init_lora_weights="pissa" if method.initialisation == "pissa" else True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed(seed, "adapter"))
        with _quiet():
            adapted: Any = get_peft_model(model, config, autocast_adapter_dtype=False)
    told = adapted.peft_config["default"]
    told.base_model_name_or_path, told.revision = base_name, base_commit  # peft put its folder there
    if method.initialisation == "pissa":
        adapted.adapter_start = start_of(adapted)
    model_to_train: PeftModel = adapted
    return model_to_train


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warning that peft asks transformers by a name it is about to lose: nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


def has_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter and no whole model."""
    return (folder / ADAPTER).is_file()


def save_adapter(model: PeftModel, folder: Path) -> None:
    """The folder holds the adapter in peft's format, with the configuration of the model it belongs to."""
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a form with nothing filled in
    start = getattr(model, "adapter_start", None)
    if start is not None:
        make_plain(folder / WEIGHTS, folder / ADAPTER, start)
    base: Any = model.get_base_model()
    base.config.save_pretrained(folder)
    generation = getattr(base, "generation_config", None)
    if generation is not None:
        generation.save_pretrained(folder)


def name_base(folder: Path, base_name: str, revision: str | None = None) -> None:
    """The files of the folder's adapter name its base so, and its commit on the hub: where peft looks for it."""
    told = {BASE_NAME: base_name, BASE_REVISION: revision}
    write_json(folder / ADAPTER, {**read_json(folder / ADAPTER), **told})


def load_with_adapter(base_model: PreTrainedModel, folder: Path) -> PeftModel:
    """The base with the folder's adapter, frozen and in eval mode. Raises RunError where it does not fit the base."""
    from peft import PeftModel, get_peft_model_state_dict  # noqa: PLC0415
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    path = folder / WEIGHTS
    expected = "an adapter in peft's format, of this base"
    if not path.is_file():  # peft would look for pickled weights next
        raise RunError(Problem(str(folder), f"holds no {WEIGHTS}", expected, "train again"))
    told = read_json(folder / "config.json").get("model_type") if (folder / "config.json").is_file() else None
    if told not in {None, base_model.config.model_type}:  # names and shapes alone may be those of another architecture
        given = f"is an adapter of a {told}, and the base is a {base_model.config.model_type}"
        raise RunError(Problem(str(folder), given, expected, OTHER_BASE))
    try:
        with safe_open(path, framework="pt") as saved:
            names = set(saved.keys())
        with _quiet():
            model = PeftModel.from_pretrained(base_model, str(folder), autocast_adapter_dtype=False)
    except (SafetensorError, ValueError, RuntimeError, OSError, TypeError) as fault:
        given = f"cannot be loaded: {str(fault).splitlines()[0]}"
        raise RunError(Problem(str(folder), given, expected, OTHER_BASE)) from fault
    other = names ^ set(get_peft_model_state_dict(model, save_embedding_layers=False))
    if other:
        given = f"does not fit the base: {', '.join(sorted(other)[:3])} stand on one side alone"
        raise RunError(Problem(str(folder), given, expected, OTHER_BASE))
    return model.eval()


def merged(model: PeftModel) -> tuple[PreTrainedModel, float]:
    """The base with the adapter added into its weights, in fp32, and the largest difference of its logits on a probe.

    The given model is used up. Raises RunError where the difference is above MERGE_TOLERANCE of the largest logit.
    """
    model = model.float().eval()
    before = probe_logits(model)
    whole: Any = model.merge_and_unload(safe_merge=True)
    after = probe_logits(whole)
    difference = float((before - after).abs().max())
    bound = MERGE_TOLERANCE * max(1.0, float(before.abs().max()))
    if not difference <= bound:
        given = f"the merged model's logits differ by {difference:.3g}"
        remedy = "export the adapter without merging it"
        raise RunError(Problem("merge", given, f"at most {bound:.3g}, as rounding explains", remedy))
    return whole, difference


@torch.inference_mode()
def probe_logits(model: Any) -> torch.Tensor:
    """The logits of ids that are spread over the vocabulary, in double precision."""
    size = model.get_input_embeddings().num_embeddings
    ids_BT = torch.linspace(0, size - 1, 2 * PROBE_TOKENS, device=model.device).long().reshape(2, PROBE_TOKENS)
    inputs = {"input_ids": ids_BT, "attention_mask": torch.ones_like(ids_BT)}
    config = getattr(model, "config", None)
    if getattr(config, "is_encoder_decoder", False) and hasattr(model, "generate"):
        inputs["decoder_input_ids"] = ids_BT.flip(1)
    logits: torch.Tensor = model(**inputs).logits
    return logits.double()


def require_targets(model: PreTrainedModel, method: Lora) -> Mapping[str, nn.Module]:
    """The modules that get an adapter, by their full names; no weight is looked at.

    Raises RecipeError for a target that the model does not have, or a rank that one cannot begin with.
    """
    targets = _targets(model, method)
    if method.initialisation == "pissa":
        require_rank(targets, method.rank)
    return targets


def _targets(model: PreTrainedModel, method: Lora) -> Mapping[str, nn.Module]:
    """Full names of the modules that get an adapter."""
    modules: Iterable[tuple[str, nn.Module]] = model.named_modules()
    linear = {name: module for name, module in modules if isinstance(module, nn.Linear | Conv1D)}
    if method.targets != "all_linear":
        return _named(linear, method.targets)
    output = model.get_output_embeddings()
    trunk = {id(module) for module in model.base_model.modules()}
    return {name: m for name, m in linear.items() if id(m) in trunk and m is not output and not _is_pooler(name)}


def _named(linear: Mapping[str, nn.Module], wanted: Sequence[str]) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}
    for given in wanted:
        matches = {name: m for name, m in linear.items() if name == given or name.endswith(f".{given}")}
        if not matches:
            ends = sorted({name.rpartition(".")[2] for name in linear})
            expected = f"names as they end: {', '.join(ends)}{did_you_mean(given, ends)}"
            problem = Problem("train.method.targets", f"no linear module is named {given!r}", expected, "correct it")
            raise RecipeError(problem)
        found |= matches
    return found


def _new_heads(model: PreTrainedModel) -> list[str] | None:
    """Modules of a classifier that the base does not have: trained and saved whole."""
    if _task_type(model) not in {"SEQ_CLS", "TOKEN_CLS"}:
        return None
    return list(_heads(model))


def _heads(model: PreTrainedModel) -> Iterator[str]:
    for name, child in model.named_children():
        if child is not model.base_model and next(child.parameters(), None) is not None:
            yield name
    for name, child in model.base_model.named_children():
        if _is_pooler(name) and child is not None:
            yield name


def _is_pooler(name: str) -> bool:
    return "pooler" in name.split(".")


def _task_type(model: PreTrainedModel) -> str | None:
    """What peft calls the task; it has no name for filling masked tokens in."""
    if "ForSequenceClassification" in type(model).__name__:
        return "SEQ_CLS"
    if "ForTokenClassification" in type(model).__name__:
        return "TOKEN_CLS"
    if getattr(model.config, "is_encoder_decoder", False):
        return "SEQ_2_SEQ_LM"
    return "CAUSAL_LM" if model.can_generate() else None
