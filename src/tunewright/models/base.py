"""A base by name: where its files are, what they are, and their hash. Nothing here loads weights."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tunewright.core.errors import Problem, RecipeError, RunError, did_you_mean
from tunewright.core.files import digest, read_json, read_mapping, resolve_path, sha256_file
from tunewright.models.catalogue import Family, family_of, hosted_only, known_model, open_alternatives
from tunewright.recipe.model import RUN, ModelSpec
from tunewright.starter import encoder, lm

HUB_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
PADDED_POSITIONS = frozenset({"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"})
"""Architectures that count positions from behind the padding index: they take fewer tokens than they have positions."""
RELATIVE_POSITIONS = frozenset({"t5", "mt5", "umt5", "longt5"})
"""Architectures that only know how far apart tokens are: the tokenizer states the length, or a default holds."""
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
RUN_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
ADAPTER = "adapter_config.json"
"""An adapter's configuration in peft's format: a folder that holds it holds no whole model."""
BASE_NAME, BASE_REVISION = "base_model_name_or_path", "revision"
"""Where an adapter's configuration says what it was trained on, and which commit of that."""
POOLING = "1_Pooling/config.json"
FLAG = "pooling_mode_"


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained model's files."""

    name: str
    """As the recipe names it."""
    origin: Literal["starter", "folder", "hub", "run"]
    folder: Path
    revision: str
    """Commit on the hub, or the hash of the files."""
    adapter: Path | None = None
    """Folder of the adapter that a run laid over the weights in `folder`: both together are the base."""

    @property
    def tokenizer_folder(self) -> Path:
        """Where the tokenizer and the template stand: a run's own lie beside its adapter."""
        return self.adapter or self.folder

    @property
    def address(self) -> str:
        """What other programs find it by: its hub name, else the absolute path of its folder; where that holds the
        base without its adapter, the name alone, which none of them takes for another model.
        """
        return self.name if self.origin == "hub" or self.adapter is not None else str(self.folder.resolve())

    @property
    def commit(self) -> str | None:
        """The commit of the hub that other programs must fetch by `address`; None where that is no hub name."""
        return self.revision if self.origin == "hub" else None


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """What is known of a base without its weights; None is unknown."""

    family: Family | None
    model_type: str | None
    parameters: int | None
    layers: int | None
    max_positions: int | None
    mean_pooled: bool = False
    """Whether its files say that a text is read by the mean of its tokens' states, as sentence-transformers writes."""


def find_local(spec: ModelSpec, recipe_folder: Path) -> Base | None:
    """The base's files if they are on this machine, without touching the network; None for a hub name not cached.

    Raises RecipeError for a name nobody can tune, or a path that holds no model.
    """
    _refuse_hosted(spec.name)
    if spec.name == encoder.NAME:
        return Base(spec.name, "starter", encoder.encoder_folder(), encoder.WEIGHTS_SHA256)
    if spec.name == lm.NAME:
        return Base(spec.name, "starter", lm.lm_folder(), lm.WEIGHTS_SHA256)
    if spec.name.startswith(RUN):
        return _of_run(spec.name, recipe_folder)
    folder = _folder_named(spec.name, recipe_folder)
    if folder is not None:
        return Base(spec.name, "folder", _checked_folder(folder, spec.name), _files_hash(folder))
    if not HUB_NAME.match(spec.name) or spec.name.startswith("starter/"):
        raise _no_name(spec.name)
    return _from_hub(spec, local_only=True)


def fetch(spec: ModelSpec, recipe_folder: Path) -> Base:
    """The base's files, downloaded from the hub if need be. Raises RunError when they cannot be had."""
    base = find_local(spec, recipe_folder) or _from_hub(spec, local_only=False)
    if base is None:
        given = f"{spec.name!r} is not in the hub's cache and could not be downloaded"
        remedy = "check the name and the network, set HF_TOKEN for gated models, or name a local folder"
        raise RunError(Problem("model.name", given, "a model that can be reached", remedy))
    return base


