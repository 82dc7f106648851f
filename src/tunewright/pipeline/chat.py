"""A conversation with a tuned model, beside its base where that is asked for: each keeps its own history."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tunewright.core.conversation import Conversation
from tunewright.core.encoded import RowContent
from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.data.normalise import clean_asked
from tunewright.models.chat_encoder import ChatEncoder
from tunewright.pipeline.tuned import open_run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tunewright.core.conversation import Turn
    from tunewright.core.generated import Decoding, Generated
    from tunewright.core.protocols import PromptEncoder
    from tunewright.inference.text_model import TextModel
    from tunewright.pipeline.tuned import TunedRun

Name = Literal["tuned", "base"]
OTHERWISE = "say it otherwise; a run of the recipe with another `model.template` may take it"
RESET = "forget the conversation (/reset), or say less at once"
OTHER_VERB = {
    "classification": "it answers in labels: tunewright predict RUN --text …",
    "multilabel": "it answers in labels: tunewright predict RUN --text …",
    "token_classification": "it marks spans: tunewright predict RUN --text …",
    "regression": "it answers in numbers: tunewright predict RUN --text …",
    "language_modelling": "it continues texts and takes no turns: tunewright predict RUN --text …",
}
"""What to do with a run that cannot be talked to."""
PROBE = "?"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one model answered to a turn."""

    text: str
    stopped: bool
    """Whether it ended of its own accord."""
    new_tokens: int
    interrupted: bool
    """Whether a person stopped it; what it had written by then is part of the conversation."""
    context_full: bool
    """Whether it ended because conversation and answer fill the context."""
    decoding: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The reply as JSON data."""
        return asdict(self)


class Speaker:
    """One model with its side of the conversation.

    `chats` is false for a model that turns one text into another: every turn then stands for itself.
    """

    def __init__(
        self, name: Name, model: Callable[[], AbstractContextManager[TextModel]], encoder: PromptEncoder, *, chats: bool
    ) -> None:
        self.name = name
        self._model, self._encoder, self._chats = model, encoder, chats
        self.system: str | None = None
        self.turns: tuple[Turn, ...] = ()

    def content(self, text: str) -> RowContent:
        """The conversation with this turn behind it, as a row. Raises DataError where the template leaves it out."""
        if not self._chats:
            return RowContent(text)
        first: Sequence[Turn] = () if self.system is None else ({"role": "system", "content": self.system},)
        chat = Conversation((*first, *self.turns, {"role": "user", "content": text}))
        if isinstance(self._encoder, ChatEncoder):
            with _said_here():
                shown = self._encoder.template.prompt(chat)
            for said, place in ((self.system or "", "system turn"), (text, "turn")):
                if said.strip() not in shown:
                    given = f"the template {self._encoder.template.name!r} leaves out or rewrites it"
                    raise DataError(
                        Problem(place, given, "a template that writes every turn whole", "say it otherwise")
                    )
        return RowContent(text, chat.to_json())

    def require_room(self, text: str) -> None:
        """Raises DataError where no token would be left to answer this turn with, naming the tokens there are."""
        row = self.content(text)
        with _said_here():
            tokens, most = len(self._encoder.prompt_ids(row)), self._encoder.max_tokens
        if tokens > most or (tokens == most and self._encoder.layout == "causal"):
            what = "the conversation with this turn" if self._chats else "the text"
            given = f"{what} has {tokens:,} tokens for the {self.name} model, and its context holds {most:,}"
            remedy = RESET if self.turns else "say less at once"
            raise DataError(Problem("turn", given, "room for an answer", remedy))

    def special_in(self, text: str) -> tuple[str, ...]:
        """The special tokens that stand in what is asked: the model reads them as the tokens themselves."""
        return self._encoder.special.written_in(f"{self.system or ''}\n{text}")

    def answer(self, text: str, decoding: Decoding, interrupted: Callable[[], bool]) -> Generator[str, None, Reply]:
        """Pieces of the answer as they are written; returns all of it, which is then part of the conversation.

        Ends early once `interrupted()`; a turn that was stopped before a word was written is forgotten.
        """
        row = self.content(text)
        with self._model() as model:
            found: Generated = yield from model.stream(row, decoding, interrupted)
        room = self._encoder.max_tokens - (len(self._encoder.prompt_ids(row)) if self._chats else 0)
        cut = not found.stopped and found.new_tokens < decoding.max_new_tokens
        full = cut and found.new_tokens >= room
        if self._chats and (found.text or not cut or full):
            said = ({"role": "user", "content": text}, {"role": "assistant", "content": found.text})
            self.turns = (*self.turns, *said)
        return Reply(found.text, bool(found.stopped), found.new_tokens, cut and not full, full, asdict(decoding))


class Chat:
    """A conversation with one model, or with two that never hear each other."""

    def __init__(self, speakers: Sequence[Speaker], clean: Callable[[str], str], *, chats: bool) -> None:
        self.speakers = tuple(speakers)
        self._clean, self._chats = clean, chats

    @property
    def system(self) -> str | None:
        """The text that stands before the conversation."""
        return self.speakers[0].system

    def set_system(self, text: str | None) -> None:
        """The text stands before the conversation from now on. Raises DataError where the template refuses it."""
        if text is not None and not self._chats:
            given = "a model that turns one text into another takes none"
            raise DataError(Problem("system turn", given, "a run of the task generation", "leave it out"))
        before = self.system
        for speaker in self.speakers:
            speaker.system = None if text is None else self._clean(text)
        try:
            for speaker in self.speakers:
                speaker.require_room(PROBE)
        except DataError:
            for speaker in self.speakers:
                speaker.system = before
            raise

    def reset(self) -> None:
        """All turns but the system's are forgotten."""
        for speaker in self.speakers:
            speaker.turns = ()

    def accept(self, line: str) -> str:
        """The turn as the training would have cleaned it. Raises DataError for one that is empty or does not fit."""
        text = self._clean(line)
        if not text.strip():
            raise DataError(Problem("turn", "it is empty", "a text", "leave it out"))
        if not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text):
            raise DataError(Problem("turn", "it holds bytes that are no UTF-8", "a text in UTF-8", "write it again"))
        for speaker in self.speakers:
            speaker.require_room(text)
        return text


