"""transformers' Trainer on the same rows: the peer of the classification benchmarks, run in a process of its own.

python -m benchmarks.trainer_peer REQUEST.json ANSWER.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.utils.data import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from benchmarks.measure import peak_mb

FLAGS: dict[str, dict[str, Any]] = {
    "default": {"bf16": False},
    "best": {"bf16": True, "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused"},
    "tutorial": {"bf16": False},
}
"""`default`: fp32, dynamic padding. `best`: the fastest flags for a CPU. `tutorial`: every row padded to 512 tokens."""


class Rows(Dataset[dict[str, Any]]):
    """Encoded rows, as Trainer wants them."""

    def __init__(self, frame: pl.DataFrame, tokenizer: Any, labels: list[str], *, padded: bool) -> None:
        padding = {"padding": "max_length", "max_length": 512} if padded else {"max_length": 512}
        self.encoded = tokenizer(frame["input"].to_list(), truncation=True, **padding)["input_ids"]
        self.mask = [[int(token != tokenizer.pad_token_id) for token in row] for row in self.encoded]
        self.labels = [labels.index(target) for target in frame["target"].to_list()]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "input_ids": self.encoded[index],
            "attention_mask": self.mask[index],
            "length": len(self.encoded[index]),
            "labels": self.labels[index],
        }


class Clock(TrainerCallback):
    """Seconds from the end of step `skip` to the end of training: warm-up is left out, as it is for ours."""

    def __init__(self, skip: int) -> None:
        self.skip = skip
        self.began = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Notes the time."""
        self.ended = time.perf_counter()
        if state.global_step == self.skip:
            self.began = self.ended


def arguments(request: dict[str, Any]) -> TrainingArguments:
    """Trainer's settings for a request."""
    return TrainingArguments(
        output_dir=request["folder"],
        num_train_epochs=request["epochs"],
        max_steps=request.get("max_steps") or -1,
        per_device_train_batch_size=request["batch_size"],
        per_device_eval_batch_size=64,
        learning_rate=request["lr"],
        weight_decay=0.01,
        warmup_steps=0.1,
        lr_scheduler_type="linear",
        logging_steps=50,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=request["seed"],
        use_cpu=not torch.cuda.is_available(),
        **FLAGS[request["flags"]],
    )


def freeze_below(model: Any, layers: int) -> None:
    """Embeddings and all but the topmost layers require no gradient, as guides to Trainer do it."""
    model.base_model.embeddings.requires_grad_(False)  # noqa: FBT003
    stack = model.base_model.encoder.layer
    for layer in stack[: len(stack) - layers]:
        layer.requires_grad_(False)  # noqa: FBT003


def main() -> None:
    """Trains as the request says; the answer holds speed, memory and the test rows' logits."""
    request = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(request["threads"])
    set_seed(request["seed"])
    data, labels = Path(request["data"]), request["labels"]
    tokenizer = AutoTokenizer.from_pretrained(request["model"])
    padded = request["flags"] == "tutorial"
    train = Rows(pl.read_parquet(data / "train.parquet"), tokenizer, labels, padded=padded)
    test = Rows(pl.read_parquet(data / "test.parquet"), tokenizer, labels, padded=False)
    model = AutoModelForSequenceClassification.from_pretrained(request["model"], num_labels=len(labels))
    if "top_layers" in request:
        freeze_below(model, request["top_layers"])
    clock = Clock(request.get("skip_steps", 0))
    collator = DataCollatorWithPadding(tokenizer)
    trainer = Trainer(
        model=model, args=arguments(request), train_dataset=train, data_collator=collator, callbacks=[clock]
    )
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    steps = trainer.state.global_step
    answer: dict[str, Any] = {"steps": steps, "seconds": seconds, "peak_mb": peak_mb()}
    timed = (steps - clock.skip) * request["batch_size"]
    answer["examples_per_s"] = timed / (clock.ended - clock.began) if clock.began else None
    if request.get("predict"):
        output = trainer.predict(test)
        logits = np.asarray(output.predictions, dtype=np.float64)
        targets = np.asarray(output.label_ids)  # group_by_length reorders the rows of a prediction too
        answer["accuracy"] = float((logits.argmax(1) == targets).mean())
        shifted = logits - logits.max(1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        answer["loss"] = float(-log_p[np.arange(len(targets)), targets].mean())
        answer["predicted"] = logits.argmax(1).tolist()
    Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
