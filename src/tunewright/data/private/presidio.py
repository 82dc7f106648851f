"""Names and addresses through presidio-analyzer, with a language model of spaCy's that is installed here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tunewright.core.errors import MissingPackage, Problem
from tunewright.core.optional import import_optional
from tunewright.core.private import PrivateSpan

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tunewright.core.private import PrivateKind

KINDS: Final[Mapping[str, PrivateKind]] = {"PERSON": "person", "LOCATION": "address"}
"""Presidio's entities to our kinds: patterns are our own, so nothing else is asked of it."""
MODELS: Final = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")
"""Language models in the order in which they are tried, before any other English one; none is ever fetched."""


class PresidioNames:
    """Persons and places of English texts. Made, it raises MissingPackage where presidio or its model is not here."""

    def __init__(self, kinds: Collection[str]) -> None:
        self._analyzer = _analyzer()
        self._entities = [entity for entity, kind in KINDS.items() if kind in kinds]

    def find(self, texts: Sequence[str]) -> list[Sequence[PrivateSpan]]:
        """The names and places of each text, as far as the language model knows them."""
        return [[_span(result) for result in self._asked(text)] for text in texts]

    def _asked(self, text: str) -> list[Any]:
        found: list[Any] = self._analyzer.analyze(text, language="en", entities=self._entities) if text else []
        return found


def _span(result: Any) -> PrivateSpan:
    return PrivateSpan(int(result.start), int(result.end), KINDS[result.entity_type], float(result.score))


@cache
def _analyzer() -> Any:
    """The analyzer, whose language model takes seconds to load."""
    purpose = "data.privacy.names: presidio"
    presidio = import_optional("presidio_analyzer", extra="privacy", purpose=purpose)
    engines = import_optional("presidio_analyzer.nlp_engine", extra="privacy", purpose=purpose)
    spacy = import_optional("spacy", extra="privacy", purpose=purpose)
    model = chosen_model(spacy.util.get_installed_models())
    if model is None:
        given = "no English language model of spaCy's is installed"
        remedy = f"install one, such as with `python -m spacy download {MODELS[-1]}`"
        raise MissingPackage(Problem(purpose, given, f"one of: {', '.join(MODELS)}", remedy))
    models = [{"lang_code": "en", "model_name": model}]
    provider = engines.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    return presidio.AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])


def chosen_model(installed: Sequence[str]) -> str | None:
    """The language model to take of those installed; None without an English one."""
    others = sorted(name for name in installed if name.startswith("en_"))
    return next((name for name in MODELS if name in installed), others[0] if others else None)
