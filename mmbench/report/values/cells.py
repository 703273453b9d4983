"""One method on one data set: its seeds, its scores, its gains and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal

from mmbench.report.values.methods import Method
from mmbench.report.values.numbers import rank_label
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate, Verdict

MAJORITY = "majority"
"""The baseline that guesses without a look at the input."""

CellState = Literal["complete", "partial", "failed", "pending", "skipped"]


def _cut(value: float | None) -> float | None:
    """Less what is but noise of computing; None where it is no number that JSON has."""
    return None if value is None or not isfinite(value) else round(value, 9)


@dataclass(frozen=True, kw_only=True)
class SeedValue:
    """One declared trial of a method on a data set. value, validation: its scores on test and validation, None unless
    state is "done"; epoch: the one that was kept, None of a baseline."""

    seed: int
    trial_id: str | None
    state: str
    value: float | None
    message: str | None
    validation: float | None = None
    epoch: int | None = None


@dataclass(frozen=True, kw_only=True)
class CellCost:
    """Medians over the finished seeds. Bytes, seconds, microseconds a sample; flops is a lower bound (see caveats). A
    baseline that is not made of weights has neither parameters nor flops.

    Times and memory are those of one kind of hardware (`Provenance.timed_on`), None for a method that did not run
    there. latency_us, latency_95_us: of a prediction for one sample alone, the median and the 95th percentile, where
    they were measured with nothing else running. errors: standard errors of the logarithms of measured times, where
    they are known.
    """

    parameters: float | None
    flops: float | None
    train_seconds: float | None
    inference_us: float | None
    peak_memory: float | None
    errors: Mapping[str, float] = field(default_factory=dict)
    latency_us: float | None = None
    latency_95_us: float | None = None


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """One method on one data set (cells of the grid and controls alike).

    state: complete = every declared seed done; partial = some; failed = none done and at least one ended badly; pending
    = none done, none ended badly; skipped = cannot be. reason: why, where it is not complete. score: test metric (of
    DatasetReport.scale) with interval; None where no seed is done. validation: the same on validation. metrics: every
    metric on test, in the order of `METRICS`. ranked: compared with the others (done on every seed of
    DatasetReport.seeds); a row that is not ranked has rank None. rank, rank_low, rank_high: by mean, and the
    ranks that it may truly have (cells: among cells; controls: None). best: best mean among the ranked cells. verdict:
    against the best cell (better: it is the one best); None without seeds to compare, and of controls. may_be_behind:
    by how much it may be behind the best, at most. decided_at: about how many seeds would decide, where it is open.
    in_top: not worse than the best, None if not ranked. in_top_all: the same when cells and controls are compared
    together. to_best: difference to the best cell (None for the best itself). gain_single: to the best single modality;
    gain_pooling: to the same cell with attention `mean`; gain_baselines: to each baseline, by its name, `majority`
    last. ceiling_share: score / ceiling, where that says something. pareto: the costs ("parameters", "flops",
    "train_seconds", "inference_us") on whose front against the score it lies. trial_ids: of every declared seed that
    has one.
    """

    dataset: str
    method: Method
    state: CellState
    reason: str | None
    declared: int
    done: int
    seeds: tuple[SeedValue, ...]
    score: Estimate | None
    validation: Estimate | None
    metrics: Mapping[str, Estimate]
    best_epoch: float | None
    ranked: bool
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    best: bool
    verdict: Verdict | None
    may_be_behind: float | None
    decided_at: int | None
    in_top: bool | None
    in_top_all: bool | None
    to_best: Difference | None
    gain_single: Difference | None
    gain_pooling: Difference | None
    gain_baselines: Mapping[str, Difference]
    ceiling_share: float | None
    cost: CellCost | None
    pareto: tuple[str, ...]
    trial_ids: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.method.key

    def plain(self, scale: Scale) -> dict[str, Any]:
        """As verdicts.json has it. scale: of the metric compared. text: the score as the report prints it. half_width:
        of its interval. seeds: the score of each that is done. gap_to_best: to the best combination, of the others.
        cost: medians."""
        method, score = self.method, self.score
        cost = {k: v for k, v in asdict(self.cost).items() if k != "errors"} if self.cost else {}
        return {
            "dataset": self.dataset,
            "method": self.key,
            "role": method.role,
            "attention": method.attention,
            "fusion": method.fusion,
            "architecture": method.architecture,
            "modality": method.modality,
            "baseline": method.baseline,
            "metric": scale.metric,
            "state": self.state,
            "reason": self.reason,
            "text": " ".join([scale.number(score.mean), scale.plus_minus(score.half)]) if score else None,
            "score": _cut(score.mean if score else None),
            "half_width": _cut(score.half if score else None),
            "compared_seeds": score.n if score else 0,
            "seeds": {str(s.seed): _cut(s.value) for s in self.seeds if s.value is not None},
            "declared_seeds": self.declared,
            "rank": self.rank,
            "best": self.best,
            "verdict": self.verdict,
            "gap_to_best": _cut(self.to_best.mean if self.to_best else None),
            "validation": _cut(self.validation.mean if self.validation else None),
            "metrics": {name: _cut(value.mean) for name, value in self.metrics.items()},
            "cost": {name: _cut(value) for name, value in cost.items() if value is not None},
        }

    @property
    def baseline(self) -> str | None:
        """The best on test of the baselines that look at the input (all but `majority`), where there is one: the choice
        that favours the controls."""
        informed = {name: gain.mean for name, gain in self.gain_baselines.items() if name != MAJORITY}
        return min(informed, key=lambda name: informed[name], default=None)

    @property
    def gain_baseline(self) -> Difference | None:
        """To the best of the baselines that look at the input."""
        return None if self.baseline is None else self.gain_baselines[self.baseline]

    @property
    def gain_linear(self) -> Difference | None:
        return self.gain_baselines.get("linear")

    @property
    def gain_majority(self) -> Difference | None:
        return self.gain_baselines.get(MAJORITY)

    @property
    def rank_label(self) -> str:
        return rank_label(self.rank, self.rank_low, self.rank_high)
