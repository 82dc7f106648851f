"""One model, asked through our inference and through transformers as its users write it.

Axes: N texts, K labels, B rows of a batch, T tokens, V vocabulary.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoTokenizer, pipeline

from tunewright.core.conversation import from_json
from tunewright.core.encoded import RowContent
from tunewright.core.generated import Decoding
from tunewright.data.store import read_split
from tunewright.inference.score import softmax
from tunewright.inference.text_model import TextModel
from tunewright.inference.zero_shot import QUESTION, LabelClassifier
from tunewright.models.load import load_tuned_text
from tunewright.pipeline.prepare import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tunewright.pipeline.context import Context

LABELLED = {2: "rotten_tomatoes_polarity/rt_polarity.jsonl", 77: "banking77/test.jsonl"}
"""Number of labels to the texts that have them."""


class Room:
    """A tuned model in `folder` and the test prompts of a prepared run of dolly."""

    def __init__(self, context: Context, folder: Path, *, device: str, batch: int, new_tokens: int) -> None:
        self.model: Any = load_tuned_text(folder, None, "causal").to(device).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.encoder, self.device, self.batch, self.new_tokens = context.prompt_encoder, device, batch, new_tokens
        self._frame = read_split(context.run.of(DATA), "test")
        self._ours = TextModel(self.model, self.encoder, device=device)

    def prompts(self, count: int) -> list[str]:
        """The first test rows, as JSON of their turns, whose answers cannot reach the end of the context."""
        found = []
        for messages in self._frame["messages"].to_list():
            if len(self.encoder.prompt_ids(RowContent("", messages))) + self.new_tokens <= self.encoder.max_tokens:
                found.append(from_json(messages).prompt.to_json())
            if len(found) == count:
                break
        return found

    def ours_generate(self, prompts: Sequence[str]) -> list[str]:
        """The answers by our inference."""
        found = self._ours.generate([RowContent("", prompt) for prompt in prompts], Decoding(self.new_tokens))
        return [answer.text for answer in found]

    def by_generate(self, prompts: Sequence[str]) -> list[str]:
        """The answers by transformers' `generate` in batches, in the order given."""
        texts: list[str] = []
        for start in range(0, len(prompts), self.batch):
            inputs = self.tokenizer.apply_chat_template(
                [_turns(prompt) for prompt in prompts[start : start + self.batch]],
                add_generation_prompt=True,
                padding=True,
                return_dict=True,
                return_tensors="pt",
            ).to(self.device)
            with torch.inference_mode():
                ids_BT = self.model.generate(**inputs, do_sample=False, max_new_tokens=self.new_tokens)
            answers = ids_BT[:, inputs["input_ids"].shape[1] :]
            texts += [text.strip() for text in self.tokenizer.batch_decode(answers, skip_special_tokens=True)]
        return texts

    def by_pipeline(self, prompts: Sequence[str]) -> list[str]:
        """The answers by transformers' text-generation pipeline in batches."""
        pipe = pipeline("text-generation", model=self.model, tokenizer=self.tokenizer, device=self.device)
        found = pipe(
            [_turns(prompt) for prompt in prompts],
            batch_size=self.batch,
            do_sample=False,
            max_new_tokens=self.new_tokens,
            return_full_text=False,
        )
        return [answer[0]["generated_text"].strip() for answer in found]

    def labelled(self, count: int, texts: int) -> tuple[list[str], list[str]]:
        """The labels of a set of so many, and texts spread over it."""
        path = Path(os.environ["TUNEWRIGHT_DATASETS"]) / LABELLED[count]
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return sorted({row["label"] for row in rows}), [row["text"] for row in rows[:: len(rows) // texts]][:texts]

    def label_ways(self, labels: list[str]) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Ours and the plain way from texts to label probabilities, `[N, K]`."""
        ours = LabelClassifier(self.model, self.encoder, labels, device=self.device)

        probes = self.encoder.encode([RowContent("?", target=label) for label in labels])
        answers = [row.input_ids[row.loss_spans[-1][0] :] for row in probes]

        def theirs(texts: Sequence[str]) -> Any:
            questions = [QUESTION.format(labels=", ".join(labels), text=text) for text in texts]
            chats = [[{"role": "user", "content": question}] for question in questions]
            prompts = self.tokenizer.apply_chat_template(chats, add_generation_prompt=True, return_dict=True)[
                "input_ids"
            ]
            pairs = [(prompt, answer) for prompt in prompts for answer in answers]
            return softmax(self._log_likelihoods(pairs).reshape(len(texts), len(labels)))

        return ours.probabilities, theirs

    def _log_likelihoods(self, pairs: Sequence[tuple[list[int], list[int]]]) -> Any:
        """Of each answer behind its prompt: every pair whole, all logits, longest first, padded on the right."""
        lengths_N = np.array([len(prompt) + len(answer) for prompt, answer in pairs])
        order = np.argsort(-lengths_N, kind="stable").tolist()
        found_N = np.empty(len(pairs))
        for first in range(0, len(order), self.batch):
            part = order[first : first + self.batch]
            ids_BT = torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(pairs[number][0] + pairs[number][1]) for number in part],
                batch_first=True,
                padding_value=self.tokenizer.pad_token_id,
            ).to(self.device)
            mask_BT = torch.arange(ids_BT.shape[1])[None] < torch.from_numpy(lengths_N[part])[:, None]
            with torch.inference_mode():
                logits_BTV = self.model(input_ids=ids_BT, attention_mask=mask_BT.long().to(self.device)).logits
            log_p_BTV = torch.log_softmax(logits_BTV, dim=-1)
            for line, number in enumerate(part):
                start, end = len(pairs[number][0]), lengths_N[number]
                found_N[number] = float(
                    log_p_BTV[line, start - 1 : end - 1].gather(1, ids_BT[line, start:end, None]).sum()
                )
        return found_N


def _turns(prompt: str) -> list[dict[str, Any]]:
    return [dict(turn) for turn in from_json(prompt).turns]
