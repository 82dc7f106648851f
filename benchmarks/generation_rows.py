"""The rows of the generation benchmarks, for both sides; and one measure of quality for both sides' weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from benchmarks.measure import IGNORED, fingerprint
from tunewright.core.conversation import from_json
from tunewright.data.overlength import overlength_policy
from tunewright.data.store import read_split
from tunewright.data.tokenize import tokenize
from tunewright.inference.likelihood import nats
from tunewright.models.load import load_tuned_text
from tunewright.pipeline.prepare import DATA
from tunewright.starter.lm import lm_folder
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tunewright.core.rows import SplitName
    from tunewright.data.token_rows import TokenRows
    from tunewright.pipeline.context import Context


def token_rows(context: Context, split: SplitName) -> TokenRows:
    """The rows of a prepared run as its training takes them: overlong ones are left out."""
    policy = overlength_policy(context.recipe.data.overlength, context.recipe.task)
    frame = read_split(context.run.of(DATA), split)
    return tokenize(frame, context.encoder, policy=policy, cache=context.token_cache)


def write_conversations(context: Context, rows: TokenRows, split: SplitName, path: Path) -> None:
    """The file holds one JSON line a row that is trained on: its turns as TRL takes them, `prompt` and `completion`."""
    frame = read_split(context.run.of(DATA), split)
    messages = dict(zip(frame["row_id"].to_list(), frame["messages"].to_list(), strict=True))
    turns = [list(from_json(messages[row_id]).turns) for row_id in rows.row_ids]
    lines = [json.dumps({"prompt": row[:-1], "completion": row[-1:]}, ensure_ascii=False) for row in turns]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def row_fingerprint(rows: TokenRows) -> str:
    """The same hash as the peer's, of the same ids and labels."""
    return fingerprint(_labelled(rows))


def held_out_loss(context: Context, folder: Path) -> float:
    """Nats a target token of the test rows, in fp32, of a model saved in Hugging Face layout by either side."""
    rows = token_rows(context, "test")
    model = load_tuned_text(folder, None, "causal").to(pick_device())
    encoded = [rows.encoded(number) for number in range(len(rows))]
    found_N = nats(model, encoded, layout="causal", pad_id=context.tokenizer.special.pad)
    return float(found_N.sum() / rows.trained_N.sum())


def base_of(vocabulary: int, texts: Sequence[str], folder: Path) -> Path:
    """The starter language model where `vocabulary` is its own; else one of its shape with random weights and as many
    embeddings, whose tokenizer has learnt up to as many tokens from the texts.
    """
    starter = lm_folder()
    config = AutoConfig.from_pretrained(starter)
    if config.vocab_size == vocabulary:
        return starter
    former = AutoTokenizer.from_pretrained(starter)
    tokenizer = former.train_new_from_iterator(texts, vocabulary)
    tokenizer.chat_template, tokenizer.model_max_length = former.chat_template, config.max_position_embeddings
    config.vocab_size = vocabulary
    config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _labelled(rows: TokenRows) -> Iterator[tuple[list[int], list[int]]]:
    for number in range(len(rows)):
        ids = rows.ids(number)
        labels = np.full(len(ids), IGNORED)
        for start, end in rows.spans(number).tolist():
            labels[start:end] = ids[start:end]
        yield ids.tolist(), labels.tolist()
