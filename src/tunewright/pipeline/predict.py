"""A tuned model put to use: texts or a file in, labels with probabilities or written answers out."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tunewright.core.encoded import READING
from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.core.files import atomic_write
from tunewright.core.generated import Decoding
from tunewright.core.text import ESCAPED, is_unicode
from tunewright.data.normalise import clean_asked
from tunewright.data.overlength import overlength_policy
from tunewright.inference.classify import TunedClassifier
from tunewright.pipeline.decoding import MAX_NEW_TOKENS
from tunewright.pipeline.predict_read import READERS, Read, unsettled
from tunewright.pipeline.prompts import Prompt, prompt_of, prompts_of
from tunewright.pipeline.texts import Row, rows_of
from tunewright.pipeline.tuned import open_run
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tunewright.pipeline.tuned import TunedRun

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Prediction:
    """One classified text, with the place it came from to join by."""

    line: int | None
    """Line of its file where the record begins (its number, where a format has no lines); None for a text given."""
    id: str | int | None
    """What the file's id column says; None without one."""
    text: str
    label: str
    probability: float
    probabilities: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON data."""
        return asdict(self)

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its line on the console, before the text."""
        return (self.label, f"{self.probability:.3f}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was written for one prompt, with the place it came from to join by."""

    line: int | None
    """As for a Prediction."""
    id: str | int | None
    text: str
    """What was asked; of a conversation, the words of its turns."""
    answer: str
    stopped: bool | None
    """Whether it ended of its own accord, and not at a limit; None where the prompt left no room."""
    new_tokens: int
    decoding: Decoding

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON data."""
        return asdict(self)


def _silent(_line: str) -> None:
    return


def predict_rows(
    run: Path,
    *,
    texts: Sequence[str],
    file: Path | None,
    column: str | None,
    decoding: Decoding | None = None,
    warn: Callable[[str], None] = _silent,
) -> list[Prediction] | list[Any] | list[Answer]:
    """The tuned model's answer to each text, then to each row of the file, in order; cleaned as the training rows were.

    `warn` is told in a line where special tokens stand in what is asked, which are read as the tokens themselves, and
    where labels are given by a threshold that nobody chose.
    A classifier gives predictions, a model of numbers or label sets those; a model that writes gives answers, by
    `decoding` or greedily. Raises RecipeError without a run or texts, RunError without a whole model, DataError for a
    row without a text, or one that leaves no room for an answer.
    """
    _require_unicode(texts, file)
    tuned = open_run(run)
    if not texts and file is None:
        raise RecipeError(Problem("predict", "no texts", "--text or --file", 'tunewright predict RUN --text "…"'))
    if tuned.task.layout in READING:
        if decoding is not None:
            given = "a run that reads writes nothing that could be decoded"
            raise RecipeError(Problem("predict", given, "texts alone", "leave the options of decoding out"))
        rows = _read(tuned, texts, file, column)
        open_yet = unsettled(tuned)
        if open_yet is not None:
            warn(open_yet)
        _warn_of_special(tuned, [(row.line, row.text) for row in rows], warn)
        return rows
    answers = _answered(tuned, texts, file, column, decoding or Decoding(MAX_NEW_TOKENS))
    _warn_of_special(tuned, [(row.line, row.text) for row in answers], warn)
    return answers


def _warn_of_special(tuned: TunedRun, asked: Sequence[tuple[int | None, str]], warn: Callable[[str], None]) -> None:
    special = tuned.tokenizer.special
    found = [(_place(number, line), special.written_in(text)) for number, (line, text) in enumerate(asked, start=1)]
    places = [place for place, tokens in found if tokens]
    if places:
        tokens = ", ".join(sorted({token for _, each in found for token in each}))
        warn(f"{tokens} in {_some(places)} is read as the special token itself, not as text")


def load_classifier(run: Path) -> TunedClassifier:
    """The tuned classifier of a run directory, or of its `model/`, its files checked against the manifest."""
    return _classifier(open_run(run))


def require_free(out: Path, *, file: Path | None, force: bool) -> None:
    """Raises RecipeError where answers would replace the file that they are of, or, unless `force`, any other."""
    place, expected = str(out), "a new file"
    if file is not None and out.exists() and file.exists() and out.samefile(file):
        given = "is the file that is to be answered: its rows would be lost"
        raise RecipeError(Problem(place, given, expected, "name another file with --out"))
    if out.exists() and not out.is_file():
        raise RecipeError(Problem(place, "is no file", expected, "name another file with --out"))
    if out.exists() and not force:
        remedy = "name another file with --out, or replace this one with --force"
        raise RecipeError(Problem(place, "stands there already", expected, remedy))


def write_rows(path: Path, rows: Sequence[Prediction] | Sequence[Read] | Sequence[Answer]) -> None:
    """The file holds one JSON line a row."""
    atomic_write(path, "".join(f"{json_line(row)}\n" for row in rows).encode())


def json_line(row: Prediction | Read | Answer) -> str:
    """The row as one line of JSON, which can neither colour nor move anything on a terminal."""
    text = json.dumps(row.as_dict(), ensure_ascii=False)
    return "".join(json.dumps(c)[1:-1] if unicodedata.category(c) in ESCAPED else c for c in text)


def _read(tuned: TunedRun, texts: Sequence[str], file: Path | None, column: str | None) -> list[Any]:
    learned = tuned.declares.get("input")
    given = [Row(text) for text in texts]
    named = learned if isinstance(learned, str) else None
    words = tuned.task.layout == "tags"
    rows = [*given, *(rows_of(file, column, learned=named, words=words) if file is not None else ())]
    cleaned = [clean_asked(row.text, tuned.cleaning, tuned.task_name) for row in rows]
    _require_texts([(row.line, text) for row, text in zip(rows, cleaned, strict=True)], file)
    if tuned.task.layout in READERS:
        return READERS[tuned.task.layout](tuned, rows, cleaned)
    return _classified(tuned, rows, cleaned)


def _classified(tuned: TunedRun, rows: Sequence[Row], cleaned: Sequence[str]) -> list[Prediction]:
    model = _classifier(tuned)
    probabilities_NK = model.probabilities(list(cleaned))
    best_N = probabilities_NK.argmax(axis=1)
    return [
        Prediction(
            line=row.line,
            id=row.id,
            text=row.text,
            label=model.labels[best],
            probability=float(of_K[best]),
            probabilities=dict(zip(model.labels, map(float, of_K), strict=True)),
        )
        for row, best, of_K in zip(rows, best_N, probabilities_NK, strict=True)
    ]


def _answered(
    tuned: TunedRun, texts: Sequence[str], file: Path | None, column: str | None, decoding: Decoding
) -> list[Answer]:
    if tuned.task.layout == "masked":
        given = f"{tuned.path} fills in masked tokens, and writes no text"
        remedy = "tune it further for a task of its own: write `model: run:NAME` in another recipe"
        raise RecipeError(Problem("predict", given, "a run whose model writes or classifies", remedy))

    def clean(text: str) -> str:
        return clean_asked(text, tuned.cleaning, tuned.task_name)

    task = tuned.task_name
    prompts = [Prompt(prompt_of(text, task, clean)) for text in texts]
    if file is not None:
        prompts += prompts_of(file, column, learned=tuned.data_spec, task=task, clean=clean)
    _require_texts([(prompt.line, prompt.content.input) for prompt in prompts], file)
    _require_room(tuned, prompts, file)
    found = tuned.writer().generate([prompt.content for prompt in prompts], decoding)
    return [
        Answer(
            line=prompt.line,
            id=prompt.id,
            text=prompt.content.input,
            answer=answer.text,
            stopped=answer.stopped,
            new_tokens=answer.new_tokens,
            decoding=decoding,
        )
        for prompt, answer in zip(prompts, found, strict=True)
    ]


def _classifier(tuned: TunedRun) -> TunedClassifier:
    return TunedClassifier(tuned.load(), tuned.tokenizer, device=pick_device())


def _require_unicode(texts: Sequence[str], file: Path | None) -> None:
    """Raises DataError naming the texts, RecipeError for a path, that hold half a surrogate pair."""
    if file is not None and not is_unicode(str(file)):
        given = f"the name of the file is not UTF-8: {str(file)!a}"
        raise RecipeError(Problem("predict", given, "a name in UTF-8", "rename the file"))
    faults = [_place(number, None) for number, text in enumerate(texts, start=1) if not is_unicode(text)]
    if faults:
        given = f"{len(faults)} of {len(texts)} texts are not Unicode: {_some(faults)}"
        raise DataError(Problem("predict", given, "texts that can be written as UTF-8", "decode their bytes first"))


def _require_texts(texts: Sequence[tuple[int | None, str]], file: Path | None) -> None:
    """Raises DataError naming the places of texts that are empty, or empty once cleaned."""
    faults = [_place(number, line) for number, (line, text) in enumerate(texts, start=1) if not text.strip()]
    if faults:
        given = f"{len(faults)} of {len(texts)} texts are empty: {_some(faults)}"
        remedy = "leave them out: a model answers an empty text too, and the answer means nothing"
        raise DataError(Problem(_source(file), given, "a text in every row", remedy))


def _require_room(tuned: TunedRun, prompts: Sequence[Prompt], file: Path | None) -> None:
    """Raises DataError naming the prompts that leave no token to answer with; a source may be cut as in training."""
    encoder, to_text = tuned.prompt_encoder, tuned.task.layout == "seq2seq"
    if to_text and overlength_policy(tuned.declares["overlength"], tuned.task_name) == "truncate":
        return
    most = encoder.max_tokens + to_text
    lengths = [len(encoder.prompt_ids(prompt.content)) for prompt in prompts]
    faults = [
        f"{_place(number, prompt.line)} ({length:,} tokens)"
        for number, (prompt, length) in enumerate(zip(prompts, lengths, strict=True), start=1)
        if length >= most
    ]
    if faults:
        given = f"{len(faults)} of {len(prompts)} prompts leave no room for an answer: {_some(faults)}"
        expected = f"fewer tokens than {most:,}"
        raise DataError(Problem(_source(file), given, expected, "shorten them, or leave them out"))


def _place(number: int, line: int | None) -> str:
    return f"text {number}" if line is None else f"line {line}"


def _some(faults: Sequence[str]) -> str:
    return ", ".join(faults[:SHOWN]) + (f" and {len(faults) - SHOWN} more" if len(faults) > SHOWN else "")


def _source(file: Path | None) -> str:
    return "predict" if file is None else str(file)
