"""Texts in other words by a model that another machine or program serves, over the chat API that OpenAI's became."""

from __future__ import annotations

import json
import os
import threading
import urllib.error
import urllib.request
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path  # noqa: TC003  # a type of the frozen record below
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import Problem, RunError
from tunewright.core.files import digest, disk_faults
from tunewright.core.generated import Decoding  # noqa: TC001  # likewise
from tunewright.core.seeds import child_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 4
"""Requests that wait for an answer at the same time."""
TRIES = 4
"""Of one request: where the server is busy or silent, the next one comes after `PAUSE`, then twice that, and so on."""
PAUSE = 1.0
LONGEST_PAUSE = 60.0
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})
MOST_BYTES = 1 << 22
"""Of one answer."""
SEEDS = 2**31
"""What servers take for a seed lies below it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked."""

    place: str
    """Of the recipe, for errors."""
    url: str
    """Up to `/v1`."""
    model: str
    key: str | None
    """Name of the environment variable with the secret that goes along; None sends none."""
    seconds: float
    """How long an answer is waited for."""


@dataclass(frozen=True, slots=True)
class EndpointParaphraser:
    """A served model that is asked. Implements `core.protocols.Rewriter`.

    An answer that came is kept in `kept` at once: a run that stops goes on where it was, and asks nothing twice.
    """

    endpoint: Endpoint
    prompt: str
    """`{text}` stands for the text."""
    decoding: Decoding
    kept: Path
    """File of answers by the hash of what was asked, one a line."""
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _given_up: threading.Event = field(default_factory=threading.Event)
    """Set once the run stops, for whatever reason: nobody tries again then."""

    def rewrite(self, texts: Sequence[str], *, seed: int) -> list[str | None]:
        """The answer to each question; None where it did not end, or said nothing. Raises RunError where the server
        refuses, cannot be reached, or answers in another form.
        """
        self._given_up.clear()
        known = self._known()
        asked = [self._question(text, child_seed(seed, text) % SEEDS) for text in texts]
        names = [digest([self.endpoint.url, question]) for question in asked]
        missing = {name: question for name, question in zip(names, asked, strict=True) if name not in known}
        with disk_faults(self.kept):
            self.kept.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = [pool.submit(self._answered, name, question) for name, question in missing.items()]
            try:
                done = wait(waiting, return_when=FIRST_EXCEPTION).done
                known |= dict(one.result() for one in done)  # the first that failed raises here
            except BaseException:
                self._given_up.set()
                pool.shutdown(wait=False, cancel_futures=True)  # what was not asked yet is not asked
                raise
        return [known[name] for name in names]

    def _question(self, text: str, seed: int) -> dict[str, Any]:
        return {
            "model": self.endpoint.model,
            "messages": [{"role": "user", "content": self.prompt.replace("{text}", text)}],
            "max_tokens": self.decoding.max_new_tokens,
            "temperature": self.decoding.temperature,
            "top_p": self.decoding.top_p,
            "seed": seed,
        }

    def _known(self) -> dict[str, str | None]:
        """The answers that are kept; a line that a stopped run left half written is asked for again."""
        if not self.kept.exists():
            return {}
        found: dict[str, str | None] = {}
        lines = self.kept.read_text(encoding="utf-8", errors="replace")
        if not lines.endswith("\n"):
            self._keep("")
        for line in lines.splitlines():
            try:
                name, text = json.loads(line)
            except ValueError:
                continue
            found[name] = text
        return found

    def _answered(self, name: str, question: dict[str, Any]) -> tuple[str, str | None]:
        text = _said(self.endpoint, _sent(self.endpoint, question, self._given_up))
        self._keep(json.dumps([name, text]))
        return name, text

    def _keep(self, line: str) -> None:
        with self._writing, disk_faults(self.kept), self.kept.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nobody to another address: texts and key are for the one that the recipe names."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is an error."""


_OPENER = urllib.request.build_opener(_Stays)


def _said(endpoint: Endpoint, answer: Any) -> str | None:
    """What the model answered; None where it did not end, or said nothing."""
    try:
        choice = answer["choices"][0]
        text, ended = choice["message"]["content"], choice["finish_reason"] == "stop"
        return (text or "").strip() or None if ended else None
    except (TypeError, KeyError, IndexError, AttributeError) as fault:
        given = f"{endpoint.url} answered without choices[0].message.content and finish_reason"
        expected = "the chat API: POST …/chat/completions"
        raise RunError(Problem(endpoint.place, given, expected, "name the address up to /v1")) from fault


def _sent(endpoint: Endpoint, question: dict[str, Any], given_up: threading.Event) -> Any:
    """The server's answer as JSON data. Raises RunError where there is none after all tries."""
    headers = {"Content-Type": "application/json"}
    if endpoint.key is not None:
        headers["Authorization"] = f"Bearer {_secret(endpoint)}"
    address = f"{endpoint.url.rstrip('/')}/chat/completions"
    request = urllib.request.Request(address, json.dumps(question).encode(), headers)  # noqa: S310  # http(s), by the recipe
    for number in range(TRIES):
        try:
            with _OPENER.open(request, timeout=endpoint.seconds) as reply:
                return json.loads(reply.read(MOST_BYTES))
        except urllib.error.HTTPError as fault:
            reason = f"status {fault.code}: {fault.read(300).decode(errors='replace').strip()}"
            if fault.code not in BUSY and fault.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise _refused(
                    endpoint, f"refuses ({reason})", "name, key and model as the server knows them"
                ) from fault
            pause = _pause(fault.headers.get("Retry-After"), number)
        except (OSError, TimeoutError) as fault:
            reason, pause = f"{getattr(fault, 'reason', None) or fault}", PAUSE * 2**number
        except ValueError as fault:
            raise _refused(endpoint, "answers with what is no JSON", "the chat API: POST …/chat/completions") from fault
        if number + 1 < TRIES and given_up.wait(pause):
            break
    raise _refused(endpoint, f"did not answer in {TRIES} tries ({reason})", "a server that can be reached and has room")


def _pause(asked: str | None, number: int) -> float:
    """What the server asks for in seconds, within reason; else longer each time."""
    try:
        return min(max(float(asked or ""), 0.0), LONGEST_PAUSE)
    except ValueError:
        return PAUSE * float(2**number)


def _refused(endpoint: Endpoint, what: str, expected: str) -> RunError:
    remedy = "mend it and run again: answers that came are kept"
    return RunError(Problem(endpoint.place, f"{endpoint.url} {what}", expected, remedy))


def _secret(endpoint: Endpoint) -> str:
    found = os.environ.get(endpoint.key or "")
    if not found:
        given = f"the environment variable {endpoint.key} is not set"
        raise RunError(Problem(endpoint.place, given, "the server's key in it", "set it, or write `key: null`"))
    return found
