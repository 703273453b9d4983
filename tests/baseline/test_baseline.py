from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from mmbench.baseline.kernel_svm import EveryClass, RadialKernel
from mmbench.data.batches import Example, Split
from mmbench.model.baseline import BaselineModel
from mmbench.registry import Variant, check_options, variants
from mmbench.schema.dataset import Modality
from mmbench.schema.task import Task, TaskKind, task_of
from mmbench.sweep.planning.study import own_space
from tests.support import small

CLASSES = task_of("classification", "abc")
TASKS = [CLASSES, task_of("multilabel", "abcd"), task_of("regression", "ab"), task_of("regression", "a")]


def labels(task: Task, x: np.ndarray) -> np.ndarray:
    """What a line through the first numbers tells."""
    if task.kind == "classification":
        return np.digitize(x[:, 0], [-0.5, 0.5])
    some = x[:, : len(task.targets)]
    return (some > 0).astype(np.float32) if task.kind == "multilabel" else 3 * some + 1


MODALITIES = {"x": Modality(kind="feature", shape=(1, 3)), "z": Modality(kind="feature", shape=(1, 2))}
BASELINES = variants("baseline")
NEW = ("boosting", "kernel_svm", "linear_late")


def split(x: np.ndarray, y: np.ndarray) -> Split:
    """Five columns, three of one modality and two of another."""
    values = torch.from_numpy(x.astype(np.float32))[:, None]
    inputs = {"x": Example(values=values[..., :3], mask=None), "z": Example(values=values[..., 3:], mask=None)}
    return Split(inputs=inputs, labels=torch.from_numpy(y))


def fit(variant: Variant, task: Task, data: Split, **options: float) -> BaselineModel:
    made = variant.cls(**options)
    per_modality = getattr(made, "per_modality", False)
    model = BaselineModel(made.model(7, task), small.spec(modalities=MODALITIES, task=task), per_modality=per_modality)
    model.fit(data)
    return model


def told(model: BaselineModel, data: Split) -> np.ndarray:
    """Probabilities or numbers."""
    task, outputs = model.spec.task, model(data.inputs).double()
    if task.kind == "regression":
        return outputs.numpy()
    return (torch.sigmoid(outputs) if task.kind == "multilabel" else torch.softmax(outputs, 1)).numpy()


