from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mmbench.errors import UserError
from mmbench.registry import Variant
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Choice, Params, load_params
from mmbench.schema.plan import Plan
from mmbench.schema.task import task_of
from mmbench.sweep.planning.plan import build, check_names, load_specs
from tests.support import small_project


@pytest.fixture
def params(tmp_path: Path) -> Params:
    """The article's core grid on two data sets and two seeds."""
    small_project.make(tmp_path)
    return _with(
        load_params(tmp_path / "params.yaml"),
        grid={"datasets": ["one", "two"], "attention": "core", "fusion": "core", "architecture": "core", "seeds": 2},
    )


def _with(params: Params, **changes: dict[str, Any]) -> Params:
    raw = params.model_dump(mode="json")
    for section, values in changes.items():
        raw[section] |= values
    return Params.model_validate(raw)


def _spec(name: str, modalities: int = 2, content: str = "c0ffee") -> DataSpec:
    return DataSpec(
        name=name,
        description="",
        modalities={f"m{i}": Modality(kind="feature", shape=(8, 4)) for i in range(modalities)},
        task=task_of("classification", ("a", "b")),
        splits={"train": 4, "validation": 4, "test": 4},
        chance=0.5,
        ceiling=None,
        licence="",
        source="",
        hash=content,
    )


SPECS = {name: _spec(name) for name in ("one", "two")}


def _build(params: Params, specs: dict[str, DataSpec] = SPECS) -> Plan:
    return build(params, specs, root=Path("/nowhere"))


def _ids(plan: Plan) -> set[str]:
    return {job.trial_id for job in plan.jobs}


def test_the_core_grid_and_its_controls_are_counted(params: Params) -> None:
    plan = _build(params)
    cells, singles, baselines = 27 * 2 * 2, 3 * 2 * 2 * 2, 2 * 2
    roles = [job.config.role for job in plan.jobs]
    assert (roles.count("cell"), roles.count("single"), roles.count("baseline")) == (cells, singles, baselines)
    assert plan.declared == cells + singles + baselines == len(_ids(plan))
    assert plan.skipped == ()


def test_a_whole_number_and_a_fraction_are_one_level(params: Params) -> None:
    levels = tuple(Choice(name="adaptive_span", options={"softness": number}) for number in (1, 1.0))
    grid = params.grid.model_copy(update={"attention": levels})
    with pytest.raises(UserError, match="twice"):
        check_names(params.model_copy(update={"grid": grid}), SPECS)


def test_planning_twice_gives_the_same_plan(params: Params) -> None:
    assert _build(params) == _build(params)


def test_any_start_of_a_sweep_is_balanced(params: Params) -> None:
    plan = _build(params)
    seeds = [job.config.seed for job in plan.jobs]
    assert seeds == sorted(seeds)
    cells = [job.config.dataset for job in plan.jobs if job.config.role == "cell"]
    assert cells[:4] == ["one", "two", "one", "two"]


def test_what_cannot_be_is_recorded_with_its_reason(params: Params) -> None:
    plan = _build(params, {"one": _spec("one", modalities=1), "two": SPECS["two"]})
    assert len(plan.skipped) == 27 * 2
    assert {skip.reason for skip in plan.skipped} == {"fusion needs at least two modalities"}
    assert {skip.config.dataset for skip in plan.skipped} == {"one"}
    assert plan.declared == len(plan.jobs) + 54


