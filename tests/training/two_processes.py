"""One of several processes that train together over gloo; writes its weights. Started by a test."""

from __future__ import annotations

import sys

import torch
from safetensors.torch import save_file
from text_room import LAYOUTS, LOSSES, plan_for, text_model, text_rows, with_lora
from training_room import tiny_bert, token_rows

from tunewright.data.loader import LoadPlan, load_steps
from tunewright.recipe.train import AdamW, TrainSpec
from tunewright.training.engine import start
from tunewright.training.losses import classification_loss
from tunewright.training.step import optimizer_step

CASES = (
    ("llama", "full", 30),
    ("llama", "lora", 30),
    ("t5", "full", 10**6),
    ("bert", "full", 30),
    ("classes", "weighted", 30),
)
"""Family, method, and the tokens of a pass; `classes` are rows whose classes weigh differently."""


def trained(family: str, method: str, tokens: int, *, several: bool) -> dict[str, torch.Tensor]:
    """The trained weights after four steps of five rows, every second of them of one row, beside the reports' figures.

    Adam's epsilon is large, for a bias of attention keys has no gradient but rounding, which Adam would blow up.
    """
    model = tiny_bert() if family == "classes" else text_model(family)
    for module in model.modules():
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    model = with_lora(model) if method == "lora" else model
    spec = TrainSpec(optimizer=AdamW(lr=1e-3, eps=1e-3))
    state = start(model, spec, lr=1e-3, bf16=False, seed=7, cpu=True, several=several)
    ranks = {"rank": state.accelerator.process_index, "world": state.accelerator.num_processes}
    if family == "classes":
        plan = LoadPlan(5, tokens, 7, 0, class_weights=(0.25, 1.0, 4.0), **ranks)
        rows, loss = token_rows([9, 4, 14, 6, 3, 8]), classification_loss
    else:
        layout = LAYOUTS[family]
        plan = plan_for(layout, batch_size=5, tokens=tokens, **ranks)
        rows, loss = text_rows(layout), LOSSES[layout]
    source = load_steps(rows, plan, after=0)
    figures: list[float] = []
    for _ in range(4):
        report = optimizer_step(state, next(source), loss, lr=1e-3, max_norm=0.5)
        figures += [report.loss, report.grad_norm, float(report.targets)]
    weights = {n: p.detach().clone() for n, p in state.bare_model.named_parameters() if p.requires_grad}
    return weights | {"figures": torch.tensor(figures, dtype=torch.float64)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number, case in enumerate(CASES):
        found = trained(*case, several=True)
        assert torch.distributed.get_world_size() == 2
        save_file(found, f"{sys.argv[1]}/{number}-{torch.distributed.get_rank()}.safetensors")
    torch.distributed.destroy_process_group()
