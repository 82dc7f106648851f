"""TRL's SFTTrainer on the same rows: the peer of the generation benchmark, run in a process of its own.

python -m benchmarks.trl_peer REQUEST.json ANSWER.json

It needs TRL, and nothing of ours: its interpreter may be one of another environment.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from benchmarks.measure import IGNORED, fingerprint, laid_out, peak_mb

BEST: dict[str, Any] = {"bf16": True, "gradient_checkpointing": False, "optim": "adamw_torch_fused"}
FLAGS: dict[str, dict[str, Any]] = {
    "default": {},
    "best": {**BEST, "train_sampling_strategy": "group_by_length"},
    "packing": {**BEST, "packing": True, "packing_strategy": "bfd"},
}
"""`default`: as TRL sets them, bf16 and gradient checkpointing among them. `packing`: the best flags, but rows lie side
by side in sequences of MAX_LENGTH tokens, one sequence a step."""
MAX_LENGTH = 1024


class CountingTrainer(SFTTrainer):  # type: ignore[misc]  # untyped
    """SFTTrainer that keeps how many targets each step had; the sums stay on the device until the end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.counted: list[torch.Tensor] = []

    def training_step(self, model: Any, inputs: dict[str, Any], *others: Any, **named: Any) -> Any:
        """As it is, with its targets counted."""
        self.counted.append((inputs["labels"] != IGNORED).sum())
        return super().training_step(model, inputs, *others, **named)


class Clock(TrainerCallback):  # type: ignore[misc]  # untyped
    """Seconds from the end of step `skip` to the end of the last step: warm-up is left out, as it is for ours."""

    def __init__(self, skip: int) -> None:
        self.skip = skip
        self.began = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Notes the time."""
        if state.global_step in {self.skip, state.max_steps} and torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ended = time.perf_counter()
        if state.global_step == self.skip:
            self.began = self.ended


def arguments(request: dict[str, Any]) -> SFTConfig:
    """SFTConfig's settings for a request."""
    flags = FLAGS[request["flags"]]
    return SFTConfig(
        output_dir=request["folder"],
        max_steps=1,  # set once the number of packed sequences is known
        per_device_train_batch_size=1 if flags.get("packing") else request["batch_size"],
        learning_rate=request["lr"],
        weight_decay=0.01,
        warmup_steps=0.1,
        lr_scheduler_type="linear",
        max_length=MAX_LENGTH,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=request["seed"],
        use_cpu=request["device"] == "cpu",
        **flags,
    )


def main() -> None:
    """Trains as the request says, saves the model; the answer holds speed, memory and which tokens were trained on."""
    request = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(request["threads"])
    lines = Path(request["rows"]).read_text(encoding="utf-8").splitlines()
    rows = Dataset.from_list([json.loads(line) for line in lines])
    trainer = CountingTrainer(model=request["model"], args=arguments(request), train_dataset=rows)
    sequences = len(trainer.train_dataset) / len(lines)  # a row; 1 without packing
    a_step = trainer.args.per_device_train_batch_size / sequences
    trainer.args.max_steps = max(2, round(request["steps"] * request["batch_size"] / a_step))
    clock = Clock(max(1, round(request["skip_steps"] * request["batch_size"] / a_step)))
    trainer.add_callback(clock)
    started = time.perf_counter()
    trainer.train()
    timed = sum(int(count) for count in trainer.counted[clock.skip :])
    answer = {
        "seconds": time.perf_counter() - started,
        "steps": trainer.state.global_step,
        "rows_a_step": a_step,
        "targets_per_s": timed / (clock.ended - clock.began),
        "peak_mb": peak_mb(request["device"]),
        "fingerprint": fingerprint(laid_out(trainer.train_dataset)),
        "targets": sum(label != IGNORED for _, labels in laid_out(trainer.train_dataset) for label in labels),
        "versions": {
            name: metadata.version(name) for name in ("trl", "transformers", "torch", "datasets", "accelerate")
        },
    }
    if request["save"]:
        trainer.save_model(request["folder"])
    Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
