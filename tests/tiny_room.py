"""Small honest models and data for the tests above the data room: random weights, a word tokenizer, made-up tickets."""

# ruff: noqa: PLC0415  # nothing heavy before a test asks for it

from __future__ import annotations

import csv
import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LABELS = ("billing", "delivery", "returns")
CUES = {label: [f"{label}{n}" for n in range(6)] for label in LABELS}
NOISE = [f"word{n}" for n in range(150)]
WORDS = (*SPECIAL, *NOISE, *(word for words in CUES.values() for word in words))
SMALL: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
ENCODERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "bert": ("BertConfig", SMALL),
    "distilbert": (
        "DistilBertConfig",
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 40},
    ),
    "roberta": ("RobertaConfig", SMALL),
    "electra": ("ElectraConfig", {**SMALL, "embedding_size": 16}),
    "mpnet": ("MPNetConfig", SMALL),
    "deberta-v2": ("DebertaV2Config", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "modernbert": (
        "ModernBertConfig",
        {**SMALL, "local_attention": 8, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3},
    ),
}
"""Family to its configuration class and small sizes."""


def save_base(folder: Path, kind: str = "bert", **changes: Any) -> Path:
    """The folder holds a base with random weights, the same ones each time, and a word tokenizer without a limit."""
    import torch
    import transformers

    name, sizes = ENCODERS[kind]
    config = getattr(transformers, name)(**{"vocab_size": len(WORDS), **sizes, **changes})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = transformers.AutoModel.from_config(config)
    model.save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def word_tokenizer() -> Any:
    """A fast tokenizer of whole words that puts [CLS] before and [SEP] behind."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    ids = {word: number for number, word in enumerate(WORDS)}
    backend = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    backend.pre_tokenizer = WhitespaceSplit()
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    named = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{k}_token": v for k, v in named.items()})


def ticket_rows(count: int, *, seed: int = 3, longest: int = 24) -> list[dict[str, str]]:
    """Different texts of 6 words and more, their labels in turn; two cue words in each give the label away."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = LABELS[number % len(LABELS)]
        words = [*draw.choices(CUES[label], k=2), *draw.choices(NOISE, k=draw.randint(4, longest - 2))]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "label": label})
    return rows


def write_tickets(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def tiny_recipe(base: Path | str, **train: Any) -> dict[str, Any]:
    """A recipe of about twenty quick steps in fp32 on one thread, with evaluations and checkpoints on the way."""
    spec = {
        "epochs": 2.0,
        "batch_size": 8,
        "optimizer": {"lr": 2e-3},
        "precision": "fp32",
        "threads": 1,
        "evaluate_every": 5,
        "checkpoint_every": 3,
        "early_stopping": None,
        "tensorboard": False,
    }
    return {
        "model": {"name": str(base)},
        "data": "tickets.csv",
        "task": "classification",
        "train": {**spec, **train},
        "evaluation": {"resamples": 200, "baselines": ["majority", "probe"]},
    }


def write_recipe(folder: Path, recipe: Mapping[str, Any]) -> Path:
    """`recipe.yaml` in the folder; JSON is YAML."""
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe, indent=2), encoding="utf-8")
    return path


def lay_out(folder: Path, base: Path, *, rows: int = 120, **train: Any) -> Path:
    """A project folder with tickets and a recipe; returns the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tickets(folder / "tickets.csv", ticket_rows(rows))
    return write_recipe(folder, tiny_recipe(base, **train))