def read_facts(base: Base | None, name: str) -> BaseFacts:
    """What the base's configuration says, or what the catalogue knows of a hub name that is not on this machine."""
    if base is None:
        known = known_model(name)
        return BaseFacts(known[0] if known else None, None, known[1] if known else None, None, None)
    config = _config(base.folder)
    model_type = str(config.get("model_type", ""))
    config = {**config, **(config.get("text_config") or {})}  # a model of pictures and text keeps its text part there
    positions = next((config[k] for k in ("max_position_embeddings", "n_positions") if config.get(k)), None)
    positions = None if model_type in RELATIVE_POSITIONS else positions
    if positions is not None and model_type in PADDED_POSITIONS:
        # MPNet's padding index is 1 whatever the configuration says of the token
        positions -= 2 if model_type == "mpnet" else config.get("pad_token_id", 1) + 1
    return BaseFacts(
        family=family_of(model_type),
        model_type=model_type,
        parameters=_count_parameters(base.folder),
        layers=_layers(config),
        max_positions=positions,
        mean_pooled=_mean_pooled(base.folder),
    )


def _layers(config: dict[str, Any]) -> int | None:
    """Layers of the whole model; of an encoder with a decoder, those of both."""

    def first(*names: str) -> int | None:
        return next((int(config[name]) for name in names if config.get(name)), None)

    if not config.get("is_encoder_decoder") and "decoder_layers" not in config:
        return first("num_hidden_layers", "n_layers", "n_layer", "num_layers")
    below = first("encoder_layers", "num_layers", "num_hidden_layers")
    above = first("decoder_layers", "num_decoder_layers") or below
    return None if below is None or above is None else below + above


def class_names(base: Base) -> list[str]:
    """What a classifier of texts tells apart, in the order of its outputs; none where it is no such classifier."""
    config = _config(base.tokenizer_folder)
    named = config.get("id2label") or {}
    if any("TokenClassification" in name for name in config.get("architectures") or ()):
        return []
    return [str(named[number]) for number in sorted(named, key=int)]


def _mean_pooled(folder: Path) -> bool:
    """Whether the mean is the one thing that is read, as sentence-transformers writes it: `pooling_mode` today, and a
    flag for each mode in older files.
    """
    path = folder / POOLING
    if not path.is_file():
        return False
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        modes = [name.removeprefix(FLAG) for name, value in told.items() if name.startswith(FLAG) and value is True]
    except (ValueError, AttributeError):
        return False  # a file of another program: what it does not say clearly is not taken for said
    return bool(told["pooling_mode"] == "mean") if "pooling_mode" in told else modes == ["mean_tokens"]


def _of_run(name: str, recipe_folder: Path) -> Base:
    """The tuned model of a run beside the recipe; an adapter's base is found as that run's recipe named it."""
    run = name.removeprefix(RUN)
    folder = recipe_folder / "runs" / run / "model"
    if not RUN_NAME.match(run) or not folder.is_dir():
        runs = sorted(path.parent.parent.name for path in (recipe_folder / "runs").glob("*/training/manifest.json"))
        given = f"{name!r}: no such run beside the recipe{did_you_mean(run, runs)}"
        expected = f"the name of a run with a finished training; there are: {', '.join(runs) or 'none'}"
        raise RecipeError(Problem("model.name", given, expected, "correct the name, or finish that run first"))
    if not (folder / ADAPTER).is_file():
        return Base(name, "run", _checked_folder(folder, name), _files_hash(folder))
    declared = _declared(folder.parent)
    told = ModelSpec(name=declared["model"]["name"], revision=declared["model"]["revision"])
    below = find_local(told, recipe_folder)
    if below is None or below.adapter is not None:
        given = f"{name!r} is an adapter of {told.name!r}, which is not at hand as a whole model"
        remedy = f"merge it: tunewright export runs/{run} --merge --to DIR, then `model: DIR`"
        raise RecipeError(Problem("model.name", given, "a whole model, or an adapter of one", remedy))
    if below.revision != declared["base"]:
        given = f"{told.name!r} is no longer what the adapter of {name!r} was trained on"
        remedy = f"bring that revision back, or run {run}'s recipe again"
        raise RunError(Problem("model.name", given, f"its files with the hash {declared['base'][:16]}…", remedy))
    return Base(name, "run", below.folder, digest([below.revision, _files_hash(folder)]), adapter=folder)


def _declared(run: Path) -> dict[str, Any]:
    """What the training of a run declares: its base as the recipe named it, and the base's revision."""
    path = run / "training" / "manifest.json"
    if not path.is_file():
        given = "its training has no manifest"
        raise RecipeError(
            Problem("model.name", f"{run.name!r}: {given}", "a finished training", "finish that run first")
        )
    found = read_mapping(path).get("declares")
    if not isinstance(found, dict):
        given = "does not say what the training was of"
        raise RunError(Problem(str(path), given, "a manifest written by tunewright", "finish that run again"))
    return found


