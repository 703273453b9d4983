"""Everything the report shows, computed once: the page, Markdown, CSV, LaTeX, MLflow and DVC all read this.

Scores, intervals and differences are in the metric's own unit (0.9, not 90 points); `Scale` says which metric that is,
which way is better and how its numbers read. A difference is a gain: positive is better, also of an error. None means
"there is no such number" (one seed has no interval, a data set without a known ceiling has no share of it); NaN never
occurs. Lists are in display order. `mmbench.report.build.analyse` makes an Analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import pandas as pd

from mmbench.report.stats.estimates import Difference, Estimate, Verdict
from mmbench.report.values.scale import Scale
from mmbench.report.values.sections import (
    Aggregates,
    Effects,
    EffectTable,
    Growth,
    LengthReport,
    LengthRow,
    LevelMean,
    PairMean,
    Question,
    Ranks,
    Term,
)

__all__ = [
    "Aggregates",
    "Analysis",
    "Cause",
    "CellCost",
    "CellRow",
    "CellState",
    "Counts",
    "Curve",
    "DatasetReport",
    "Difference",
    "EffectTable",
    "Effects",
    "Estimate",
    "Factor",
    "Front",
    "Growth",
    "LengthReport",
    "LengthRow",
    "LevelMean",
    "Method",
    "Overall",
    "OverallRow",
    "PairMean",
    "Problem",
    "Provenance",
    "Question",
    "Ranks",
    "Role",
    "SeedValue",
    "Statement",
    "Term",
    "Verdict",
]

Role = Literal["cell", "single", "baseline"]
CellState = Literal["complete", "partial", "failed", "pending", "skipped"]
Cause = Literal["failed", "diverged", "timeout", "out_of_memory", "skipped", "pending"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """What is compared, without data set and seed.

    key: unique, readable, the same on every data set (`additive + concat · shared`, `additive · image alone`, `linear
    baseline`). Levels are labels; fusion, family and architecture are None for a single modality, attention too for a
    baseline. modality: of a single-modality control.
    """

    key: str
    role: Role
    attention: str | None
    fusion: str | None
    family: str | None
    architecture: str | None
    modality: str | None
    baseline: str | None


@dataclass(frozen=True, kw_only=True)
class SeedValue:
    """One declared trial of a method on a data set. value: its test score, None unless state is "done"."""

    seed: int
    trial_id: str | None
    state: str
    value: float | None
    message: str | None


@dataclass(frozen=True, kw_only=True)
class CellCost:
    """Medians over the finished seeds. Bytes, seconds, microseconds a sample; flops is a lower bound (see caveats).

    Times and memory are those of one kind of hardware (`Provenance.timed_on`), None for a method that did not run
    there.
    """

    parameters: float
    flops: float | None
    train_seconds: float | None
    inference_us: float | None
    peak_memory: float | None


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """One method on one data set (cells of the grid and controls alike).

    state: complete = every declared seed done; partial = some; failed = none done and at least one ended badly; pending
    = none done, none ended badly; skipped = cannot be. reason: why, where it is not complete. score: test metric (of
    DatasetReport.scale) with interval; None where no seed is done. validation: the same on validation. metrics: every
    metric on test, in the order of `METRICS`. ranked: compared with the others (done on every seed of
    DatasetReport.seeds); a row that is not ranked has rank None. rank, rank_low, rank_high: by mean, and the shared
    rank "1-3" (cells: among cells; controls: None). best: best mean among the ranked cells. in_top: member of the tie
    group with the best cell ("cannot be told apart"), None if not ranked. in_top_all: the same when cells and controls
    are compared together. to_best: difference to the best cell (None for the best itself). gain_single: to the best
    single modality; gain_pooling: to the same cell with attention `mean`; gain_linear, gain_majority: to the baselines.
    ceiling_share: score / ceiling, where that says something. pareto: the costs ("parameters", "flops",
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
    in_top: bool | None
    in_top_all: bool | None
    to_best: Difference | None
    gain_single: Difference | None
    gain_pooling: Difference | None
    gain_linear: Difference | None
    gain_majority: Difference | None
    ceiling_share: float | None
    cost: CellCost | None
    pareto: tuple[str, ...]
    trial_ids: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.method.key

    @property
    def rank_label(self) -> str:
        """`1-3`, `4` or ``."""
        if self.rank_low is None:
            return ""
        return f"{self.rank_low}" if self.rank_low == self.rank_high else f"{self.rank_low}–{self.rank_high}"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Trials by state; the states sum to `declared`. name: a data set, or "all"."""

    name: str
    declared: int
    done: int
    failed: int
    diverged: int
    timeout: int
    out_of_memory: int
    skipped: int
    pending: int

    @property
    def bad(self) -> int:
        """Trials that ended without a score."""
        return self.failed + self.diverged + self.timeout + self.out_of_memory


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A declared trial without a score, other than a pending one. trial_id is None for a skip."""

    trial_id: str | None
    name: str
    method: str
    dataset: str
    seed: int | None
    state: Cause
    message: str


@dataclass(frozen=True, kw_only=True)
class Front:
    """The Pareto front of score against one cost on one data set: keys of rows from cheap to dear.

    cost: field of CellCost. label: for people, with unit. hypervolume: the share (0 to 1) that the front dominates of
    the box between the dearest and worst and the cheapest and best of what is compared, cost on a log scale; None where
    the box has no area.
    """

    cost: str
    label: str
    keys: tuple[str, ...]
    hypervolume: float | None
    finding: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The main metric on validation by epoch: median and quartile band over the runs. All three have one value an
    epoch.

    kind: "cell" (name is the method's key), "single", "attention", "fusion" or "architecture" (name is the level).
    runs: how many curves went in.
    """

    dataset: str
    kind: str
    name: str
    runs: int
    median: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One generated sentence that answers a standing question. holds: yes, no, or None where it cannot be said yet.

    name: "ceiling" (best cell reaches 95 % of the ceiling), "singles_at_chance" (every single modality's interval
    contains chance; of other metrics than accuracy: none beats a guess), "carrier_on_top" (a carrying modality alone is
    in the top tie group, cells and controls together).
    """

    name: str
    holds: bool | None
    text: str

    @property
    def is_fact(self) -> bool:
        """Neither way is better: data whose single modalities say something are as good as others."""
        return self.name == "singles_at_chance"


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """One data set. rows: cells in order of rank (unranked last), then controls in order of score.

    scale: of the metric compared. curve: of the one that chooses epochs, in learning curves. beside: metrics that
    tables show next to the one compared. targets: what is predicted, in words. missing: modality -> share of samples
    without. chance: what a guess without the input scores, None where unknown; ceiling: the best possible. Both are of
    the metric compared. seeds: the seeds that every ranked row is done on (comparisons are paired over these). best:
    key of the best cell, None before there is one. top: keys of the tie group (best included), top_all: the same with
    the controls in. single: key of the single modality that scores best. chosen: key of the cell with the best
    *validation* mean (what a user without test labels would pick). answer: sentences in plain words, the first stands
    alone. dropped: keys of cells left out of the comparison.
    """

    name: str
    description: str
    modalities: tuple[str, ...]
    carriers: tuple[str, ...]
    scale: Scale
    curve: Scale
    beside: Mapping[str, Scale]
    targets: str
    missing: Mapping[str, float]
    splits: Mapping[str, int]
    chance: float | None
    ceiling: float | None
    ceiling_why: str
    licence: str
    source: str
    citation: str
    notes: tuple[str, ...]
    data_hash: str
    seeds: tuple[int, ...]
    counts: Counts
    rows: tuple[CellRow, ...]
    best: str | None
    top: tuple[str, ...]
    top_all: tuple[str, ...]
    single: str | None
    chosen: str | None
    finding: str
    answer: tuple[str, ...]
    statements: tuple[Statement, ...]
    fronts: tuple[Front, ...]
    dropped: tuple[str, ...]

    def row(self, key: str) -> CellRow:
        """The row of that method. Raises KeyError."""
        for row in self.rows:
            if row.key == key:
                return row
        raise KeyError(key)

    @property
    def cells(self) -> tuple[CellRow, ...]:
        return tuple(r for r in self.rows if r.method.role == "cell")

    @property
    def controls(self) -> tuple[CellRow, ...]:
        return tuple(r for r in self.rows if r.method.role != "cell")


@dataclass(frozen=True, kw_only=True)
class OverallRow:
    """One cell over all data sets. score: macro mean, or mean rank (Overall.scale); its interval speaks of these data
    sets (seed noise only), n = data sets.

    None, with `missing` naming the data sets, where it is not ranked on each of them. in_top: cannot be told apart
    from the best.
    """

    method: Method
    score: Estimate | None
    per_dataset: Mapping[str, float | None]
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    mean_rank: float | None
    best: bool
    in_top: bool | None
    to_best: Difference | None
    missing: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.method.key

    @property
    def rank_label(self) -> str:
        if self.rank_low is None:
            return ""
        return f"{self.rank_low}" if self.rank_low == self.rank_high else f"{self.rank_low}–{self.rank_high}"


@dataclass(frozen=True, kw_only=True)
class Overall:
    """Cells across data sets, in order of rank. Controls of one modality are not comparable across data sets and left
    out.

    why_ranks: why mean ranks are compared and not mean scores; None where scores are.
    """

    scale: Scale
    why_ranks: str | None
    datasets: tuple[str, ...]
    rows: tuple[OverallRow, ...]
    best: str | None
    top: tuple[str, ...]
    finding: str


@dataclass(frozen=True, kw_only=True)
class Factor:
    """An axis of the grid. levels: in the plan's order; by_score: best first by marginal mean over all data sets.

    families: for fusion, level -> family; else empty.
    """

    name: str
    levels: tuple[str, ...]
    by_score: tuple[str, ...]
    families: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What some methods on one data set were trained with. methods: their keys. values: name and value, as in
    params.yaml."""

    dataset: str
    methods: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A ledger or a results.parquet that went into a merged report.

    trials: that it holds; used: those of them that the plan declares (a trial that several sources hold equally counts
    in each); foreign: why others are not in the plan, with their number. curves: whether learning curves came along.
    machines: hardware in words. first, last: ISO 8601, of the oldest and the newest trial that is used.
    """

    name: str
    kind: Literal["ledger", "parquet"]
    trials: int
    used: int
    foreign: Mapping[str, int]
    curves: bool
    machines: tuple[str, ...]
    first: str | None
    last: str | None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the numbers come from. hours: sum of the trials' wall time. Dates: ISO 8601 of the oldest and newest
    result. timed_on: the hardware whose times are compared, None where all trials ran on one kind. sources: what was
    merged, where anything was. unrepeatable: operations that a GPU does not repeat bit by bit -> trials that used them.
    """

    commits: tuple[str, ...]
    dirty: bool | None
    data_hashes: Mapping[str, str]
    versions: Mapping[str, tuple[str, ...]]
    hardware: tuple[str, ...]
    seeds: tuple[int, ...]
    hours: float
    fingerprints: int
    first: str | None
    last: str | None
    budget: Mapping[str, str]
    timed_on: str | None = None
    sources: tuple[Source, ...] = ()
    unrepeatable: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The whole report. frame: one row per declared trial (columns in `mmbench.report.trials.frame.columns`);
    not part of the JSON.

    scale: of whatever speaks of all data sets: the metric that they share, or ranks. rope: as params.yaml states it.
    headline: one sentence. lead: up to two sentences
    under it. date: day of the newest result (no clock is read), None before the first. partial: trials are pending.
    """

    experiment: str
    scale: Scale
    confidence: float
    rope: float
    date: str | None
    commit: str | None
    headline: str
    lead: tuple[str, ...]
    partial: bool
    seeds_declared: int
    factors: tuple[Factor, ...]
    coverage: tuple[Counts, ...]
    problems: tuple[Problem, ...]
    datasets: tuple[DatasetReport, ...]
    overall: Overall | None
    questions: tuple[Question, ...]
    effects: Effects
    ranks: Ranks
    aggregates: Aggregates
    curves: tuple[Curve, ...]
    configurations: tuple[Configuration, ...]
    lengths: tuple[LengthReport, ...]
    caveats: tuple[str, ...]
    provenance: Provenance
    frame: pd.DataFrame = field(repr=False, compare=False)

    @property
    def total(self) -> Counts:
        """Coverage of the whole grid: `coverage` is this, then one line a data set."""
        return self.coverage[0]

    @property
    def epochs(self) -> int:
        """Of the longest learning curve; 0 without any."""
        return max((len(c.median) for c in self.curves), default=0)

    @property
    def replicated(self) -> bool:
        """Whether more than one seed was declared, so that there can be intervals."""
        return self.seeds_declared > 1

    def dataset(self, name: str) -> DatasetReport:
        """That data set's part. Raises KeyError."""
        for part in self.datasets:
            if part.name == name:
                return part
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers, strings and None; without the frame."""
        plain: dict[str, Any] = _plain({f.name: getattr(self, f.name) for f in fields(self) if f.name != "frame"})
        return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
