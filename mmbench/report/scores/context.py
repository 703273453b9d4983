"""What every section may read: the inputs of the report, and what is computed from them once for all sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from mmbench.registry import GRID_AXES
from mmbench.report.scores import findings
from mmbench.report.scores.complete_block import CompleteBlock, complete_block
from mmbench.report.scores.contrasts import verdict_records
from mmbench.report.scores.curves import curves
from mmbench.report.scores.dataset import dataset_report, dataset_scale
from mmbench.report.scores.dataset_scores import DatasetScores, Record, Settings, collect
from mmbench.report.scores.effects import by_score, effects
from mmbench.report.scores.ladder import Ladder, ladder_of
from mmbench.report.scores.lasting import Lasting, lasting_of
from mmbench.report.scores.overall import overall
from mmbench.report.scores.provenance import provenance
from mmbench.report.scores.scope import Scope, scopes_of
from mmbench.report.scores.training import training_reports
from mmbench.report.trials.configurations import configurations
from mmbench.report.trials.frame import Results, coverage, problems, tidy
from mmbench.report.trials.idle import use_idle_costs
from mmbench.report.trials.machines import Kinds, compare_within_one_kind
from mmbench.report.trials.studies import chosen
from mmbench.report.values.coverage import Counts, Problem
from mmbench.report.values.curves import Curve
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.effects import Effects
from mmbench.report.values.factors import Factor
from mmbench.report.values.methods import Method, method_of
from mmbench.report.values.overall import Overall
from mmbench.report.values.provenance import Configuration, Provenance, Source
from mmbench.report.values.scale import Scale, joint
from mmbench.report.values.training import TrainingReport
from mmbench.report.values.verdicts import OVER_ALL, VerdictRecord, record_of
from mmbench.report.values.words import count
from mmbench.schema.budget import Budget
from mmbench.schema.cost_curves import Profile
from mmbench.schema.dataset import DataSpec
from mmbench.schema.idle_cost import IdleCosts
from mmbench.schema.metric import metric_to_compare
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.stats.agreement import Agreement
from mmbench.stats.estimates import Verdict
from mmbench.stats.jackknife import OnSamples


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """Shared by all sections. What is not a field is computed when it is first asked for.

    Attributes:
        plan: what was declared.
        results: the ledger, by trial_id; those that the plan does not hold are left out.
        specs: by data set.
        params: params.yaml.
        families: name of a fusion -> its family.
        profiles: of cost against length, where measured.
        sources: what the results were merged from, if they were.
        budgets: by data set, where they were found and not set.
        races: by data set, what a race has decided on cells; those that are open too.
        unpaid: data sets whose race ended because the time that was allowed for was spent.
        costs: by data set, what methods cost with nothing else running, where that was measured.
        samples: by data set, what other test samples would do to scores, where outputs are kept.
        ensembles: by data set, what an ensemble of a study's configurations scores on test, by method and seed.
        unmeasured: by metric and probe, how many finished trials lack it.
        agreements: by data set, whether the best combinations err on the same samples, where outputs are kept.
    """

    plan: Plan
    results: Results
    specs: Mapping[str, DataSpec]
    params: Params
    families: Mapping[str, str]
    profiles: Sequence[Profile] = ()
    sources: Sequence[Source] = ()
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    races: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)
    unpaid: frozenset[str] = frozenset()
    ensembles: Mapping[str, Mapping[tuple[str, int], float]] = field(default_factory=dict)
    samples: Mapping[str, OnSamples] = field(default_factory=dict)
    costs: Mapping[str, IdleCosts] = field(default_factory=dict)
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    unmeasured: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def untuned(self) -> Context:
        """The same trials, less those under configurations that were drawn. Of what a race decided on tuned methods it
        knows nothing."""
        jobs = tuple(job for job in self.plan.jobs if job.config.configuration == 0)
        return replace(self, plan=replace(self.plan, jobs=jobs), races={}, ensembles={})

    @property
    def tuned(self) -> bool:
        """Whether methods were trained under several configurations."""
        return self.params.tuning.configurations > 1

    @cached_property
    def configs(self) -> tuple[TrialConfig, ...]:
        """Of every declared trial, the skipped ones last."""
        return (*(job.config for job in self.plan.jobs), *(skip.config for skip in self.plan.skipped))

    @cached_property
    def methods(self) -> Mapping[str, Method]:
        """By key, in the plan's order."""
        found: dict[str, Method] = {}
        for config in self.configs:
            if config.cell not in found:
                found[config.cell] = method_of(config, self.families)
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the data sets that have trials, in the order of params.yaml."""
        declared = {c.dataset for c in self.configs}
        return tuple(n for n in self.params.grid.datasets if n in declared)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per declared trial; columns as in `mmbench.report.trials.frame.columns`."""
        metric = self.params.report.metric
        metrics = {n: metric_to_compare(metric, n, self.specs[n].task) for n in self.names}
        return tidy(self.plan, self.results, self.families, metrics)

    @cached_property
    def _records_within_one_kind(self) -> tuple[Mapping[str, list[dict[str, Any]]], Kinds, frozenset[str]]:
        plain = self.frame.astype(object).where(self.frame.notna(), None)
        records: dict[str, list[dict[str, Any]]] = {name: [] for name in self.names}
        for record in plain.to_dict("records"):
            records[str(record["dataset"])].append({str(k): v for k, v in record.items()})
        alone = [name for name, own in records.items() if use_idle_costs(own, self.costs.get(name))]
        return records, compare_within_one_kind([r for own in records.values() for r in own]), frozenset(alone)

    @property
    def timed_alone(self) -> frozenset[str]:
        """The data sets whose costs were measured with nothing else running."""
        return self._records_within_one_kind[2]

    @property
    def all_records(self) -> Mapping[str, Sequence[Record]]:
        """Rows of the frame by data set, None for what is absent; times of other hardware than they are
        compared on (`mmbench.report.trials.machines`) are None."""
        return self._records_within_one_kind[0]

    @cached_property
    def records(self) -> Mapping[str, Sequence[Record]]:
        """The same, of each study only the configuration that was chosen."""
        return {name: chosen(rows, self.specs[name].task.metric) for name, rows in self.all_records.items()}

    @cached_property
    def scales(self) -> Mapping[str, Scale]:
        """Of the metric that is compared, by data set."""
        return {x.dataset: x.settings.scale for x in self._scores}

    @cached_property
    def _scores(self) -> tuple[DatasetScores, ...]:
        race = self.params.grid.race is not None
        found = []
        for n in self.names:
            scale = dataset_scale(self.specs[n], self.records[n], self.params.report)
            settings = Settings(scale=scale, confidence=self.confidence)
            found.append(collect(n, self.records[n], self.methods, settings, race=race).at_guess())
        return tuple(found)

    @cached_property
    def scores(self) -> tuple[DatasetScores, ...]:
        """Scores of all methods, by data set."""
        return tuple(
            replace(
                x.under(self.ladder[x.dataset].scores),
                samples=self.samples[x.dataset].deviations if x.dataset in self.samples else {},
            )
            for x in self._scores
        )

    @cached_property
    def ladder(self) -> Mapping[str, Ladder]:
        """What the methods score under other budgets, by data set."""
        return {
            n: ladder_of(n, self.plan, self.results, metric=self.scales[n].metric, chosen_by=self.specs[n].task.metric)
            for n in self.names
        }

    @cached_property
    def coverage(self) -> tuple[Counts, ...]:
        """Of the whole grid, then one per data set."""
        return coverage(self.frame, self.names)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Trials that ended without a score, and those that cannot be."""
        return problems(self.frame)

    @cached_property
    def datasets(self) -> tuple[DatasetReport, ...]:
        """Ranked methods, their differences and Pareto fronts, by data set."""
        counts = self.coverage[1:]
        return tuple(
            dataset_report(s, self.specs[s.dataset], c, self.races.get(s.dataset, {}), short=s.dataset in self.short)
            for s, c in zip(self.scores, counts, strict=True)
        )

    @cached_property
    def settings(self) -> Settings:
        """Of comparisons over all data sets."""
        return Settings(scale=self.scale, confidence=self.confidence)

    @property
    def scale(self) -> Scale:
        """Over all data sets: of the metric that they share, or ranks."""
        return joint(self.scales)[0]

    @property
    def why_ranks(self) -> str | None:
        """Why ranks are compared over data sets and not scores; None where scores are."""
        return joint(self.scales)[1]

    @cached_property
    def overall(self) -> Overall | None:
        """Cells over all data sets; None with one data set."""
        return overall(self.scores, self.datasets, self.settings, self.why_ranks)

    @cached_property
    def complete_block(self) -> CompleteBlock:
        """Cells and seeds that are done on every data set."""
        return complete_block(self.scores, self.scale)

    @cached_property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """Of each factor among the cells, in the plan's order."""
        cells = [m for m in self.methods.values() if m.role == "cell"]
        return {f: tuple(dict.fromkeys(str(getattr(m, f)) for m in cells)) for f in GRID_AXES}

    @cached_property
    def fusion_families(self) -> Mapping[str, str]:
        """Label of a fusion -> its family."""
        return {m.fusion: str(m.family) for m in self.methods.values() if m.fusion}

    @cached_property
    def effects(self) -> Effects:
        """Marginal means and the variance that each factor explains."""
        tops = {d.name: d.top for d in self.datasets}
        return effects(self.scores, self.levels, tops, by_rank=self.scale.is_ranks)

    @cached_property
    def verdicts(self) -> tuple[VerdictRecord, ...]:
        """On every contrast, combination and control. Everything that gives a verdict reads these records."""
        return tuple(verdict_records(self.scores, self.datasets, self.levels))

    @cached_property
    def over_all(self) -> tuple[VerdictRecord, ...]:
        """The contrasts over all data sets together, as the first screen has them; empty with one data set, and where
        scores cannot be averaged."""
        if len(self.datasets) < 2 or self.scale.is_ranks:
            return ()
        axes, scale = self.scopes[None].axes, self.settings.scale
        return tuple(
            record_of("contrast", OVER_ALL, scale.metric, scale.equal_within, c.found, axis=a.axis, decided_at=None)
            for a in axes
            for c in a.pairs
        )

    def lasting(self, name: str) -> Lasting | None:
        """How many verdicts on a data set last when training is longer; None where that was not tried."""
        return lasting_of(name, self.verdicts)

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The axes, with their levels in the order of their marginal means too."""
        return tuple(
            Factor(
                name=factor,
                levels=self.levels[factor],
                by_score=by_score(factor, self.levels[factor], self.effects),
                families=self.fusion_families if factor == "fusion" else {},
            )
            for factor in GRID_AXES
        )

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Learning curves of methods and levels."""
        return tuple(curves(self.scores, self.results, self.levels, {n: self.specs[n].task.metric for n in self.names}))

    @cached_property
    def configurations(self) -> tuple[Configuration, ...]:
        """What the methods were trained with, less what was drawn."""
        return configurations([c for c in self.configs if c.configuration == 0])

    @cached_property
    def provenance(self) -> Provenance:
        """Where the numbers come from."""
        hashes = {d.name: d.data_hash for d in self.datasets}
        found = provenance(self.params, self.frame, self.results, hashes)
        kinds = self._records_within_one_kind[1]
        return replace(
            found,
            timed_on=kinds.trials,
            measured_on=dict(kinds.elsewhere),
            sources=tuple(self.sources),
            timed_alone=tuple(n for n in self.names if n in self.timed_alone),
        )

    @cached_property
    def headline(self) -> str:
        """The answer in one sentence."""
        return findings.headline(self.total, self.datasets, self.scopes, self.short)

    def headline_on(self, name: str) -> str:
        """The answer on one data set. Raises KeyError."""
        total = next(c for c in self.coverage[1:] if c.name == name)
        return findings.headline(total, (self.dataset(name),), self.scopes, self.short)

    @cached_property
    def scopes(self) -> Mapping[str | None, Scope]:
        """What an answer speaks of: each data set by its name, and all together (None)."""
        return scopes_of(self.scores, self.datasets, self.overall, self.effects, self.levels, self.settings)

    @property
    def experiment(self) -> str:
        return self.params.tracking.experiment

    @property
    def confidence(self) -> float:
        return self.params.report.confidence

    @property
    def rope(self) -> float:
        """As params.yaml states it."""
        return self.params.report.rope

    @property
    def date(self) -> str | None:
        """Day of the newest result (no clock is read), None before the first."""
        return self.provenance.last[:10] if self.provenance.last else None

    @property
    def commit(self) -> str | None:
        return self.provenance.commits[0] if self.provenance.commits else None

    @property
    def partial(self) -> bool:
        """Whether trials are pending."""
        return self.total.pending > 0

    @property
    def seeds_told(self) -> str:
        """`3 seeds`, or `3 to 6 seeds` in a race."""
        grid = self.params.grid
        least = f"{grid.least_seeds} to " if grid.race else ""
        return f"{least}{count(grid.most_seeds, 'seed')}"

    @property
    def seeds_declared(self) -> int:
        return self.params.grid.most_seeds

    @property
    def total(self) -> Counts:
        """Coverage of the whole grid."""
        return self.coverage[0]

    @property
    def epochs(self) -> int:
        """Of the longest learning curve; 0 without any."""
        return max((len(c.median) for c in self.curves), default=0)

    @cached_property
    def training(self) -> tuple[TrainingReport, ...]:
        """How long the models of each data set were trained, and whether that was enough."""
        plain = [c for c in self.configs if c.configuration == 0]
        finished = [r for r in self._finished if r.config.configuration == 0]
        return training_reports(self.names, plain, finished, self.specs, self.budgets)

    @property
    def short(self) -> Mapping[str, str]:
        """Why training was too short to rank anything, by data set; those on which it was long enough are not in it."""
        return {t.dataset: t.short for t in self.training if t.short and t.trained}

    @property
    def _finished(self) -> list[TrialResult]:
        """Trained trials of the plan that ended well."""
        found = (self.results.get(job.trial_id) for job in self.plan.jobs)
        return [r for r in found if r is not None and r.best_epoch is not None]

    @property
    def replicated(self) -> bool:
        """Whether more than one seed was declared, so that there can be intervals."""
        return self.seeds_declared > 1

    @property
    def has_all(self) -> bool:
        """Whether there is something to say about all data sets together."""
        return self.overall is not None and len(self.datasets) > 1

    @property
    def shared(self) -> bool:
        """Whether all data sets have one scale."""
        return len({d.scale.metric for d in self.datasets}) == 1 and not self.scale.is_ranks

    @property
    def points_only(self) -> bool:
        """Whether all differences are in points."""
        return all(d.scale.unit == "points" for d in self.datasets)

    @property
    def rope_words(self) -> str:
        """The region of practical equivalence, in each data set's unit where they differ."""
        found = {d.scale.rope_words: d for d in self.datasets}
        if len(found) < 2:
            return next(iter(found), f"±{100 * self.rope:g} points")
        return ", ".join(f"{d.scale.rope_words} on {d.name}" for d in self.datasets)

    @property
    def seeds_words(self) -> str:
        """What a mean and its interval are over, for captions."""
        if not self.replicated:
            return "one seed, so there are no intervals"
        return f"mean over seeds with {100 * self.confidence:g} % Student-t interval"

    def dataset(self, name: str) -> DatasetReport:
        """That data set's part. Raises KeyError."""
        for part in self.datasets:
            if part.name == name:
                return part
        raise KeyError(name)
