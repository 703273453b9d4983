"""mmbench as a library: arrays in, results out, in this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import mmbench
from mmbench import registry
from mmbench.api import UserError
from mmbench.data.prepared import load_prepared
from mmbench.library.run import _params
from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.schema.params import Race
from mmbench.sweep.defined_source import source_of

SCALE = 1.0


def scaled(x: Tensor) -> Tensor:
    return x * SCALE


class LargestOf(Fusion):
    """logits = MLP(max_m s_m). Shapes: M summaries (B, D) -> logits (B, C)."""

    family = "late (features)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.head = kit.head(kit.width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(scaled(torch.stack([summaries[m] for m in self.modalities]).amax(0)))


@pytest.fixture(autouse=True)
def _own_names() -> Iterator[None]:
    yield
    registry._defined.clear()


def arrays(n: int = 90) -> tuple[dict[str, np.ndarray], np.ndarray]:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, n)
    return {"a": draw.normal(size=(n, 6, 3)) + labels[:, None, None], "b": draw.normal(size=(n, 5))}, labels


def small(folder: Path, **changes: Any) -> mmbench.Dataset:
    modalities, labels = arrays()
    made: mmbench.Dataset = mmbench.dataset("mine", modalities, labels, folder=folder, **changes)
    return made


QUICK = {"attention": "mean", "architecture": "shared", "workers": 1, "seeds": 1, "epochs": 1, "progress": False}


def test_importing_loads_nothing_heavy() -> None:
    heavy = ("torch", "pandas", "ray", "mlflow", "sklearn")
    code = f"import sys, mmbench; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_data_set_can_be_made_after_its_package_was_imported(tmp_path: Path) -> None:
    registry.variants("dataset")
    import mmbench.dataset.grid  # noqa: F401 - sets the attribute `dataset` of mmbench

    assert small(tmp_path).name == "mine"


@pytest.mark.slow
def test_run_trains_once_and_gives_everything(tmp_path: Path) -> None:
    data = small(tmp_path)
    before = torch.get_rng_state()
    results = mmbench.run(data, fusion=["concat", LargestOf], **QUICK)
    assert torch.equal(torch.get_rng_state(), before), "the caller's random state was left as it was"
    assert {r.state for r in results.results.values()} == {"done"}
    board = results.leaderboard("mine")
    assert {"mean + concat · shared", "mean + largest_of · shared"} <= set(board["combination"])
    again = mmbench.run(data, fusion=["concat", LargestOf], **QUICK)
    assert again.results == results.results, "nothing was trained again"
    assert "largest_of" in results._repr_html_() and len(results.contrasts())
    assert len(results.frame) == len(results.plan.jobs)
    model = results.best("mine")
    assert isinstance(model, nn.Module) and not model.training
    assert results.report(tmp_path / "out").read_text(encoding="utf-8").count("largest_of")

    loaded = mmbench.load_results(tmp_path)
    assert loaded.leaderboard().equals(board)
    assert "None of 8 methods changed" in mmbench.compare(results, tmp_path).finding
    with pytest.raises(UserError, match="did you mean 'mine'"):
        results.leaderboard("mien")


def test_a_class_is_another_one_when_what_it_names_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_of(LargestOf)
    source_of.cache_clear()
    assert source_of(LargestOf) == before
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    source_of.cache_clear()
    assert source_of(LargestOf).digest != before.digest
    monkeypatch.setitem(globals(), "SCALE", object())
    source_of.cache_clear()
    with pytest.raises(UserError, match="LargestOf uses SCALE, a object"):
        source_of(LargestOf)


def test_a_class_without_source_is_refused() -> None:
    made = type("Bare", (LargestOf,), {"__module__": "__main__"})
    with pytest.raises(UserError, match="source of Bare cannot be found"):
        source_of(made)


def test_groups_never_part_and_the_split_can_be_given(tmp_path: Path) -> None:
    groups = np.arange(90) // 3
    draw = np.random.default_rng(1)
    labels = np.repeat(draw.integers(0, 3, 30), 3)
    tagged = np.column_stack([groups, draw.normal(size=90)]).astype(np.float32)
    data = mmbench.dataset("grouped", {"a": tagged}, labels, groups=groups, folder=tmp_path)
    _, splits = load_prepared(data.prepared)
    found = [set(splits[s]["a"][:, 0].tolist()) for s in ("train", "validation", "test")]
    assert sum(map(len, found)) == len(set.union(*found)) == 30

    given = np.array(["train"] * 60 + ["dev"] * 15 + ["test"] * 15)
    data = small(tmp_path, splits=given)
    assert data.spec.splits == {"train": 60, "validation": 15, "test": 15}


@pytest.mark.parametrize(
    ("value", "kind", "shape"),
    [
        (np.zeros((90, 5)), "vector", (5,)),
        (np.zeros((90, 7, 5)), "sequence", (7, 5)),
        (np.zeros((90, 16, 16), np.uint8), "image", (1, 16, 16)),
        (np.zeros((90, 16, 16, 3)), "image", (3, 16, 16)),
        (torch.zeros(90, 3, 16, 16), "image", (3, 16, 16)),
    ],
)
def test_kinds_are_told_by_shape_and_type(value: Any, kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 200, value.shape) if str(value.dtype) == "uint8" else draw.random(value.shape)
    filled = torch.tensor(noise, dtype=value.dtype) if isinstance(value, Tensor) else noise.astype(value.dtype)
    data = mmbench.dataset("kinds", {"m": filled}, arrays()[1], folder=tmp_path)
    assert data.guesses["m"].kind == kind and data.spec.modalities["m"].shape == shape
    assert kind in repr(data) and "kinds={'m': ...} changes it" in repr(data)


def test_texts_missing_values_and_standardised_images(tmp_path: Path) -> None:
    modalities, labels = arrays()
    words: list[str | None] = [f"sample {i} is {label}" for i, label in enumerate(labels)]
    words[3] = None
    vector = modalities["b"].copy()
    vector[5] = np.nan
    image = np.random.default_rng(0).normal(size=(90, 1, 16, 16))
    data = mmbench.dataset(
        "mixed", {"words": words, "b": vector, "image": image}, labels, folder=tmp_path, accept=["near duplicate"]
    )
    assert data.spec.modalities["words"].missing == data.spec.modalities["b"].missing == 1 / 90
    assert any("the range of training samples" in note for note in data.spec.notes)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0, 1] * 45, "binary"),
        ([True, False] * 45, "binary"),
        (["x", "y", "z"] * 30, "classification"),
        ([0.5 * i for i in range(90)], "regression"),
        (np.eye(3)[[0, 1, 2] * 30], "classification"),
        (np.array([[1, 1], [0, 1], [1, 0]] * 30), "multilabel"),
        ([{"x"}, {"x", "y"}, set()] * 30, "multilabel"),
        (np.arange(180).reshape(90, 2) / 7, "regression"),
    ],
)
def test_tasks_are_told_by_the_labels(labels: Any, kind: str, tmp_path: Path) -> None:
    assert mmbench.dataset("tasks", {"b": arrays()[0]["b"]}, labels, folder=tmp_path).spec.task.kind == kind


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.zeros(90, int)}, "every sample has the class"),
        ({"labels": np.arange(80) % 3}, "there are 80 labels, but"),
        ({"labels": []}, "there are no labels"),
        ({"b": np.full((90, 5), np.inf)}, "NaN"),
        ({"b": np.array([object()] * 90)}, "sample 0: is a object"),
        ({"b": np.zeros((90, 2), complex)}, "holds complex128"),
        ({"kinds": {"b": "imgae"}}, "did you mean 'image'"),
        ({"kinds": {"c": "image"}}, "which is no modality"),
        ({"task": "clasification"}, "did you mean 'classification'"),
        ({"groups": [1, 2]}, "groups has 2 entries for 90 labels"),
        ({"splits": ["train"] * 89 + ["tset"]}, "did you mean 'test'"),
        ({"metric": "acuracy"}, "did you mean 'accuracy'"),
    ],
)
def test_what_cannot_be_is_one_plain_error(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    modalities, labels = arrays()
    labels = changes.pop("labels", labels)
    modalities |= {name: changes.pop(name) for name in list(changes) if name in modalities}
    with pytest.raises(UserError, match=message):
        mmbench.dataset("wrong", modalities, labels, folder=tmp_path, **changes)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    """As loops over np.arange and np.linspace hand them over."""
    sets, axes = [small(tmp_path)], dict.fromkeys(("attention", "fusion", "architecture"), "core")
    params = _params(sets, {"least": np.int64(2), "most": np.int64(4)}, np.int64(1), {"epochs": np.int64(3)}, axes)
    assert (params.grid.seeds, params.sweep.at_once, params.train.epochs) == (Race(least=2, most=4), 1, 3)
    with pytest.raises(UserError, match="epochs"):
        _params(sets, 1, 1, {"epochs": np.float64(2.5)}, axes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fusion": "concta"}, "unknown fusion 'concta' in fusion=; did you mean 'concat'"),
        ({"fusion": nn.Linear}, "Linear is no variant"),
        ({"attention": LargestOf}, "is a variant of fusion, given as attention"),
        ({"epoch": 3}, "unknown setting 'epoch'; did you mean 'epochs'"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_a_wrong_call_of_run_is_one_plain_error(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        mmbench.run(small(tmp_path), **(QUICK | {"fusion": "concat"} | changes))


def test_a_data_set_that_was_replaced_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    old = small(tmp_path)
    small(tmp_path, seed=1)
    with pytest.raises(UserError, match="holds another data set now"):
        mmbench.run(old, fusion="concat", **QUICK)


def test_loaders_keep_their_split_and_shuffling_changes_nothing(tmp_path: Path) -> None:
    modalities, labels = arrays()
    whole = TensorDataset(torch.tensor(modalities["a"]), torch.tensor(modalities["b"]), torch.tensor(labels))

    def load(seed: int) -> mmbench.Dataset:
        torch.manual_seed(seed)
        parts = [torch.utils.data.Subset(whole, range(*ends)) for ends in ((0, 60), (60, 75), (75, 90))]
        loaders = [DataLoader(part, batch_size=16, shuffle=i == 0) for i, part in enumerate(parts)]
        made: mmbench.Dataset = mmbench.dataset_from_loaders("loaded", *loaders, names=["a", "b"], folder=tmp_path)
        return made

    first = load(0)
    assert first.spec.splits == {"train": 60, "validation": 15, "test": 15}
    assert list(first.spec.modalities) == ["a", "b"]
    assert load(1).spec.hash == first.spec.hash


@pytest.mark.slow
def test_check_lists_what_fails() -> None:
    mmbench.check(LargestOf)

    class Undocumented(LargestOf):
        pass

    with pytest.raises(AssertionError, match=r"documented: .*no docstring"):
        mmbench.check(Undocumented)


def test_build_model_of_shapes_and_of_a_class() -> None:
    model = mmbench.build_model({"image": (3, 16, 16), "numbers": (5,)}, fusion=LargestOf, outputs=4, width=16)
    assert isinstance(model, nn.Module)
    with pytest.raises(UserError, match="none of"):
        mmbench.build_model({"image": (3, 16, 16, 2)})