@contextlib.contextmanager
def _said_here() -> Iterator[None]:
    """What the template or the encoder refuses within is a turn of this chat, and no row of the data."""
    try:
        yield
    except DataError as fault:
        raise DataError(*(replace(problem, remedy=OTHERWISE) for problem in fault.problems)) from fault


def open_chat(run: Path, *, against_base: bool = False, system: str | None = None) -> Chat:
    """A conversation with the run's tuned model, through the tokenizer and the template that were saved with it.

    Raises RecipeError for a run that cannot be talked to, RunError without a whole model or where its base has changed,
    DataError where its template takes no system turn.
    """
    tuned = open_run(run)
    if not tuned.task.writes:
        given = f"is a run of the task {tuned.task_name!r}"
        remedy = OTHER_VERB[tuned.task_name].replace("RUN", str(run))
        raise RecipeError(Problem(str(run), given, "a run of the task generation or text_to_text", remedy))
    models = _models(tuned, against_base=against_base)
    chats = tuned.task.chats
    chat = Chat(
        [Speaker(name, model, tuned.prompt_encoder, chats=chats) for name, model in models.items()],
        lambda text: clean_asked(text, tuned.cleaning, tuned.task_name),
        chats=chats,
    )
    if system is not None:
        chat.set_system(system)
    return chat


def _models(tuned: TunedRun, *, against_base: bool) -> dict[Name, Callable[[], AbstractContextManager[TextModel]]]:
    """What answers, by name: an adapter that is switched off is the base."""
    writer = tuned.writer()
    models: dict[Name, Callable[[], AbstractContextManager[TextModel]]] = {
        "tuned": lambda: contextlib.nullcontext(writer)
    }
    if against_base and tuned.has_adapter:
        models["base"] = writer.adapter_disabled
    elif against_base:
        base = tuned.base_writer()
        models["base"] = lambda: contextlib.nullcontext(base)
    return models
