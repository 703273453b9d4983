"""Configurations of studies: the same effort and the same draws for every method."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mmbench.errors import UserError
from mmbench.registry import Variant, get
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Params
from mmbench.schema.plan import Job
from mmbench.schema.task import task_of
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.planning.plan import build
from mmbench.sweep.planning.study import own_space
from tests.support import plain

SPACE = {
    "learning_rate": {"times": {"log_uniform": [0.25, 4]}},
    "weight_decay": {"log_uniform": [0.001, 0.3]},
    "epochs": {"times": {"choice": [0.5, 1, 2]}},
}


def _spec(name: str) -> DataSpec:
    return DataSpec(
        name=name,
        description="",
        modalities={m: Modality(kind="feature", shape=(8, 4)) for m in ("a", "b")},
        task=task_of("classification", ("x", "y")),
        splits={"train": 400, "validation": 4, "test": 4},
        chance=0.5,
        ceiling=None,
        licence="",
        source="",
        hash=name,
    )


def _params(space: dict[str, Any], configurations: int = 4, seeds: int = 2) -> Params:
    raw = plain.settings() | {"tuning": {"configurations": configurations, "space": space}}
    raw["grid"] |= {"datasets": ["one"], "attention": ["mean", "additive"], "seeds": seeds}
    raw["grid"] |= {"fusion": ["concat", "early_concat"], "architecture": ["shared"]}
    return Params.model_validate(raw)


def _jobs(params: Params) -> tuple[Job, ...]:
    return build(params, {"one": _spec("one")}, root=Path("/nowhere")).jobs


def _drawn(jobs: tuple[Job, ...], name: str) -> dict[tuple[str, int, int], Any]:
    """By method, seed and number."""
    return {
        (j.config.cell, j.config.seed, j.config.configuration): getattr(j.config.train, name)
        for j in jobs
        if j.config.train is not None
    }


def test_every_method_gets_as_many_configurations_with_each_seed() -> None:
    jobs = _jobs(_params(SPACE))
    counts = Counter((j.config.cell, j.config.seed) for j in jobs if j.config.role != "baseline")
    assert set(counts.values()) == {4} and len(counts) == 2 * (4 + 4)
    baselines = Counter(j.config.cell for j in jobs if j.config.role == "baseline")
    # A majority has nothing to tune.
    assert baselines == {"majority baseline": 1, "linear baseline": 4}


def test_all_methods_have_the_same_draws() -> None:
    jobs = _jobs(_params(SPACE))
    for name in SPACE:
        by_number = defaultdict(set)
        for (_, seed, number), value in _drawn(jobs, name).items():
            by_number[seed, number].add(value)
        assert all(len(values) == 1 for values in by_number.values())
    assert len(set(_drawn(jobs, "learning_rate").values())) == 1 + 2 * 3


def test_another_hyperparameter_or_configuration_moves_no_draw() -> None:
    before, more = _jobs(_params(SPACE)), SPACE | {"dropout": {"choice": [0.0, 0.1, 0.2]}}
    for name in SPACE:
        assert _drawn(before, name) == _drawn(_jobs(_params(more)), name)
        wider = _drawn(_jobs(_params(SPACE, configurations=8, seeds=3)), name)
        assert {key: wider[key] for key in _drawn(before, name)} == _drawn(before, name)
    ids = {j.trial_id for j in before}
    assert ids < {j.trial_id for j in _jobs(_params(SPACE, configurations=8, seeds=3))}


def test_configuration_0_is_the_trial_that_there_was_without_tuning() -> None:
    plain_ids = {j.trial_id for j in _jobs(_params({}, configurations=1))}
    assert plain_ids == {j.trial_id for j in _jobs(_params(SPACE)) if j.config.configuration == 0}


def test_the_number_of_a_configuration_is_no_part_of_a_trials_identity() -> None:
    config = _jobs(_params(SPACE))[-1].config
    assert config.configuration == 3
    assert config.canonical() == config.model_copy(update={"configuration": 1}).canonical()
    assert config.name.endswith(" · s1 · c3")


def test_names_are_unique_and_the_order_is_balanced() -> None:
    jobs = _jobs(_params(SPACE))
    assert len({j.config.name for j in jobs}) == len(jobs)
    order = [(j.config.seed, j.config.configuration) for j in jobs]
    assert order == sorted(order)


def test_the_linear_baselines_regularisation_is_drawn_and_used() -> None:
    drawn = [j.config for j in _jobs(_params(SPACE)) if j.config.baseline == "linear"]
    strengths = [c.options("baseline").get("inverse_strength") for c in drawn]
    assert strengths[0] is None and len(set(strengths)) == 4
    assert all(0.0001 <= s <= 10 for s in strengths[1:])
    made = get("baseline", "linear", where="test").cls(**drawn[1].options("baseline"))
    assert made.inverse_strength == strengths[1]


class _Declares:
    def __init__(self, *, size: int = 4, needed: int) -> None: ...


@pytest.mark.parametrize(
    ("tuned", "said"),
    [
        ({"sise": {"choice": [2, 4]}}, "did you mean 'size'"),
        ({"needed": {"choice": [2, 4]}}, "has no default"),
        ({"size": {"normal": [2, 4]}}, "expected one of log_uniform"),
        ({"size": {"log_uniform": [4, 2]}}, "the lower one first"),
    ],
)
def test_what_a_variant_declares_wrongly_is_said(
    monkeypatch: pytest.MonkeyPatch, tuned: dict[str, Any], said: str
) -> None:
    cls = type("Declares", (_Declares,), {"tuned": tuned})
    info = Variant(name="declares", source="test", core=False, cls=cls)
    monkeypatch.setattr("mmbench.sweep.planning.study.get", lambda *_, **__: info)
    with pytest.raises(UserError, match=r"tuned of 'declares'") as found:
        own_space("attention", "declares")
    assert said in str(found.value)


class _Tunes:
    tuned: ClassVar = {"size": {"choice": [2, 8]}}

    def __init__(self, *, size: int = 4) -> None: ...


def test_what_a_variant_declares_is_drawn_unless_params_yaml_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmbench.schema.params import Choice
    from mmbench.schema.tuning import Tuning
    from mmbench.sweep.planning.study import Studies

    info = Variant(name="tunes", source="test", core=False, cls=_Tunes)
    monkeypatch.setattr("mmbench.sweep.planning.study.get", lambda *_, **__: info)
    train = plain.params().train.resolved(epochs=3, learning_rate=0.003)
    config = TrialConfig(
        role="single", dataset="one", modalities=("a",), attention=Choice(name="tunes"), seed=0, train=train
    )
    drawn = Studies(Tuning(configurations=9)).configurations(config)
    assert {c.options("attention").get("size") for c in drawn[1:]} == {2, 8} and drawn[0] == config
    assert {c.cell for c in drawn} == {"tunes · a alone"} and len({c.canonical() for c in drawn}) == 3
    assert all("hyperparameters" in c.canonical() for c in drawn[1:]) and "hyperparameters" not in config.canonical()
    fixed = config.model_copy(update={"attention": Choice(name="tunes", options={"size": 16})})
    assert Studies(Tuning(configurations=9)).configurations(fixed) == [fixed]