@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.kind}-{len(t.targets)}")
@pytest.mark.parametrize("variant", BASELINES.values(), ids=lambda v: v.name)
def test_predicts_what_scores_take_and_repeats_itself(variant: Variant, task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    data = split(x, labels(task, x))
    fitted = [fit(variant, task, data) for _ in range(2)]
    a, b = (model(data.inputs) for model in fitted)
    assert a.shape == (60, len(task.targets)) and a.dtype == torch.float32
    assert a.isfinite().all()
    assert torch.equal(a, b)
    columns = {("x",): x[:, :3], ("z",): x[:, 3:], ("x", "z"): x}
    parts = [(e, columns[names].astype(np.float32)) for names, e in fitted[0].parts]
    assert [names for names, _ in fitted[0].parts] in ([("x", "z")], [("x",), ("z",)])
    each = [e.predict(c).reshape(60, -1) if task.kind == "regression" else e.predict_proba(c) for e, c in parts]
    assert np.allclose(told(fitted[0], data), sum(each) / len(each), atol=1e-6)


def test_what_has_weights_is_counted_and_nothing_else_is() -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    for task in TASKS:
        n = len(task.targets)
        sizes = {name: fit(v, task, split(x, labels(task, x))).size for name, v in BASELINES.items()}
        wanted = {"majority": (0, n), "linear": (5 * n, n), "linear_late": (5 * n, 2 * n)}
        assert sizes == dict.fromkeys(BASELINES) | wanted
    two = task_of("binary", "ab")
    y = (x[:, 0] > 0).astype(int)
    assert fit(BASELINES["linear_late"], two, split(x, y)).size == (5, 2)


def test_a_label_that_never_varies_has_a_bias_and_no_weights() -> None:
    task, x = task_of("multilabel", "abc"), np.random.default_rng(0).normal(size=(60, 5))
    y = np.stack([x[:, 0] > 0, np.zeros(60), np.ones(60)], 1).astype(np.float32)
    sizes = {name: fit(v, task, split(x, y)).size for name, v in BASELINES.items()}
    assert sizes == {
        "boosting": None,
        "kernel_svm": None,
        "linear": (5, 3),
        "linear_late": (5, 6),
        "majority": (0, 3),
    }
    y[:, 0] = 1
    assert fit(BASELINES["boosting"], task, split(x, y)).size == (0, 3), "nothing but constants"


@pytest.mark.parametrize("name", NEW)
def test_labels_that_never_or_always_hold_are_told_so(name: str) -> None:
    task, x = task_of("multilabel", "abc"), np.random.default_rng(0).normal(size=(60, 5))
    y = np.stack([x[:, 0] > 0, np.zeros(60), np.ones(60)], 1).astype(np.float32)
    data = split(x, y)
    found = told(fit(BASELINES[name], task, data), data)
    assert (found[:, 1] == 0).all() and (found[:, 2] == 1).all() and len(np.unique(found[:, 0])) > 1


@pytest.mark.parametrize("kind", ["classification", "binary"])
@pytest.mark.parametrize("name", NEW)
def test_a_class_that_training_lacks_has_no_chance(name: str, kind: TaskKind) -> None:
    task, x = task_of(kind, "abc" if kind == "classification" else "ab"), np.random.default_rng(0).normal(size=(60, 5))
    y = np.where(x[:, 0] > 0, 2, 0) if kind == "classification" else (x[:, 0] > 0).astype(int)
    data = split(x, y)
    found = told(fit(BASELINES[name], task, data), data)
    assert np.allclose(found.sum(1), 1)
    assert (found.argmax(1) == y).mean() > 0.7
    assert kind == "binary" or (found[:, 1] == 0).all()


@pytest.mark.parametrize("name", ["linear", *NEW])
def test_one_class_alone_is_refused_in_plain_words(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    data = split(x, np.ones(60, int))
    with pytest.raises(ValueError, match=r"least 2 classes|greater than one; got 1|two classes, .* has only b$"):
        told(fit(BASELINES[name], CLASSES, data), data)


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.kind}-{len(t.targets)}")
def test_a_modality_of_constants_is_no_obstacle(name: str, task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    y = labels(task, x)
    x[:, 3:] = 4
    assert np.isfinite(told(fit(BASELINES[name], task, split(x, y)), split(x, y))).all()


@pytest.mark.parametrize("name", NEW)
def test_one_sample_of_each_class_is_enough(name: str) -> None:
    x, y = np.random.default_rng(0).normal(size=(3, 5)), np.arange(3)
    found = told(fit(BASELINES[name], CLASSES, split(x, y)), split(x, y))
    assert np.allclose(found.sum(1), 1, atol=1e-6)
    assert name == "boosting" or found.argmax(1).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", NEW)
def test_a_missing_modality_is_zeros(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    y, gone = labels(CLASSES, x), np.arange(60) % 3 == 0
    data = split(x, y)
    masked = Split(
        inputs={
            "x": Example(values=data.inputs["x"].values, mask=torch.from_numpy(~gone)[:, None]),
            "z": data.inputs["z"],
        },
        labels=data.labels,
    )
    zeros = split(np.where(gone[:, None] & (np.arange(5) < 3), 0, x), y)
    assert np.array_equal(
        told(fit(BASELINES[name], CLASSES, masked), masked), told(fit(BASELINES[name], CLASSES, zeros), zeros)
    )


@pytest.mark.parametrize("name", NEW)
def test_what_is_told_of_a_sample_depends_on_no_other(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(90, 5))
    model = fit(BASELINES[name], CLASSES, split(x, labels(CLASSES, x)))
    whole, part = told(model, split(x, labels(CLASSES, x))), told(model, split(x[:7], labels(CLASSES, x[:7])))
    assert np.allclose(whole[:7], part, atol=1e-6)


@pytest.mark.parametrize("name", NEW)
def test_the_unit_of_a_column_says_nothing(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(90, 5))
    y, units = labels(CLASSES, x), np.array([1, 1e4, 1e-3, 1, 50])
    found = [told(fit(BASELINES[name], CLASSES, split(c, y)), split(c, y)) for c in (x, x * units + 3 * units)]
    assert np.allclose(*found, atol=1e-3)


def bent(x: np.ndarray) -> np.ndarray:
    """What a curve within one modality tells, and no line."""
    return (np.abs(x[:, 0]) > 0.7).astype(int)


def joint(x: np.ndarray) -> np.ndarray:
    """What both modalities tell, and neither alone."""
    return (x[:, 0] * x[:, 3] > 0).astype(int)


@pytest.mark.parametrize(
    ("name", "finds_bent", "finds_joint"),
    [("linear", False, False), ("linear_late", False, False), ("boosting", True, True), ("kernel_svm", True, False)],
)
def test_what_each_can_find(name: str, finds_bent: bool, finds_joint: bool) -> None:
    x, new = (np.random.default_rng(seed).normal(size=(600, 5)) for seed in (0, 1))
    task = task_of("binary", "ab")
    for truth, finds in ((bent, finds_bent), (joint, finds_joint)):
        model = fit(BASELINES[name], task, split(x, truth(x)))
        right = (told(model, split(new, truth(new))).argmax(1) == truth(new)).mean()
        assert right > 0.85 if finds else right < 0.65, (name, truth.__name__, right)


@pytest.mark.parametrize("task", TASKS[2:], ids=lambda t: f"{len(t.targets)}")
@pytest.mark.parametrize("name", ["boosting", "kernel_svm"])
def test_numbers_in_any_unit_are_found(name: str, task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(600, 5))
    y = 1000 * np.abs(x[:, : len(task.targets)]) - 5e4
    data = split(x, y.astype(np.float32))
    error = np.abs(told(fit(BASELINES[name], task, data), data) - y).mean(0)
    guess = np.abs(y - np.median(y, 0)).mean(0)
    # The modality that knows nothing takes half of what an average says.
    assert (error < (0.3 if name == "boosting" else 0.7) * guess).all()


@pytest.mark.parametrize("times", [0.3, 1, 4])
def test_the_kernel_is_scikit_learns_times_its_scale(times: float) -> None:
    x = np.random.default_rng(0).normal(size=(80, 5)) * 3
    y, new = labels(CLASSES, x), np.random.default_rng(1).normal(size=(30, 5))
    kernel = RadialKernel(times).fit(x)
    gamma = times / (5 * x.var())
    wanted = SVC(kernel="rbf", gamma="scale" if times == 1 else gamma).fit(x, y).decision_function(new)
    found = SVC(kernel="precomputed").fit(kernel.transform(x), y).decision_function(kernel.transform(new))
    assert np.allclose(found, wanted)


@pytest.mark.parametrize("counts", [(1,), (1, 1, 1), (2, 2), (1, 2, 40), (30, 1, 7), (3, 3, 3)])
def test_folds_hold_every_sample_once_and_train_on_every_class(counts: tuple[int, ...]) -> None:
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = list(EveryClass(3).split(None, y))
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == list(range(len(y)))
    only = np.array(counts)[y] == 1
    for train, test in parts:
        assert set(y[train]) == set(y) and len(test)
        assert set(train) | set(test) == set(range(len(y)))
        assert set(train) & set(test) == set(test[only[test]])


@pytest.mark.parametrize("name", ["linear", *NEW])
def test_what_is_tuned_holds_what_it_is_without_tuning_and_can_be_made(name: str) -> None:
    cls, x = BASELINES[name].cls, np.random.default_rng(0).normal(size=(600, 5))
    data = split(x, labels(CLASSES, x))
    space = own_space("baseline", name)
    assert [key.split(".")[1] for key in space] == list(cls.tuned) and cls.tuned
    plain = told(fit(BASELINES[name], CLASSES, data), data)
    for key, (_, space_of, default) in space.items():
        option = key.split(".")[1]
        low, high = space_of.at(0, default), space_of.at(1, default)
        assert low < default < high and type(low) is type(default)
        for value in (low, high):
            assert check_options(BASELINES[name], {option: value}, where="test") == {option: value}
            assert not np.allclose(told(fit(BASELINES[name], CLASSES, data, **{option: value}), data), plain), option


def test_majority_ignores_its_input() -> None:
    model = variants("baseline")["majority"].cls().model(0, CLASSES)
    model.fit(np.zeros((5, 2)), np.array([1, 1, 1, 0, 2]))
    assert model.predict(np.random.default_rng(0).normal(size=(4, 2))).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(("metric", "guess"), [("mae", 1.0), ("rmse", 3.0)])
def test_the_constant_guess_is_the_best_one_for_the_metric(metric: str, guess: float) -> None:
    model = variants("baseline")["majority"].cls().model(0, task_of("regression", "x", metric))
    model.fit(np.zeros((4, 2)), np.array([[1.0], [1.0], [1.0], [9.0]]))
    assert model.predict(np.zeros((1, 2))).item() == guess


@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.kind}-{len(t.targets)}")
def test_linear_finds_what_a_line_tells(task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(400, 5))
    y = labels(task, x)
    data = split(x, y)
    found = fit(variants("baseline")["linear"], task, data, inverse_strength=1.0)(data.inputs).numpy()
    if task.kind == "regression":
        assert np.abs(found - y).mean() < 0.05
    else:
        truth = found.argmax(1) == y if task.kind == "classification" else (found > 0) == y
        assert truth.mean() > 0.9
