"""What the report says of common errors, from outputs that were kept."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmbench.errors import UserError
from mmbench.ledger.agreements import BEST, agreements
from mmbench.ledger.store import Ledger
from mmbench.report.build import analyse
from mmbench.report.pages.report import Part, Report
from mmbench.report.sections.agreement.compute import DatasetAgreement
from mmbench.report.sections.agreement.sentences import finding, sentences
from mmbench.schema.outputs import Outputs, digest, split_outputs
from mmbench.schema.result import FileDigest
from mmbench.stats.agreement import Agreement
from tests.report.test_language import SETTINGS, found_in, words_of
from tests.support.factory import OTHERS, TRUTHS, Made, Truth, make

LEVELS = {
    "attention": ["additive", "mean"],
    "fusion": ["concat", "cross_attention"],
    "architecture": ["shared", "hybrid"],
}
SAMPLES = 600
EASY = Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4, attention={"mean": -0.04})


class Held:
    """A ledger that makes outputs up. alike: the part of errors that all models share."""

    def __init__(self, made: Made, *, alike: float = 0.5, lost: frozenset[str] = frozenset()) -> None:
        self.made, self.alike, self.lost, self.read = made, alike, lost, []

    def outputs(self, trial_id: str) -> Outputs:
        if trial_id in self.lost:
            raise UserError("gone")
        self.read.append(trial_id)
        result = self.made.results[trial_id]
        task = self.made.specs[result.config.dataset].task
        every = np.random.default_rng(7)
        own = np.random.default_rng([11, *trial_id.encode()])
        splits = {}
        for split in ("validation", "test"):
            score = result.metrics[split][task.metric]
            splits[split] = split_outputs(task, *self._split(task, score, every, own))
        return Outputs(task=task, splits=splits)

    def _split(self, task: Any, score: float, every: Any, own: Any) -> tuple[np.ndarray, np.ndarray]:
        width = len(task.targets)
        shape = (SAMPLES,) if task.kind in ("classification", "binary") else (SAMPLES, width)
        if task.kind == "regression":
            truth, hard = every.normal(0, 10, shape), every.normal(0, 1, shape)
            noise = self.alike**0.5 * hard + (1 - self.alike) ** 0.5 * own.normal(0, 1, shape)
            return truth + score * noise, truth
        truth = every.integers(0, width if len(shape) == 1 else 2, shape)
        hard, other = every.random(shape), own.random(shape)
        wrong = np.where(own.random(shape) < self.alike, hard, other) > max(score, 0.5)
        if task.kind == "multilabel":
            return np.where((truth > 0) != wrong, 2.0, -2.0), truth
        said = np.where(wrong, (truth + 1) % width, truth)
        return 3.0 * np.eye(width)[said] + own.normal(0, 0.1, (SAMPLES, width)), truth


def kept(made: Made) -> Made:
    """The same with outputs that the results name."""
    file = FileDigest(sha256="0" * 64, size=1)
    return replace(made, results={i: r.model_copy(update={"outputs": file}) for i, r in made.results.items()})


def found(made: Made, **held: Any) -> dict[str, Agreement]:
    ledger: Any = Held(made, **held)
    return agreements(ledger, made.params, made.plan, made.results, made.specs)


@pytest.fixture(scope="module")
def made() -> Made:
    return kept(make(truths={"easy": EASY, **{n: OTHERS[n] for n in ("rating", "genres", "fraud")}}, levels=LEVELS))


def test_methods_are_chosen_on_validation_best_first(made: Made) -> None:
    own = found(made)["easy"]
    means: dict[str, list[float]] = {}
    for r in made.results.values():
        if r.config.dataset == "easy" and r.config.role == "cell":
            means.setdefault(r.config.cell, []).append(r.metrics["validation"]["accuracy"])
    assert list(own.methods) == sorted(means, key=lambda m: -np.mean(means[m]))
    assert own.of == 8 and own.samples == SAMPLES


def test_of_an_error_less_is_better(made: Made) -> None:
    own = found(made)["rating"]
    means: dict[str, list[float]] = {}
    for r in made.results.values():
        if r.config.dataset == "rating" and r.config.role == "cell":
            means.setdefault(r.config.cell, []).append(r.metrics["validation"]["mae"])
    assert list(own.methods) == sorted(means, key=lambda m: float(np.mean(means[m])))
    assert own.common == () and own.against == () and own.together is not None
    assert np.mean(own.together.scores) > np.mean(own.together.alone), (
        "independent errors cancel, turned to more is better"
    )


@pytest.mark.parametrize("name", ["easy", "rating", "genres", "fraud"])
@pytest.mark.parametrize("alike", [0.0, 0.8])
def test_the_likeness_that_was_planted_is_found(made: Made, name: str, alike: float) -> None:
    own = found(made, alike=alike)[name]
    pairs = [own.same[i][j] for i in range(8) for j in range(i)]
    # Of errors both trials must have drawn the common one.
    planted = alike if name == "rating" else alike**2
    assert np.mean([x for x in pairs if x is not None]) == pytest.approx(planted, abs=0.12)
    within = [own.same[i][i] for i in range(8)]
    assert np.mean([x for x in within if x is not None]) == pytest.approx(planted, abs=0.12)


def test_only_the_best_are_read() -> None:
    levels = LEVELS | {"attention": ["additive", "mean", "scaled_dot_product", "a3", "a4"]}
    made = kept(make(truths={"easy": EASY}, levels=levels, seeds=4))
    ledger: Any = Held(made)
    own = agreements(ledger, made.params, made.plan, made.results, made.specs)["easy"]
    assert len(own.methods) == BEST and own.of == 20 and len(ledger.read) == BEST * 3


def test_what_cannot_be_read_is_left_out(made: Made) -> None:
    best = found(made)["easy"].methods[0]
    lost = frozenset(i for i, r in made.results.items() if (r.config.dataset, r.config.cell) == ("easy", best))
    assert best not in found(made, lost=lost)["easy"].methods
    everything = frozenset(made.results)
    assert found(made, lost=everything) == {}
    bare = replace(made, results={i: r.model_copy(update={"outputs": None}) for i, r in made.results.items()})
    assert found(bare) == {}


def test_a_method_with_fewer_seeds_is_not_ranked(made: Made) -> None:
    best = found(made)["easy"].methods[0]
    one = next(i for i, r in made.results.items() if (r.config.dataset, r.config.cell) == ("easy", best))
    fewer = replace(made, results={i: r for i, r in made.results.items() if i != one})
    assert best not in found(fewer)["easy"].methods


def whole(report: Report) -> Part:
    """The section with all its outputs, none of which has failed."""
    (found,) = (part for part in report.parts if part.name == "agreement")
    found.make_all()
    assert found.failure is None, found.failure
    return found


def parts(made: Made, **held: Any) -> tuple[Report, dict[str, DatasetAgreement]]:
    report = analyse(**made.arguments(), agreements=found(made, **held))
    return report, {d.name: d for d in report["agreement"].datasets}


def test_the_report_says_what_was_planted(made: Made) -> None:
    report, by_name = parts(made)
    assert set(by_name) == {"easy", "rating", "genres", "fraud"}
    said = {name: list(sentences(d)) for name, d in by_name.items()}
    assert all(texts[0].startswith("All 8 combinations are compared: ") for texts in said.values())
    assert "correlation of residuals" in said["rating"][0]
    assert any("times as many errors in common" in x for x in said["easy"])
    assert not any("times as many errors" in x for x in said["rating"])
    assert any(x.startswith("By McNemar's exact test on 600 samples, Holm over 7 others") for x in said["easy"])
    assert not any("McNemar" in x for x in said["rating"])
    gain = by_name["easy"].gain
    assert gain is not None and gain.mean > 0 and gain.n == 3
    heading = finding(report["agreement"].datasets)
    assert heading.startswith("The best combinations share their errors as two trainings of one do on ")
    assert re.search(r"easy \(kappa 0\.\d\d against 0\.\d\d\)", heading) and re.search(r"rating \(r 0\.\d", heading)
    part = whole(report)
    json.dumps(report.as_json()["sections"]["agreement"], allow_nan=False)
    assert {"tables/agreement_easy", "tables/mcnemar_easy", "figures/agreement_easy"} <= set(part.files())
    assert "tables/mcnemar_rating" not in part.files()
    table = part.tables[0].raw
    assert list(table["dataset"].unique()) == ["easy"] and len(table) == 8 * 9 / 2
    body = part.body
    assert body.count('class="heat dense"') == 4 and len(body) < 160_000
    assert not found_in(words_of(body))
    for text in (heading, *(x for texts in said.values() for x in texts)):
        assert not found_in(text, SETTINGS), text


def test_the_better_of_two_is_found_by_mcnemar() -> None:
    apart = replace(EASY, attention={"mean": -0.2})
    _, by_name = parts(kept(make(truths={"easy": apart}, levels=LEVELS)))
    d = by_name["easy"]
    verdicts = {x.method: d.verdict(x) for x in d.found.against}
    assert {v for m, v in verdicts.items() if m.startswith("mean + ")} == {"better"}
    assert {v for m, v in verdicts.items() if not m.startswith("mean + ")} == {"open"}


def test_where_nothing_beats_a_guess_errors_say_how_models_guess() -> None:
    """And the heading is not about such a data set."""
    single = dict.fromkeys(EASY.single, Truth.majority)
    blind = Truth(base=Truth.majority, single=single, linear=Truth.majority)
    report, by_name = parts(kept(make(truths={"easy": blind}, levels=LEVELS)))
    d = by_name["easy"]
    assert next(iter(sentences(d))).startswith("No combination is surely better than a guess here")
    assert finding([d]) == "Do the best combinations err on the same samples?"
    whole(report)


def test_a_handful_of_errors_is_not_judged(made: Made) -> None:
    d = parts(made)[1]["easy"]
    own = [r for r in made.results.values() if r.config.dataset == "easy" and r.config.cell in d.found.methods]
    scores = [r.metrics["test"]["accuracy"] for r in own]
    assert d.found.errors == pytest.approx((1 - np.mean(scores)) * SAMPLES, rel=0.25)
    few = replace(d, found=replace(d.found, errors=8.4))
    said = "A combination errs on 8.4 of 600 samples on average: too few to say much of common errors."
    assert said in list(sentences(few)) and not any("too few" in text for text in sentences(d))
    assert few.alike is None and d.alike is not None
    assert parts(made)[1]["rating"].found.errors is None


def test_all_combinations_are_not_called_a_part_of_them() -> None:
    levels = {"attention": ["additive", "mean"], "fusion": ["concat"], "architecture": ["shared"]}
    _, by_name = parts(kept(make(truths={"easy": EASY}, levels=levels)))
    assert next(iter(sentences(by_name["easy"]))).startswith("All 2 combinations are compared: ")


def test_one_seed_has_no_interval(made: Made) -> None:
    report, by_name = parts(kept(make(truths={"easy": EASY}, levels=LEVELS, seeds=1)))
    d = by_name["easy"]
    assert d.within is None and d.alike is None and d.gain is not None and d.gain.half is None
    assert d.found.together is not None and d.found.together.again is None
    whole(report)
    assert finding([d]) == "Do the best combinations err on the same samples?"


def test_two_combinations_have_no_ensemble_of_three() -> None:
    levels = {"attention": ["additive", "mean"], "fusion": ["concat"], "architecture": ["shared"]}
    report, by_name = parts(kept(make(truths={"easy": EASY}, levels=levels)))
    assert by_name["easy"].gain is None
    whole(report)


def test_models_that_never_err_have_no_common_errors() -> None:
    sure = replace(EASY, base=1.2)
    report, by_name = parts(kept(make(truths={"easy": sure}, levels=LEVELS)))
    assert by_name["easy"].between is None
    assert "None of these combinations errs" in next(iter(sentences(by_name["easy"])))
    whole(report)


def test_tuned_methods_are_left_alone(made: Made) -> None:
    tuning = made.params.tuning.model_copy(update={"configurations": 3})
    assert found(replace(made, params=made.params.model_copy(update={"tuning": tuning}))) == {}


def test_nothing_is_shown_without_outputs() -> None:
    assert analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS).arguments())["agreement"] is None


def test_a_real_ledger_is_read_and_a_damaged_file_leaves_its_method_out(tmp_path: Path) -> None:
    levels = LEVELS | {"architecture": ["shared"]}
    bare = make(truths={"easy": EASY}, levels=levels, seeds=2)
    held, ledger = Held(bare), Ledger(tmp_path)
    results = {}
    for i, r in bare.results.items():
        content = held.outputs(i).to_bytes()
        results[i] = r.model_copy(update={"outputs": digest(content)})
        ledger.write(results[i], content)
    real = replace(bare, results=results)
    arguments = (real.params, real.plan, real.results, real.specs)
    own = agreements(ledger, *arguments)
    assert own == found(real) and len(own["easy"].methods) == 4
    lost = next(i for i, r in results.items() if r.config.cell == own["easy"].methods[1])
    ledger.outputs_file(lost).write_bytes(b"no outputs")
    assert agreements(ledger, *arguments)["easy"].methods == tuple(
        m for i, m in enumerate(own["easy"].methods) if i != 1
    )
