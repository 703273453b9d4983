"""Which trial is the champion: by validation alone, by means over seeds, in the metric's direction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mmbench.champion.choose import choose
from mmbench.cli.project import Loaded
from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State, TrialResult
from tests.support import small_project


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    root = small_project.make(tmp_path_factory.mktemp("choose"))
    small_project.regression(root)
    return small_project.read(root)


def jobs(loaded: Loaded, dataset: str) -> list[Job]:
    return [j for j in loaded.plan.jobs if j.config.dataset == dataset and j.config.role != "baseline"]


def scored(job: Job, validation: dict[str, float], test: float = 0.5) -> TrialResult:
    result = small_project.result(job)
    main = next(iter(validation))
    return result.model_copy(update={"metrics": {"validation": validation, "test": {main: test, "loss": 1.0}}})


def results(loaded: Loaded, dataset: str, scores: dict[int, TrialResult]) -> dict[str, TrialResult]:
    """The others of the data set are worst of all."""
    worst = {"accuracy": 0.0, "loss": 9.0} if dataset == "small" else {"mae": 99.0, "loss": 99.0}
    found = {job.trial_id: scored(job, worst, test=1.0) for job in jobs(loaded, dataset)}
    return found | {r.trial_id: r for r in scores.values()}


@pytest.mark.parametrize("dataset, better, worse", [("small", 0.9, 0.8), ("errors", 0.2, 0.3)])
def test_validation_decides_in_the_direction_of_the_metric(
    loaded: Loaded, dataset: str, better: float, worse: float
) -> None:
    spec: DataSpec = loaded.specs[dataset]
    good, bad = jobs(loaded, dataset)[3], jobs(loaded, dataset)[1]
    found = results(
        loaded,
        dataset,
        {
            0: scored(good, {spec.task.metric: better, "loss": 0.7}, test=0.1),
            1: scored(bad, {spec.task.metric: worse, "loss": 0.1}, test=0.9),
        },
    )
    assert choose(loaded.plan, found, spec) == good


def test_of_equals_the_loss_decides_then_the_order(loaded: Loaded) -> None:
    spec = loaded.specs["small"]
    first, second, third = jobs(loaded, "small")[1:4]
    same = {"accuracy": 0.9, "loss": 0.5}
    found = results(
        loaded, "small", {0: scored(first, same), 1: scored(second, {**same, "loss": 0.4}), 2: scored(third, same)}
    )
    assert choose(loaded.plan, found, spec) == second
    del found[second.trial_id]
    assert choose(loaded.plan, found, spec) == first


def test_baselines_and_what_failed_take_no_part(loaded: Loaded) -> None:
    spec = loaded.specs["small"]
    baseline = next(j for j in loaded.plan.jobs if j.config.role == "baseline" and j.config.dataset == "small")
    only, failed = jobs(loaded, "small")[:2]
    found = {
        baseline.trial_id: scored(baseline, {"accuracy": 1.0}),
        only.trial_id: scored(only, {"accuracy": 0.1}),
        failed.trial_id: small_project.result(failed, State.FAILED),
    }
    assert choose(loaded.plan, found, spec) == only
    del found[only.trial_id]
    with pytest.raises(UserError, match="no trial on 'small' has ended well yet"):
        choose(loaded.plan, found, spec)


def test_trials_that_left_the_plan_take_no_part(loaded: Loaded, tmp_path: Path) -> None:
    spec = loaded.specs["small"]
    only = jobs(loaded, "small")[0]
    gone = scored(jobs(loaded, "small")[1], {"accuracy": 1.0}).model_copy(update={"trial_id": "0" * 16})
    found = {gone.trial_id: gone, only.trial_id: scored(only, {"accuracy": 0.1})}
    assert choose(loaded.plan, found, spec) == only


def several(loaded: Loaded, scores: list[list[float | None]]) -> tuple[Plan, dict[str, TrialResult], list[list[Job]]]:
    """Methods with these scores on validation by seed; None failed."""
    plan, found, made = loaded.plan, {}, []
    for base, own in zip(jobs(loaded, "small"), scores, strict=False):
        made.append([])
        for seed, score in enumerate(own):
            config = base.config.model_copy(update={"seed": seed})
            job = base.model_copy(update={"config": config, "trial_id": f"{len(made):08d}{seed:08d}"})
            made[-1].append(job)
            found[job.trial_id] = (
                small_project.result(job, State.FAILED) if score is None else scored(job, {"accuracy": score})
            )
    return replace(plan, jobs=tuple(j for own in made for j in own)), found, made


def test_a_lucky_seed_does_not_make_a_champion(loaded: Loaded) -> None:
    plan, found, made = several(loaded, [[0.95, 0.6, 0.6], [0.8, 0.82, 0.81]])
    assert choose(plan, found, loaded.specs["small"]) == made[1][1]


def test_a_method_that_lacks_seeds_takes_part_only_where_all_do(loaded: Loaded) -> None:
    plan, found, made = several(loaded, [[0.95, None], [0.8, 0.7]])
    assert choose(plan, found, loaded.specs["small"]) == made[1][0]
    plan, found, made = several(loaded, [[0.95, None], [0.8, None]])
    assert choose(plan, found, loaded.specs["small"]) == made[0][0]
    del found[made[1][1].trial_id]
    assert choose(plan, found, loaded.specs["small"]) == made[0][0], "what has not run is missing, too"


def test_of_a_seeds_configurations_the_best_counts(loaded: Loaded) -> None:
    """Otherwise a method would be punished for what tuning tried in vain."""
    plan, found, made = several(loaded, [[0.8, 0.8], [0.7, 0.7]])
    worse = made[0][0]
    tried = worse.model_copy(
        update={"config": worse.config.model_copy(update={"configuration": 1}), "trial_id": "f" * 16}
    )
    found[tried.trial_id] = scored(tried, {"accuracy": 0.1})
    plan = replace(plan, jobs=(*plan.jobs, tried))
    assert choose(plan, found, loaded.specs["small"]) == made[0][0]
