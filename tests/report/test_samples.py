"""What other test samples would do: the jackknife against repeated draws, and what is said of verdicts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmbench.errors import UserError
from mmbench.ledger import sample_scores as module
from mmbench.ledger.sample_scores import sample_scores
from mmbench.ledger.store import Ledger
from mmbench.project.folders import LEDGER, PREPARED
from mmbench.report.build import analyse
from mmbench.report.pages.markdown import render as in_markdown
from mmbench.report.values.verdicts import stands
from mmbench.schema import scores
from mmbench.schema.task import task_of
from mmbench.stages.report import report as reported
from mmbench.stats.estimates import Verdict
from mmbench.stats.jackknife import PARTS, OnSamples, deal, deal_groups, deviations, half_width, standard_error
from tests.support import driver, small_project
from tests.support.factory import Truth, make

from .test_ladder import made_up

TRUTH = {"flat": Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4, attention={"mean": -0.03})}


def test_groups_are_of_equal_size_and_always_the_same() -> None:
    group = deal(1003)
    assert set(np.bincount(group)) == {25, 26} and len(set(group.tolist())) == PARTS
    assert np.array_equal(group, deal(1003)) and deal(7).max() == 6


def test_groups_are_never_apart_and_parts_about_as_large() -> None:
    draw = np.random.default_rng(1)
    groups = draw.permutation(np.repeat(np.arange(200), draw.integers(1, 12, 200))).tolist()
    part = deal_groups(groups)
    assert all(len(set(part[np.array(groups) == g].tolist())) == 1 for g in range(200))
    sizes = np.bincount(part)
    assert len(sizes) == PARTS and sizes.max() - sizes.min() <= 2
    assert deal_groups([7, 7, 3, 7]).tolist() == [0, 0, 1, 0], "as many parts as groups, where those are few"


@pytest.mark.parametrize("sizes", [(30,) * 12, (60, 60, 40, 40, 30, 30, 25, 25, 20, 10, 10, 10)])
def test_the_jackknife_over_groups_covers_where_one_over_samples_does_not(sizes: tuple[int, ...]) -> None:
    """Each speaker is as hard as it is: 360 samples of twelve speakers are worth little more than twelve."""
    draw, truth, covered = np.random.default_rng(2), 0.7, {"groups": 0, "samples": 0}
    group = np.repeat(np.arange(len(sizes)), sizes)
    for _ in range(400):
        right = draw.random(len(group)) < truth + draw.choice([-0.15, 0.15], len(sizes))[group]
        for name, part in (("groups", deal_groups(group.tolist())), ("samples", deal(len(group)))):
            half = half_width(deviations(lambda mask, r=right: float(r[mask].mean()), part))
            covered[name] += abs(right.mean() - truth) <= half
    assert covered["groups"] / 400 > 0.91 and covered["samples"] / 400 < 0.8


def test_few_parts_make_wide_intervals() -> None:
    two, many = half_width(np.array([1.0, -1.0])), half_width(np.tile([1.0, -1.0], 20))
    assert two == pytest.approx(12.7, rel=0.01) and many == pytest.approx(2.02 / 39**0.5, rel=0.01)
    assert np.isnan(standard_error(np.zeros(1)))


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_jackknife_tells_how_far_a_difference_moves_between_draws(metric: str) -> None:
    """Two classifiers that agree on most samples, scored on 300 draws of 800 samples: their difference spreads as the
    jackknife on one draw says, on average, and much less than that of unpaired ones."""
    task, draw, n = task_of("classification", ("a", "b", "c")), np.random.default_rng(0), 800

    def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        labels = draw.integers(0, 3, n)
        hard = draw.random(n) < 0.3
        first = np.where(hard & (draw.random(n) < 0.7), (labels + 1) % 3, labels)
        second = np.where(hard & (draw.random(n) < 0.1), (first + 1) % 3, first)
        return labels, first, second

    def score(guess: np.ndarray, labels: np.ndarray) -> float:
        return scores.score(metric, task, np.eye(3)[guess], labels)

    differences, errors, alone = [], [], []
    for _ in range(300):
        labels, first, second = sample()
        differences.append(score(first, labels) - score(second, labels))
        if len(errors) < 40:
            group = deal(n)
            values = [
                deviations(lambda mask, g=guess, y=labels: score(g[mask], y[mask]), group) for guess in (first, second)
            ]
            errors.append(standard_error(values[0] - values[1]))
            alone.append(np.hypot(*map(standard_error, values)))
    spread = float(np.std(differences, ddof=1))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.15)
    assert np.mean(alone) > 1.5 * spread


@pytest.mark.parametrize(
    ("mean", "verdict", "sampled", "expected"),
    [
        (0.02, "better", 0.008, True),
        (0.02, "better", 0.022, False),
        (-0.02, "worse", 0.008, True),
        (0.0, "equal", 0.008, True),
        (0.0, "equal", 0.014, False),
        (0.0, "open", 0.001, None),
        (0.02, "better", None, None),
    ],
)
def test_a_verdict_stands_where_both_errors_are_allowed_for(
    mean: float, verdict: Verdict, sampled: float | None, expected: bool | None
) -> None:
    assert stands(replace(made_up(mean, verdict), sampled=sampled), 0.01) is expected


def test_the_report_tells_which_verdicts_stand() -> None:
    made = make(truths=TRUTH, seeds=4, noise=0.002)
    methods = {j.config.cell for j in made.plan.jobs}
    draw = np.random.default_rng(0)
    few = {"flat": OnSamples(deviations={m: draw.normal(0, 0.002 * PARTS**0.5, PARTS) for m in methods})}
    many = {"flat": OnSamples(deviations={m: draw.normal(0, 0.03 * PARTS**0.5, PARTS) for m in methods}, groups=PARTS)}
    small, large = (analyse(**made.arguments(), samples=x) for x in (few, many))
    plain = analyse(**made.arguments())
    for report in (small, large):
        assert [(v.subject, v.verdict) for v in report.context.verdicts] == [
            (v.subject, v.verdict) for v in plain.context.verdicts
        ], "verdicts are of these samples"
        assert "## On other test samples" in in_markdown(report)
    cells = [v for v in small.context.verdicts if v.kind == "combination"]
    assert np.median([v.samples for v in cells]) == pytest.approx(1.96 * 0.002 * 2**0.5, rel=0.25)
    contrasts = [v for v in small.context.verdicts if v.kind == "contrast"]
    assert np.median([v.samples for v in contrasts]) == pytest.approx(1.96 * 0.002 * (2 / 9) ** 0.5, rel=0.3)
    assert all(v.stands for v in contrasts if v.verdict != "open")
    assert any(v.stands is False for v in large.context.verdicts)
    assert "They hold for these groups." in in_markdown(large)
    told = [text for text in large.lead if text.startswith("With other test samples, ")]
    assert len(told) == 1 and re.fullmatch(r"With other test samples, \d of these \d verdicts might differ\.", told[0])
    assert not any("other test samples" in text for report in (small, plain) for text in report.lead)
    assert "## On other test samples" not in in_markdown(plain)


def test_an_unknown_method_leaves_its_differences_out() -> None:
    made = make(truths=TRUTH, seeds=3, noise=0.002)
    methods = {j.config.cell for j in made.plan.jobs} - {"mean + concat · shared"}
    samples = {"flat": OnSamples(deviations=dict.fromkeys(methods, np.arange(PARTS, dtype=float)))}
    verdicts = analyse(**made.arguments(), samples=samples).context.verdicts
    unknown = {(v.axis, v.subject, v.reference) for v in verdicts if v.samples is None and v.kind == "contrast"}
    assert all({"mean", "concat", "shared"} & {s, r} for _, s, r in unknown) and unknown
    assert any(v.samples == 0 for v in verdicts)


@pytest.mark.slow
def test_a_real_ledger_has_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From kept outputs: the mean of pseudo-values is about the score, and the second time nothing is computed."""
    grid = {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 2}
    root = driver.project(tmp_path / "p", grid=grid, train={"epochs": 1}, sweep={"at_once": 1})
    process = driver.start(root)
    assert process.wait(200) == 0
    _, report, _ = reported(root)
    assert not report.failures
    loaded = small_project.read(root)
    ledger = Ledger(root / LEDGER)
    args = (ledger, loaded.params, loaded.plan, loaded.results, loaded.specs, root / PREPARED)
    found = sample_scores(*args)["small"].deviations
    assert set(found) == {j.config.cell for j in loaded.plan.jobs}
    for job in loaded.plan.jobs:
        if job.config.role == "baseline":
            score = loaded.results[job.trial_id].metrics["test"]["accuracy"]
            alone = (score * (1 - score) / (loaded.specs["small"].splits["test"] - 1)) ** 0.5
            assert standard_error(found[job.config.cell]) == pytest.approx(alone), "each sample is a part"
    assert any(v.samples is not None for v in report.context.verdicts)

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(module, "_values", never)
    again = sample_scores(*args)["small"].deviations
    assert all(np.array_equal(found[m], again[m]) for m in found)
    monkeypatch.undo()
    groups = root / PREPARED / "small" / "groups.json"
    groups.write_text(json.dumps({"test": [i // 4 for i in range(32)]}), encoding="utf-8")
    grouped = sample_scores(*args)["small"]
    assert grouped.groups == 8 and {len(x) for x in grouped.deviations.values()} == {8}
    _, report, _ = reported(root)
    assert "Another draw of 8 groups (with 32 test samples, " in in_markdown(report)
    groups.write_text(json.dumps({"test": [0] * 32}), encoding="utf-8")
    assert sample_scores(*args)["small"].groups is None, "one group tells nothing of others"
    groups.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"groups.json cannot be read .*; run `dvc repro -f prepare@small`"):
        sample_scores(*args)
    groups.unlink()
    monkeypatch.setattr(module, "MOST", 1)
    assert sample_scores(*args) == {}
