"""presidio-analyzer's pattern recognisers on a list of texts, run in a process of an environment of its own.

python -m benchmarks.presidio_peer REQUEST.json ANSWER.json

It needs presidio-analyzer and nothing of ours, no language model and no network: the public suffixes that one
recogniser looks up come from tldextract's own copy.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import tldextract
from presidio_analyzer import predefined_recognizers as predefined

tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())

RECOGNISERS = {
    "EMAIL_ADDRESS": predefined.EmailRecognizer,
    "PHONE_NUMBER": predefined.PhoneRecognizer,
    "CREDIT_CARD": predefined.CreditCardRecognizer,
    "IBAN_CODE": predefined.IbanRecognizer,
    "US_SSN": predefined.UsSsnRecognizer,
    "IP_ADDRESS": predefined.IpRecognizer,
}


def answer(texts: list[str]) -> dict[str, Any]:
    """The spans of each type as [text, start, end, score], and the seconds they took."""
    made = {name: kind() for name, kind in RECOGNISERS.items()}
    begun = time.perf_counter()
    spans = {
        name: [
            [number, found.start, found.end, found.score]
            for number, text in enumerate(texts)
            for found in recogniser.analyze(text, [name], None) or []
        ]
        for name, recogniser in made.items()
    }
    return {"spans": spans, "seconds": time.perf_counter() - begun, "version": metadata.version("presidio-analyzer")}


if __name__ == "__main__":
    request, reply = map(Path, sys.argv[1:])
    reply.write_text(json.dumps(answer(json.loads(request.read_text(encoding="utf-8")))))
