"""The tokenizer: byte-level BPE learned from the training parts, with the chat template beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from starter_lm.corpus import END, PAD

if TYPE_CHECKING:
    from collections.abc import Iterable

VOCABULARY = 8192
CONTEXT = 1024
CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", CHAT_TEMPLATE.name)


def train_tokenizer(documents: Iterable[str], *, vocabulary: int = VOCABULARY) -> Tokenizer:
    """Return a byte-level BPE of `vocabulary` tokens, digits single; the same documents give the same tokenizer.

    Ids 0 and 1 are `<|end|>` and `<|pad|>`. Nothing is normalised and nothing is added at encoding.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer as a folder that `transformers` opens, chat template included."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(CHAT_TEMPLATE, folder / CHAT_TEMPLATE.name)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of a folder written by `save_tokenizer`."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
