"""What the tests of chat, export and predict share: a tiny run that can be talked to, and a terminal to do it on."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny_models import CHATML, tiny_model
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe

CONTEXT = 1024
PATIENCE_S = 120.0
TRAIN = {
    "max_steps": 40,
    "epochs": 40.0,
    "batch_size": 8,
    "optimizer": {"lr": 0.01},
    "precision": "fp32",
    "threads": 1,
    "tensorboard": False,
    "early_stopping": None,
    "evaluate_every": 40,
}
LORA = {"kind": "lora", "rank": 8, "targets": "all_linear"}
ANSWER = " ".join(["fine"] * 12)
"""A model that has learned it goes on and on: it cannot count."""


def talking_project(folder: Path, task: str = "generation", family: str = "llama", **train: Any) -> Path:
    """A project whose data is prepared and whose model is trained; its run directory."""
    base = folder / "base"
    tiny_model(family, base, template=CHATML, **({} if family == "t5" else {"max_position_embeddings": CONTEXT}))
    settings = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    (base / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": CONTEXT}))
    rows = [{"prompt": f"what is the weather like in town {n}?", "completion": ANSWER} for n in range(40)]
    if task == "language_modelling":
        rows = [{"text": f"{row['prompt']} {row['completion']}"} for row in rows]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = {"train": "rows.jsonl", "near_duplicates": None}  # towns by number: each row is like the next
    recipe = {"model": "base", "data": data, "task": task, "train": {**TRAIN, **train}}
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    run_stages(Context(load_recipe(folder / "recipe.yaml")), ["prepare", "train"])
    return folder / "runs" / "recipe"


@dataclass(slots=True)
class Terminal:
    """A command on a terminal of its own."""

    pid: int
    handle: int
    seen: str = ""
    """All that stood on the screen."""
    place: int = field(default=0)
    """What was waited for lies before this."""

    def type(self, text: str) -> None:
        """The keys are pressed; what is echoed is read meanwhile."""
        data = text.encode()
        while data:
            data = data[os.write(self.handle, data[:512]) :]
            self._read(0.0)

    def interrupt(self) -> None:
        """Ctrl-C, as a person presses it: a moment after what is on the screen, once the program waits for keys.

        Between showing its prompt and waiting for keys, readline notices a signal only with the next key: on a busy
        machine that moment is long, and a person whose Ctrl-C does nothing presses another key.
        """
        ends = time.monotonic() + PATIENCE_S
        time.sleep(0.5)
        while self._works() and time.monotonic() < ends:
            time.sleep(0.1)
        before, ends = len(self.seen), time.monotonic() + 5
        self.type("\x03")
        while time.monotonic() < ends and not self.seen[before:].replace("^C", "").strip():
            if not self._read(0.2):
                return
        if not self.seen[before:].replace("^C", "").strip():
            self.type(" ")

    def _works(self) -> bool:
        """Whether the main thread was seen at work within a fifth of a second, where the system tells."""
        state = Path(f"/proc/{self.pid}/stat")
        for _ in range(4):
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "R":
                return True
            time.sleep(0.05)
        return False

    def wait_for(self, text: str) -> str:
        """What was shown from the last place waited for up to this text."""
        ends = time.monotonic() + PATIENCE_S
        while self.seen.find(text, self.place) < 0:
            assert time.monotonic() < ends, f"{text!r} never came; the screen says {self.seen[self.place :]!r}"
            assert self._read(0.5), f"ended without {text!r}; the screen says {self.seen[self.place :]!r}"
        found = self.seen.index(text, self.place)
        passed, self.place = self.seen[self.place : found], found + len(text)
        return passed

    def end(self) -> int:
        """The exit code, once it has ended by itself."""
        ends = time.monotonic() + PATIENCE_S
        while self._read(0.5):
            assert time.monotonic() < ends, f"did not end; the screen says {self.seen!r}"
        _, status = os.waitpid(self.pid, 0)
        os.close(self.handle)
        return os.waitstatus_to_exitcode(status)

    def _read(self, patience_s: float) -> bool:
        """Whether the command still has the terminal."""
        if not select.select([self.handle], [], [], patience_s)[0]:
            return True
        try:
            read = os.read(self.handle, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.seen += read.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(read)


def terminal(folder: Path, *arguments: object) -> Terminal:
    """The command line at work in the folder, on a terminal."""
    words = [sys.executable, "-m", "tunewright", *map(str, arguments)]
    pid, handle = pty.fork()
    if pid == 0:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite in the background ignores it, and so would its children
        os.execve(sys.executable, words, {**os.environ, "TERM": "dumb", "PYTHONWARNINGS": "ignore"})
    return Terminal(pid, handle)
