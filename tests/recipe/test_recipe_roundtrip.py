"""Any recipe written out and loaded again is the same recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.pipeline.recipes import recipe_text
from tunewright.recipe.balance import Oversample, Temperature, Undersample
from tunewright.recipe.data import DataSpec, GroupSplit, StratifiedSplit, TimeSplit
from tunewright.recipe.judge import BetterThan, ClassFloor, EvaluationSpec, Floor, GateSpec
from tunewright.recipe.label_issues import DropMislabelled, Relabel
from tunewright.recipe.load import LoadedRecipe, load_recipe
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.recipe import Recipe
from tunewright.recipe.schedule import Constant, Cosine, Linear
from tunewright.recipe.train import AdamW, EarlyStopping, Full, Lora, TopLayers, TrainSpec, Unfreezing

if TYPE_CHECKING:
    import pytest

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
"""Any text without control characters: quotes, colons, hashes, words that look like numbers."""
SHARE = st.floats(0.01, 0.4)
POSITIVE = st.floats(1e-12, 1e6, allow_subnormal=False)
COUNT = st.integers(1, 10**6)
METRIC = st.sampled_from(["accuracy", "macro_f1", "micro_f1", "macro_precision", "macro_recall"])


def of(spec: Any, **fields: Any) -> st.SearchStrategy[Any]:
    """Instances of the spec, each field drawn or left at its default."""
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: spec(**values))


SPLITS = [
    of(kind, validation=SHARE, test=SHARE, seed=st.integers()) for kind in (StratifiedSplit, GroupSplit, TimeSplit)
]
SCHEDULES = [of(kind, warmup=st.floats(0, 0.99)) for kind in (Linear, Cosine, Constant)]
REVIEWS = [st.builds(kind, file=PLAIN | st.lists(PLAIN, min_size=1, max_size=3)) for kind in (Relabel, DropMislabelled)]
BALANCES = [
    of(Oversample, column=st.none() | PLAIN, to=SHARE, most=COUNT),
    of(Undersample, column=st.none() | PLAIN, to=st.floats(1, 9)),
    of(Temperature, column=st.none() | PLAIN, temperature=st.floats(1, 9), most=COUNT),
]
CONDITIONS = [
    of(BetterThan, metric=METRIC, alpha=st.floats(0.001, 0.49)),
    st.builds(Floor, metric=METRIC, at_least=st.floats(0, 1)),
    of(ClassFloor, at_least=st.floats(0, 1), min_support=COUNT),
]
METHODS = of(
    Full,
    freeze=st.lists(PLAIN, max_size=3),
    layer_decay=st.floats(0.1, 1),
    unfreeze=st.none() | st.builds(Unfreezing, every=st.integers(1, 999), first=st.integers(0, 99)),
) | of(
    Lora,
    rank_stabilised=st.booleans(),
    dora=st.booleans(),
    initialisation=st.sampled_from(["zero", "pissa"]),
    b_rate=st.floats(1, 99),
)
TRAIN = of(
    TrainSpec,
    method=METHODS | st.integers(0, 99).map(lambda n: TopLayers(layers=n)),
    epochs=POSITIVE,
    max_steps=st.none() | st.integers(10**6, 10**7),
    batch_size=COUNT,
    micro_batch_tokens=COUNT | st.just("auto"),
    optimizer=of(AdamW, lr=st.floats(1e-12, 0.99) | st.just("auto"), weight_decay=st.floats(0, 1), eps=POSITIVE),
    schedule=st.one_of(SCHEDULES),
    max_grad_norm=st.none() | POSITIVE,
    precision=st.sampled_from(["auto", "fp32", "bf16"]),
    evaluate_every=COUNT | st.just("epoch"),
    checkpoint_every=COUNT | st.just("epoch"),
    early_stopping=st.none() | of(EarlyStopping, patience=COUNT, min_delta=st.floats(0, 1)),
    tensorboard=st.booleans(),
)
RECIPES = st.builds(
    Recipe,
    model=st.builds(
        ModelSpec,
        name=PLAIN,
        revision=st.none() | PLAIN,
        max_tokens=st.none() | st.integers(8, 9999),
        dropout=st.none() | st.floats(0, 0.9),
    ),
    data=st.builds(
        DataSpec,
        train=PLAIN,
        input=st.none() | PLAIN,
        target=st.none() | PLAIN,
        group=PLAIN,
        time=PLAIN,
        label_map=st.dictionaries(PLAIN, PLAIN, max_size=4),
        label_issues=st.none() | st.one_of(REVIEWS),
        balance=st.none() | st.one_of(BALANCES),
    ),
    task=st.sampled_from(["classification", "generation", "text_to_text"]),
    name=st.none() | st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z"),
    seed=st.integers(0, 2**62),
    split=st.one_of(SPLITS),
    train=TRAIN,
    evaluation=of(EvaluationSpec, resamples=st.integers(100, 10**5), confidence=st.floats(0.51, 0.99)),
    gate=of(GateSpec, conditions=st.none() | st.lists(st.one_of(CONDITIONS), min_size=1, max_size=4)),
)


@settings(deadline=None, max_examples=60)
@given(recipe=RECIPES)
def test_any_recipe_written_out_and_loaded_is_equal(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(recipe_text(LoadedRecipe(recipe, path, ())), encoding="utf-8")
    assert load_recipe(path).recipe == recipe
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
