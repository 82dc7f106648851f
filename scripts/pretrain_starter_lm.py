"""Pre-train the starter language model on the public-domain prose of `classic_prose`.

    python scripts/pretrain_starter_lm.py --data DIR --out DIR

Needs torch, transformers, tokenizers, numpy and safetensors alone. Without `--data`, the text is `classic_prose` in the
folder that the environment variable TUNEWRIGHT_DATASETS names.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from starter_lm.corpus import Books, encode_stream
from starter_lm.measure import measure, measure_plain
from starter_lm.model import build_model, load_model, on_device, save_model
from starter_lm.progress import Log
from starter_lm.record import Outcome, describe_device, write_record
from starter_lm.tokenizer import CONTEXT, TOKENIZER_FILES, load_tokenizer, save_tokenizer, train_tokenizer
from starter_lm.training import Plan, mixed_precision, steps_for, train

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM


def parse_arguments() -> argparse.Namespace:
    """Return the settings of the command line."""
    datasets = os.environ.get("TUNEWRIGHT_DATASETS")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(datasets) / "classic_prose" if datasets else None)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to; must not hold one")
    parser.add_argument("--tokenizer", type=Path, help="folder of a tokenizer already trained; default: train it now")
    parser.add_argument("--epochs", type=float, default=20.0, help="how often the text is read; may be a fraction")
    parser.add_argument("--steps", type=int, help="instead of --epochs")
    parser.add_argument("--batch-tokens", type=int, default=65536, help="tokens of one step")
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.0, help="on what each block adds to the residual stream")
    parser.add_argument("--layers", type=int, default=7)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=torch.cuda.is_available())
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    parser.add_argument("--validations", type=int, default=12, help="how often to measure during the run")
    settings = parser.parse_args()
    if settings.data is None:
        parser.error("--data: give the folder of classic_prose, or set TUNEWRIGHT_DATASETS")
    if (settings.out / "model.safetensors").exists():
        parser.error(f"--out: {settings.out} already holds a model")
    if settings.batch_tokens % CONTEXT:
        parser.error(f"--batch-tokens: {settings.batch_tokens} is not a multiple of the context, {CONTEXT}")
    return settings


def settle_tokenizer(settings: argparse.Namespace, documents: list[str]) -> Tokenizer:
    """Return the tokenizer and leave its files in the output folder."""
    if settings.tokenizer is None:
        print("training the tokenizer", flush=True)
        save_tokenizer(train_tokenizer(documents), settings.out)
    else:
        for name in TOKENIZER_FILES:
            shutil.copyfile(settings.tokenizer / name, settings.out / name)
    return load_tokenizer(settings.out)


def settle_plan(settings: argparse.Namespace, n_tokens: int) -> Plan:
    """Return the run that these settings ask for."""
    rows = settings.batch_tokens // CONTEXT
    return Plan(
        steps=settings.steps or steps_for(n_tokens, epochs=settings.epochs, rows=rows, context=CONTEXT),
        rows=rows,
        context=CONTEXT,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
    )


class Validation:
    """The unseen books as tokens, and their bytes."""

    def __init__(self, stream: np.ndarray, n_bytes: int) -> None:
        self.stream = stream
        self.n_bytes = n_bytes

    def plain(self, model: LlamaForCausalLM) -> float:
        """Return plain bits per byte of a model in the middle of its training, compiled code left aside."""
        model.eval()
        with torch.compiler.set_stance("force_eager"), mixed_precision(model.device):
            return measure_plain(model, self.stream, self.n_bytes, context=CONTEXT)


def run(model: LlamaForCausalLM, stream: torch.Tensor, log: Log, validation: Validation, *, compiled: bool) -> None:
    """Train to the end of the plan, measuring on the unseen books now and then; nothing is chosen by that measure."""
    for report in train(model, stream, log.plan, compiled=compiled):
        log.note(report)
        if log.validates_at(report.step):
            report.loss.item()  # waits for the device, so that the clock is true
            with log.watch.pause():
                bits = validation.plain(model)
            log.validated(report.step, bits)


def main() -> None:
    """Train the model, write it, open it again as it was written, and measure that."""
    settings = parse_arguments()
    settings.out.mkdir(parents=True, exist_ok=True)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    device = torch.device(settings.device)

    books = Books.read(settings.data)
    tokenizer = settle_tokenizer(settings, books.training)
    stream = encode_stream(books.training, tokenizer)
    validation = Validation(encode_stream(books.unseen, tokenizer), books.n_bytes)
    plan = settle_plan(settings, len(stream))
    model = build_model(tokenizer, layers=settings.layers, hidden=settings.hidden, dropout=settings.dropout)
    print(f"{len(books.training)} documents, {len(stream):,} tokens; {model.num_parameters():,} parameters", flush=True)
    print(f"{plan.steps} steps of {plan.tokens_a_step:,} tokens on {describe_device(device)}", flush=True)

    log = Log(settings.out, plan, settings.validations)
    run(on_device(model, device), torch.as_tensor(stream, device=device), log, validation, compiled=settings.compile)
    seconds = log.watch.seconds
    save_model(model, settings.out)

    bits = measure(load_model(settings.out, device), validation.stream, validation.n_bytes, context=CONTEXT)
    print(f"unseen books, as saved: {bits.sliding:.4f} bits per byte sliding, {bits.plain:.4f} plain", flush=True)
    outcome = Outcome(plan, bits, seconds=seconds, parameters=model.num_parameters(), training_tokens=len(stream))
    write_record(settings, books, outcome)
    print(f"written to {settings.out} after {seconds:.0f} s of training", flush=True)


if __name__ == "__main__":
    main()
