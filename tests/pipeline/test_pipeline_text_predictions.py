"""What a model is judged on: the last answer of each conversation, and the bytes that its tokens spell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from tunewright.core.conversation import Conversation
from tunewright.core.rows import ROW_COLUMNS
from tunewright.models.base import Base, read_facts
from tunewright.models.encoders import chat_encoder, text_encoder
from tunewright.models.template import plain_template
from tunewright.models.tokenizer import load_tokenizer
from tunewright.pipeline.text_predictions import asked_of
from tunewright.pipeline.validate import of_loss
from tunewright.starter.lm import lm_folder

if TYPE_CHECKING:
    from tunewright.models.tokenizer import SettledTokenizer

LONG = "it rained for hours and hours upon the hills, the river and the old red house. " * 3
CHINESE = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u3002" * 30


def tokenizer(context: int) -> SettledTokenizer:
    base = Base("starter/lm", "folder", lm_folder(), "")
    return load_tokenizer(base, read_facts(base, "starter/lm"), max_tokens=context)


def rows(*contents: dict[str, Any]) -> pl.DataFrame:
    blank = dict.fromkeys(ROW_COLUMNS)
    records = [
        blank | {"row_id": f"r{n}", "content_key": f"c{n}", "split": "test", **content}
        for n, content in enumerate(contents)
    ]
    return pl.DataFrame(records, schema=ROW_COLUMNS)


def rounds(*said: str) -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]
    return {"input": said[0], "messages": Conversation(tuple(turns)).to_json(), "target": said[-1]}


def test_of_a_conversation_the_last_answer_alone_is_scored() -> None:
    settled = tokenizer(256)
    encoder = chat_encoder(settled, plain_template(settled))
    asked = asked_of(rows(rounds("Is it?", LONG, "Was it?", "It was.")), encoder, policy="drop", chats=True)
    [row] = asked.encoded
    [(start, end)] = row.loss_spans
    assert row.input_ids[:start] == encoder.prompt_ids(asked.contents[0])
    assert encoder.decode(row.input_ids[start:end]) == "It was."
    assert asked.target_tokens_N.tolist() == [end - start]
    assert asked.target_bytes_N.tolist() == [len(" It was.")], "the template's blank is written too"


def test_the_shortest_answer_of_a_prompt_that_the_context_holds_is_counted() -> None:
    settled = tokenizer(40)
    encoder = chat_encoder(settled, plain_template(settled))
    asked = asked_of(
        rows(rounds("Was it?", LONG), rounds("Is it?", "It is."), rounds("Is it?", LONG)),
        encoder,
        policy="truncate",
        chats=True,
    )
    _, fits = chat_encoder(tokenizer(256), plain_template(settled)).encode(asked.contents)
    assert asked.shortest_N.tolist() == [0, fits.trained], "no limit lets a model write what the context cannot hold"


@pytest.mark.parametrize("left", [0, 2])
def test_of_a_conversation_that_is_cut_no_earlier_answer_is_scored(left: int) -> None:
    settled = tokenizer(256)
    chat = rows(rounds("Is it?", "It is.", "Was it?", LONG))
    whole = asked_of(chat, chat_encoder(settled, plain_template(settled)), policy="drop", chats=True)
    ((start, _),) = whole.encoded[0].loss_spans
    short = tokenizer(start + left)
    cut = asked_of(chat, chat_encoder(short, plain_template(short)), policy="drop", chats=True)
    assert cut.encoded[0].loss_spans == (((start, start + left),) if left else ())
    assert cut.target_tokens_N.tolist() == [left]
    assert (whole.cut, cut.cut) == (0, 1)
    assert bool(cut.target_bytes_N[0]) == bool(left)


def test_the_bytes_of_windows_are_those_of_the_text() -> None:
    encoder = text_encoder(tokenizer(64))
    asked = asked_of(rows({"input": CHINESE}), encoder, policy="window", chats=False)
    [row] = encoder.encode(asked.contents)
    assert len(asked.encoded) > 2
    assert np.unique(asked.prompt_M).tolist() == [0]
    assert asked.target_bytes_N[0] == len(CHINESE.encode()) - encoder.bytes_of(row.input_ids[:1])


def test_a_perplexity_beyond_numbers_is_left_out() -> None:
    assert of_loss(2.0) == {"loss": 2.0, "perplexity": math.exp(2.0)}
    assert of_loss(705.0)["perplexity"] == math.exp(705.0)
    assert of_loss(800.0) == {"loss": 800.0}
