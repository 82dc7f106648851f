"""What a model is judged on: the last answer of each conversation, and the bytes that its tokens spell."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from pipeline_room import folder, run_stage
from transformers import BertConfig, BertForMaskedLM

from tunewright.core.conversation import Conversation
from tunewright.core.encoded import EncodedRow
from tunewright.core.rows import ROW_COLUMNS
from tunewright.data.loader import LoadPlan
from tunewright.data.token_rows import rows_of
from tunewright.data.turns import conversation_of, words_of
from tunewright.evaluation.text_tallies import chrf_tallies, match_tallies
from tunewright.evaluation.texts import chrf
from tunewright.inference.likelihood import nats
from tunewright.models.base import Base, read_facts
from tunewright.models.encoders import chat_encoder, text_encoder
from tunewright.models.template import plain_template
from tunewright.models.tokenizer import load_tokenizer
from tunewright.pipeline.store import read_texts
from tunewright.pipeline.tasks import TASKS
from tunewright.pipeline.text_predictions import asked_of
from tunewright.pipeline.validate import of_loss
from tunewright.starter.lm import lm_folder

if TYPE_CHECKING:
    from pathlib import Path

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


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


@pytest.mark.parametrize("beside", [None, "Let me look."])
def test_a_call_of_a_function_that_is_written_as_it_was_trained_is_a_perfect_answer(beside: str | None) -> None:
    settled = tokenizer(256)
    encoder = chat_encoder(settled, plain_template(settled))
    turns = [
        {"role": "user", "content": "rain in Bern?"},
        {"role": "assistant", "content": beside, "tool_calls": [CALL]},
    ]
    chat = conversation_of(turns)
    said, target = words_of(chat)
    asked = asked_of(
        rows({"input": said, "messages": chat.to_json(), "target": target}), encoder, policy="drop", chats=True
    )
    [row] = asked.encoded
    [(start, end)] = row.loss_spans
    written = encoder.decode(row.input_ids[start : end - 1])
    assert "Bern" in written
    assert asked.references == ((written,),)
    assert match_tallies([(written, asked.references[0])])[0, 0] == 1
    assert chrf(chrf_tallies([(written, asked.references[0])]))[0] == 100.0


def test_neighbours_lend_a_call_as_it_is_trained(tmp_path: Path) -> None:
    towns = ("Bern", "Riga", "Lima", "Oslo")

    def record(number: int, tail: str) -> dict[str, Any]:
        call = {"type": "function", "function": {"name": "weather", "arguments": {"city": towns[number % 4]}}}
        asked = f"what is the weather in {towns[number % 4]}{tail}"
        return {
            "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": "", "tool_calls": [call]}]
        }

    for name, tail, count in (("train.jsonl", " on day ", 40), ("test.jsonl", " for ever ", 4)):
        lines = [json.dumps(record(n, f"{tail}{n}")) + "\n" for n in range(count)]
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    recipe = {
        "model": "starter/lm",
        "data": {"train": "train.jsonl", "test": "test.jsonl", "near_duplicates": None},
        "task": "generation",
        "evaluation": {"baselines": ["nearest_neighbour"], "resamples": 100},
        "gate": {"conditions": [{"kind": "floor", "metric": "chrf", "at_least": 1}]},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    run_stage(tmp_path, ("prepare", "baseline"))
    found = read_texts(folder(tmp_path) / "baseline" / "nearest_neighbour.parquet")
    assert [(text,) for text in found.texts] == list(found.references)


@pytest.mark.parametrize("apart", ["system", "tools"])
def test_prompts_that_differ_in_system_text_or_tools_alone_are_prompts_of_their_own(apart: str) -> None:
    answer = {"role": "assistant", "content": "It is."}
    question = ({"role": "user", "content": "Be brief.\n\nIs it?"}, answer)
    whole = Conversation(question)
    other = (
        Conversation(question, ({"name": "look", "parameters": {}},))
        if apart == "tools"
        else Conversation(
            ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it?"}, answer),
        )
    )
    held = [{"input": words_of(c)[0], "messages": c.to_json(), "target": "It is."} for c in (whole, other, whole)]
    assert held[0]["input"] == held[1]["input"], "the words are the same"
    settled = tokenizer(512)
    asked = asked_of(rows(*held), chat_encoder(settled, plain_template(settled)), policy="drop", chats=True)
    assert asked.row_ids == ("r0", "r1")
    assert asked.prompt_M.tolist() == [0, 1, 0]


def test_the_loss_of_masked_texts_is_one_measure_in_validation_and_test() -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = BertForMaskedLM(BertConfig(vocab_size=60, **sizes)).eval()
    draw = np.random.default_rng(1)
    encoded = [EncodedRow(draw.integers(5, 60, size=n + 2).tolist(), ((1, n + 1),)) for n in (5, 9, 20, 33)]
    held = rows_of(list("abcd"), [encoded], key="", layout="masked")
    plan = LoadPlan(layout="masked", batch_size=4, micro_batch_tokens=64, pad_id=0, seed=7, mask_id=4, vocabulary=60)
    task = next(task for task in TASKS if task.layout == "masked")
    found = task.validate(model, held, task.loss, plan=plan, bf16=False)
    whole = nats(model, encoded, layout="masked", pad_id=0, mask_id=4).sum() / sum(row.trained for row in encoded)
    assert found["loss"] == pytest.approx(whole, rel=1e-6)


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