def _folder_named(name: str, recipe_folder: Path) -> Path | None:
    try:
        folder = resolve_path(name, recipe_folder).resolve()
    except ValueError:  # a NUL in the name: no folder bears it
        return None
    return folder if folder.is_dir() else None


def _no_name(name: str) -> RecipeError:
    expected = (
        f"{encoder.NAME!r}, {lm.NAME!r}, run:NAME, a folder in Hugging Face layout, or a hub name such as "
        "google-bert/bert-base-uncased"
    )
    given = f"{name!r} is no folder and no hub name{did_you_mean(name, (encoder.NAME, lm.NAME))}"
    return RecipeError(Problem("model.name", given, expected, "correct the name"))


def _refuse_hosted(name: str) -> None:
    if hosted_only(name):
        given = f"{name!r} is served by its owner only: its weights cannot be tuned here"
        options = ", ".join([*open_alternatives("encoder")[:3], *open_alternatives("causal")[:2]])
        raise RecipeError(Problem("model.name", given, "a model with open weights", f"try one of: {options}"))


def _holds_weights(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _checked_folder(folder: Path, name: str) -> Path:
    if (folder / ADAPTER).is_file():
        given = f"{name!r} holds an adapter and no whole model"
        remedy = "merge it first (tunewright export RUN --merge --to DIR), or write `model: run:NAME`"
        raise RecipeError(Problem("model.name", given, "a folder with a whole model", remedy))
    if not (folder / "config.json").is_file():
        remedy = "name a folder with config.json, a tokenizer and *.safetensors"
        raise RecipeError(
            Problem("model.name", f"{name!r} holds no config.json", "a folder in Hugging Face layout", remedy)
        )
    if not _holds_weights(folder):
        given = f"{name!r} holds no *.safetensors"
        remedy = "convert the weights: model.save_pretrained(folder) of a current transformers writes safetensors"
        raise RecipeError(
            Problem("model.name", given, "weights as safetensors; pickled weights are never read", remedy)
        )
    return folder


def _files_hash(folder: Path) -> str:
    names = sorted(p for p in folder.iterdir() if p.suffix in {".json", ".safetensors", ".txt", ".model", ".jinja"})
    return digest({p.name: _adapter_hash(p) if p.name == ADAPTER else sha256_file(p) for p in names})


def _adapter_hash(path: Path) -> str:
    """The hash of an adapter's configuration, the same wherever the folder lies that it names as its base."""
    config = read_json(path)
    if not Path(str(config.get(BASE_NAME) or "")).is_absolute():
        return sha256_file(path)
    return digest({name: value for name, value in config.items() if name != BASE_NAME})


def _from_hub(spec: ModelSpec, *, local_only: bool) -> Base | None:
    import huggingface_hub  # noqa: PLC0415  # slow to import and needed for hub names alone
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        path = huggingface_hub.snapshot_download(
            spec.name, revision=spec.revision, allow_patterns=HUB_FILES, local_files_only=local_only
        )
    except HFValidationError as fault:
        raise _no_name(spec.name) from fault
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        return None
    folder = Path(path)
    if local_only and not _holds_weights(folder):
        return None  # the cache keeps what others asked for: a configuration alone is a model yet to be fetched
    return Base(spec.name, "hub", _checked_folder(folder, spec.name), folder.name)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as fault:
        raise RecipeError(
            Problem(str(path), f"is not JSON: {fault}", "a model's configuration", "fetch the model again")
        ) from fault
    if not isinstance(config, dict):
        raise RecipeError(Problem(str(path), "holds no mapping", "a model's configuration", "fetch the model again"))
    return config


def _count_parameters(folder: Path) -> int | None:
    """Numbers in all weight files, read from their headers alone."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415  # 20 ms that check alone needs

    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy") as tensors:
                for name in tensors.keys():  # noqa: SIM118  # a safetensors file is no mapping
                    size = 1
                    for length in tensors.get_slice(name).get_shape():
                        size *= length
                    total += size
        except SafetensorError as fault:
            remedy = "fetch or write the model again"
            raise RecipeError(
                Problem(str(path), f"cannot be read: {fault}", "a whole safetensors file", remedy)
            ) from fault
    return total or None
