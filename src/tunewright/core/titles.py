"""How people read the machine names of metrics and tests: the same words on pages, in sentences and on the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

METRIC_TITLES: Final[Mapping[str, str]] = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "f1": "F1",
    "micro_precision": "micro precision",
    "micro_recall": "micro recall",
    "subset_accuracy": "subset accuracy",
    "token_accuracy": "token accuracy",
    "loss": "loss",
    "rmse": "RMSE",
    "mse": "MSE",
    "mae": "MAE",
    "r2": "R squared",
    "pearson": "Pearson's r",
    "spearman": "Spearman's rho",
    "bits_per_byte": "bits per byte",
    "exact_match": "exact match",
    "token_f1": "token F1",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
}
TEST_TITLES: Final[Mapping[str, str]] = {
    "mcnemar-exact": "exact McNemar test",
    "exact-randomisation": "exact randomisation test",
    "approximate-randomisation": "approximate randomisation test",
}


def metric_title(metric: str) -> str:
    """A metric's name in words."""
    return METRIC_TITLES.get(metric, metric.replace("_", " "))


def name_of_test(test: str) -> str:
    """A statistical test's name in words."""
    return TEST_TITLES.get(test, test)