@pytest.mark.parametrize("configurations", [1, 3])
def test_a_baseline_for_few_samples_is_skipped_on_many(
    params: Params, configurations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its class, which would bring scikit-learn, is not asked."""

    def imported(self: Variant) -> type:
        raise AssertionError(f"{self.name} was imported")

    monkeypatch.setattr(Variant, "cls", property(imported))
    asked = _with(
        params,
        grid={"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]},
        controls={"baselines": ["kernel_svm", "linear"]},
        tuning={"configurations": configurations},
    )
    monkeypatch.setattr("mmbench.sweep.planning.refusal._cannot_fuse", lambda config: None)
    sizes = {"one": 5000, "two": 5001}
    specs = {
        name: SPECS[name].model_copy(update={"splits": SPECS[name].splits | {"train": n}}) for name, n in sizes.items()
    }
    plan = _build(asked, specs)
    reason = "kernel_svm is for up to 5,000 training samples, and two has 5,001"
    assert [(s.config.dataset, s.config.baseline, s.reason) for s in plan.skipped] == [("two", "kernel_svm", reason)]
    planned = [(j.config.dataset, j.config.baseline) for j in plan.jobs if j.config.role == "baseline"]
    wanted = [("one", "kernel_svm"), ("one", "linear"), ("two", "linear")]
    assert sorted(planned) == sorted(wanted * configurations)


def test_a_baseline_that_is_for_few_classes_is_skipped_where_there_are_more(params: Params) -> None:
    asked = _with(
        params,
        grid={"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]},
        controls={"baselines": ["kernel_svm", "linear"]},
    )
    many = task_of("classification", map(str, range(51)))
    specs = {"one": SPECS["one"], "two": SPECS["two"].model_copy(update={"task": many})}
    reason = "kernel_svm is for up to 50 classes or labels, and two has 51"
    assert [s.reason for s in _build(asked, specs).skipped if s.config.role == "baseline"] == [reason]


def test_one_more_seed_adds_its_trials_and_keeps_the_others(params: Params) -> None:
    more = _build(_with(params, grid={"seeds": 3}))
    before = _build(params)
    assert _ids(before) < _ids(more)
    assert {job.config.seed for job in more.jobs if job.trial_id not in _ids(before)} == {2}


def test_an_identity_is_config_and_data_but_not_how_it_is_run(params: Params) -> None:
    ids = _ids(_build(params))
    sweep = {"time_limit_s": 1.5, "retries": 9, "at_once": 7}
    assert _ids(_build(_with(params, sweep=sweep))) == ids
    assert _ids(_build(_with(params, train={"epochs": 99}))).isdisjoint(
        {job.trial_id for job in _build(params).jobs if job.config.role != "baseline"}
    )
    changed = _build(params, {"one": _spec("one", content="beef"), "two": SPECS["two"]})
    assert {job.config.dataset for job in changed.jobs if job.trial_id in ids} == {"two"}


def test_an_option_at_its_default_is_the_same_level(params: Params) -> None:
    plain = _build(_with(params, grid={"attention": ["additive"]}))
    spelt = _build(_with(params, grid={"attention": [{"additive": {"score_dim": 4}}]}))
    other = _build(_with(params, grid={"attention": [{"additive": {"score_dim": 3}}]}))
    assert _ids(plain) == _ids(spelt)
    trained = {job.trial_id for job in other.jobs if job.config.role != "baseline"}
    assert trained.isdisjoint(_ids(plain))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nois", "unknown probe 'nois' in params.yaml: probes; did you mean 'noise'"),
        ("cost_curves", "params.yaml: probes: cost_curves is measured on attention by itself: mmbench cost-curves"),
    ],
)
def test_probes_are_those_of_trials(params: Params, name: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        _build(params.model_copy(update={"probes": (name,)}))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"attention": ["aditive"]}}, "unknown attention 'aditive' in params.yaml: grid.attention; did you"),
        ({"grid": {"fusion": ["concat", "conkat"]}}, "'conkat' in params.yaml: grid.fusion; did you mean 'concat'"),
        ({"grid": {"architecture": ["zzz"]}}, "params.yaml: grid.architecture; known: "),
        ({"grid": {"attention": ["mean", "mean"]}}, "params.yaml: grid.attention names 'mean' twice"),
        ({"grid": {"datasets": ["one", "too"]}}, "unknown data set 'too' in params.yaml: grid.datasets; did you mean"),
        ({"grid": {"datasets": ["one", "one"]}}, "params.yaml: grid.datasets names 'one' twice"),
        ({"controls": {"baselines": ["lineal"]}}, "'lineal' in params.yaml: controls.baselines; did you mean 'linear'"),
        ({"grid": {"attention": [{"additive": {"score_dimm": 3}}]}}, "'score_dimm' of 'additive' in params.yaml: grid"),
        (
            {"grid": {"attention": [{"additive": {"score_dim": "x"}}]}},
            "'score_dim' of 'additive' in params.yaml: grid.attention is 'x'",
        ),
        (
            {"grid": {"attention": [{"additive": {"score_dim": 10**13}}]}},
            "grid.attention: additive(score_dim=10000000000000) can",
        ),
    ],
)
def test_a_mistake_names_its_place_and_remedy(params: Params, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        _build(_with(params, **changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_names_are_checked_before_there_is_data(params: Params, tmp_path: Path) -> None:
    assert [level.name for level in check_names(params, SPECS)["fusion"]] == [
        "concat",
        "cross_attention",
        "early_concat",
    ]
    with pytest.raises(UserError, match=r"unknown data set 'one' in params\.yaml: grid\.datasets; `mmbench data init`"):
        load_specs(params, Path("/nowhere"))
    for name in SPECS:
        (tmp_path / "data" / "raw" / name).mkdir(parents=True)
        (tmp_path / "data" / "raw" / name / "dataset.yaml").write_text("dataset: unique\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"data set 'one' is not prepared: .* run `dvc repro prepare@one`"):
        load_specs(params, tmp_path)


def test_a_large_plan_is_quick(params: Params) -> None:
    began = time.perf_counter()
    plan = _build(_with(params, grid={"seeds": 400}))
    assert plan.declared > 26_010
    assert time.perf_counter() - began < 30
