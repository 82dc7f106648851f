"""An answer that plain transformers decoded and a conversation that holds it are the ids that were trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer
from writer_room import chat, row, settled, tokenizer_of

from tunewright.core.conversation import Conversation
from tunewright.models.encoders import chat_encoder
from tunewright.models.template import ChatTemplate, plain_template
from tunewright.starter.lm import lm_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALL = {"type": "function", "function": {"name": "weather_at", "arguments": {"place": "Rome"}}}
ANSWERS = ["Yes.", " Yes.", "Yes, it is so.\n\n", "    return 1\n", "\n- one\n  - two", "a  b", "", " "]


def trained(template: ChatTemplate, tokenizer: Any, conversation: Conversation) -> tuple[list[int], list[list[int]]]:
    """All ids of a conversation, and those of each answer."""
    (found,) = chat_encoder(tokenizer, template).encode([row(conversation)])
    return found.input_ids, [found.input_ids[start:end] for start, end in found.loss_spans]


@pytest.mark.parametrize("family", ["starter", "gpt2", "llama", "qwen2", "gemma2", "phi3", "mistral"])
def test_a_decoded_answer_comes_back_as_the_ids_that_were_trained(
    tiny: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    tokenizer = tokenizer_of(lm_folder() if family == "starter" else tiny(family))
    template = plain_template(tokenizer)
    tokenizer.save(tmp_path, template=template.source)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    for answer in ANSWERS:
        ids, (first, second) = trained(
            template, tokenizer, chat(("user", "One?"), ("assistant", answer), ("user", "Two?"), ("assistant", answer))
        )
        said = [plain.decode(part, skip_special_tokens=True) for part in (first, second)]
        turns = [("user", "One?"), ("assistant", said[0]), ("user", "Two?"), ("assistant", said[1])]
        again = plain.apply_chat_template(
            [{"role": role, "content": text} for role, text in turns], tokenize=True, return_dict=False
        )
        assert list(again) == ids, (answer, said)


def test_a_decoded_call_comes_back_as_the_ids_that_were_trained(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(lm_folder())
    template = plain_template(tokenizer)
    tokenizer.save(tmp_path, template=template.source)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    for content in ("", " ", "Let me see. "):
        asked = {"role": "user", "content": "Rain?"}
        called = Conversation((asked, {"role": "assistant", "content": content, "tool_calls": [CALL]}))
        ids, (answer,) = trained(template, tokenizer, called)
        said = {"role": "assistant", "content": plain.decode(answer, skip_special_tokens=True)}
        assert list(plain.apply_chat_template([asked, said], tokenize=True, return_dict=False)) == ids


@given(st.text())
def test_white_space_around_an_answer_changes_nothing(answer: str) -> None:
    tokenizer = settled()
    if any(token in answer for token in tokenizer.added_tokens):
        return
    template = plain_template(tokenizer)
    texts = {
        template.render(chat(("user", "One?"), ("assistant", said))).text
        for said in (answer, f" {answer}", f"{answer.strip()}\n")
    }
    assert len(texts) == 1
