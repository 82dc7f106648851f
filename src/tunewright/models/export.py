"""A tuned model leaves its run: whole or as an adapter, with the tokenizer and the template it was trained with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer

from tunewright.core.encoded import READING
from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.core.files import built_aside
from tunewright.models.adapters import WEIGHTS, has_adapter, merged, name_base
from tunewright.models.base import ADAPTER
from tunewright.models.chat_encoder import ChatEncoder, conversation_of
from tunewright.models.load import SAFE, load_tuned, load_tuned_text, ordinary_modes, save_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.core.encoded import EncodedRow, RowContent
    from tunewright.core.protocols import RowEncoder
    from tunewright.models.base import Base

WEIGHT_FILES = (WEIGHTS, ADAPTER, "model.safetensors", "model.safetensors.index.json")


def export_model(  # noqa: PLR0913  # what is exported, from where and to where, each by name
    run_model_folder: Path,
    base_folder: Path | None,
    *,
    merge: bool,
    to: Path,
    encoder: RowEncoder,
    rows: Sequence[RowContent] = (),
    base_adapter: Path | None = None,
    card: Path | None = None,
    named: Base | None = None,
) -> float | None:
    """`to` holds the run's model in Hugging Face layout, or its adapter in peft's where `merge` is not asked for.

    `rows` are training rows: they must be encoded alike through the files written. `base_adapter` is merged into the
    base first, where that was tuned itself; `card` becomes its README.md. An adapter's files name `named` as
    their base; without it, the base that they named. Returns the largest difference of the merged model's logits; None
    where nothing was merged. Raises RecipeError where `to` holds anything.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        given = f"{str(to)!r} holds files already"
        raise RecipeError(Problem("--to", given, "a new or empty folder", "name another folder"))
    merging = merge and has_adapter(run_model_folder)
    difference = None
    with built_aside(to) as aside:
        shutil.copytree(
            run_model_folder,
            aside,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(*WEIGHT_FILES, "manifest.json") if merging else None,
        )
        if merging:
            difference = _write_merged(run_model_folder, base_folder, base_adapter, encoder, aside)
        elif named is not None and has_adapter(aside):
            name_base(aside, named.address, named.commit)
        ordinary_modes(aside)
        if card is not None:
            shutil.copy(card, aside / "README.md")
        same_rendering(encoder, aside, rows)
    return difference


def same_rendering(encoder: RowEncoder, folder: Path, rows: Sequence[RowContent]) -> None:
    """Nothing, where plain transformers encodes the rows through the folder's tokenizer and template as `encoder` did.

    Raises RunError naming the first row that it encodes otherwise.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, **SAFE)
    for number, (row, ours) in enumerate(zip(rows, encoder.encode(rows), strict=True)):
        if not _same(tokenizer, encoder, row, ours):
            given = f"training row {number} is encoded otherwise through the saved tokenizer"
            expected = "the ids that it was trained on"
            raise RunError(Problem(str(folder), given, expected, "train again with this version, then export"))


def _same(tokenizer: Any, encoder: RowEncoder, row: RowContent, ours: EncodedRow) -> bool:
    if isinstance(encoder, ChatEncoder):
        chat = conversation_of(row)
        turns, tools = [dict(turn) for turn in chat.turns], [dict(tool) for tool in chat.tools]
        chat_ids = tokenizer.apply_chat_template(turns, tools=tools or None, tokenize=True, return_dict=False)
        return bool(list(chat_ids) == ours.input_ids)
    ids: list[int] = tokenizer(row.input, truncation=False)["input_ids"]
    if encoder.layout == "seq2seq":
        return ids == ours.input_ids[: len(ours.input_ids) - ours.trained]
    if encoder.layout == "causal":  # the EOS that ends a text is ours
        return ids in (ours.input_ids, ours.input_ids[:-1])
    return ids == ours.input_ids


def _write_merged(
    folder: Path, base_folder: Path | None, base_adapter: Path | None, encoder: RowEncoder, to: Path
) -> float:
    if encoder.layout in READING:
        tuned: Any = load_tuned(folder, base_folder, base_adapter=base_adapter, layout=encoder.layout)
    else:
        tuned = load_tuned_text(folder, base_folder, encoder.layout, base_adapter=base_adapter)
    whole, difference = merged(tuned)
    save_model(whole, to, special=None if encoder.layout in READING else encoder.special)
    return difference
