"""One data set: every method on it, ranked, with its gains and its cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from mmbench.registry import GRID_AXES
from mmbench.report.values.cells import MAJORITY
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import RANKS, Scale
from mmbench.stats import paired
from mmbench.stats.best import WithBest
from mmbench.stats.estimates import AtBudget, Difference, Verdict
from mmbench.stats.jackknife import half_width
from mmbench.stats.moderation import moderate
from mmbench.stats.paired import Floats, Means, Tested

Setting = tuple[str | None, str | None, str | None, str | None]
"""attention, fusion, architecture, modality."""


Record = Mapping[str, Any]
"""A row of the tidy frame, with None for what is absent."""


Single = tuple[float, float, float, float]
"""One of the differences of a `Tested`."""


def _first(found: Tested) -> Single:
    delta, half, near, p = (float(x[0]) for x in found)
    return delta, half, near, p


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is compared, and how surely."""

    scale: Scale
    confidence: float

    @property
    def rope(self) -> float:
        """Of comparisons between two methods."""
        return self.scale.equal_within

    @property
    def equal(self) -> bool:
        """Whether what is within the margin counts as equal."""
        return not self.scale.at_guess

    def verdict(self, mean: float, near: float | None, p: float | None) -> Verdict:
        """Of a difference between two methods; where nothing was learned, what would be equal is open."""
        found = paired.verdict(mean, near, p, self.confidence, self.scale.rope)
        return "open" if found == "equal" and not self.equal else found

    @property
    def score(self) -> str:
        """The column of the tidy frame."""
        return f"test_{self.scale.metric}"


@dataclass(frozen=True, kw_only=True)
class DatasetScores:
    """All methods on one data set, and the comparison among those that share seeds.

    values, all_values, means and fixed are so turned that more is better (`Scale.oriented`). records: by method. seeds:
    the shared ones; all_seeds: of the columns of `all_values`. index: key -> row of `values` (C, S), and of
    `all_values` and `means`, which hold the seeds that a race gave to some methods alone (NaN elsewhere). fixed: score
    of each deterministic baseline. ladder: factor of another budget -> scores under it like a column of `values`, NaN
    where there is none. samples: by method, deviations of its score on parts of the test samples (`stats.jackknife`),
    where outputs are at hand.
    """

    dataset: str
    settings: Settings
    methods: Mapping[str, Method]
    records: Mapping[str, Sequence[Record]]
    seeds: tuple[int, ...]
    all_seeds: tuple[int, ...]
    index: Mapping[str, int]
    values: Floats
    all_values: Floats
    means: Means
    fixed: Mapping[str, float] = field(default_factory=dict)
    ladder: Mapping[float, Floats] = field(default_factory=dict)
    samples: Mapping[str, Floats] = field(default_factory=dict)

    @cached_property
    def paired_means(self) -> Means:
        """Of cells over the seeds that all of them share: in means over many methods their own noise is small, and what
        a seed does to all of them must cancel. Others, which may have fewer seeds, are NaN then."""
        if self.all_values.shape == self.values.shape:
            return self.means
        cells = np.array([self.index[key] for key in self.ranked("cell")], np.intp)
        confidence, rope = self.settings.confidence, self.settings.scale.rope
        shared = ~np.isnan(self.all_values[cells]).any(0)
        if not len(cells) or shared.sum() <= self.values.shape[1]:
            return paired.compare(self.values, confidence, rope)
        found = paired.compare(self.all_values[np.ix_(cells, np.flatnonzero(shared))], confidence, rope)
        mean, error, df = (np.full(len(self.index), np.nan) for _ in range(3))
        mean[cells], error[cells], df[cells] = found.mean, found.error, found.df
        return replace(found, mean=mean, error=error, df=df, seeds=np.full(len(mean), float(shared.sum())))

    def ranked(self, role: str) -> list[str]:
        """Keys of the methods of that role that take part in the comparison, in the plan's order."""
        return [key for key in self.index if self.methods[key].role == role]

    @cached_property
    def cells(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Key and levels, in the order of GRID_AXES, of every combination that is ranked."""
        methods = ((key, self.methods[key]) for key in self.ranked("cell"))
        return tuple((key, tuple(str(getattr(m, axis)) for axis in GRID_AXES)) for key, m in methods)

    def compared_seeds(self, key: str) -> tuple[int, ...]:
        """Those that count for this ranked method."""
        if self.all_values.shape == self.values.shape:
            return self.seeds
        return tuple(
            s for s, x in zip(self.all_seeds, self.all_values[self.index[key]], strict=True) if not np.isnan(x)
        )

    def quality(self, key: str) -> float:
        """The mean of a ranked method; more is better."""
        return float(self.means.mean[self.index[key]])

    def ranks(self, keys: Sequence[str]) -> DatasetScores:
        """The same with the place of each of these ranked methods among them in place of its score, seed by seed."""
        rows = self.values[[self.index[k] for k in keys]]
        values = -scipy_stats.rankdata(-rows, axis=0)
        return replace(
            self,
            settings=replace(self.settings, scale=RANKS),
            index={k: i for i, k in enumerate(keys)},
            values=values,
            all_values=values,
            means=paired.compare(values, self.settings.confidence, RANKS.rope),
            fixed={},
            ladder={},
            samples={},
        )

    def under(self, ladder: Mapping[float, Mapping[str, float]]) -> DatasetScores:
        """The same with what the methods score under other budgets. ladder: factor -> method -> score."""
        turned = self.settings.scale.oriented
        columns = {
            factor: np.array([turned(found[key]) if key in found else np.nan for key in self.index])
            for factor, found in sorted(ladder.items())
        }
        return replace(self, ladder=columns)

    def _sampled(self, subject: Sequence[str], reference: Sequence[str]) -> float | None:
        """Half width of the interval of the mean of some methods less that of others, over draws of test samples."""
        if not self.samples or any(key not in self.samples for key in (*subject, *reference)):
            return None
        sides = [np.mean([self.samples[key] for key in keys], axis=0) for keys in (subject, reference)]
        error = half_width(sides[0] - sides[1], self.settings.confidence)
        return None if np.isnan(error) else error

    def _at_budgets(
        self, means: Means, subject: Sequence[int], reference: Sequence[int], offset: float = 0.0
    ) -> tuple[AtBudget, ...]:
        """The mean of some methods less that of others and the offset, where all of them were tried."""
        if not self.ladder or means.replicates < 2:
            return ()
        weight = np.zeros(len(self.index))
        np.add.at(weight, np.asarray(subject, np.intp), 1 / max(len(subject), 1))
        np.add.at(weight, np.asarray(reference, np.intp), -1 / max(len(reference), 1))
        used = np.flatnonzero(weight)
        if not len(used):
            return ()
        half = means.change(weight)
        sums = {factor: float(weight[used] @ found[used]) - offset for factor, found in self.ladder.items()}
        return tuple(
            AtBudget(factor=factor, mean=mean, half=half, margin=self.settings.rope)
            for factor, mean in sums.items()
            if not np.isnan(mean)
        )

    def difference(self, subject: str, reference: str, p_holm: float | None = None) -> Difference:
        """Between two ranked methods; without p_holm the comparison is the only one of its family."""
        rows = [self.index[subject]], [self.index[reference]]
        found = self.means.pairs(*(np.array(row) for row in rows))
        made = self._difference(subject, reference, _first(found), p_holm, budgets=self._at_budgets(self.means, *rows))
        return replace(made, sampled=self._sampled([subject], [reference]))

    def _difference(
        self,
        subject: str,
        reference: str,
        found: Single,
        p_holm: float | None = None,
        pairs: int = 1,
        budgets: tuple[AtBudget, ...] = (),
        n: int | None = None,
    ) -> Difference:
        mean, half, near, p = found
        known = not np.isnan(p)
        adjusted = (p if p_holm is None else p_holm) if known else None
        return Difference(
            subject=subject,
            reference=reference,
            mean=mean,
            half=half if known else None,
            near=near if known else None,
            pairs=pairs,
            n=len(self.seeds) if n is None else n,
            p=p if known else None,
            p_holm=adjusted,
            verdict=self.settings.verdict(mean, near if known else None, adjusted),
            budgets=budgets,
        )

    def to_best(self, keys: Sequence[str], against: WithBest, verdicts: Mapping[str, Verdict]) -> dict[str, Difference]:
        """Differences of ranked methods to the first of them, which has the best mean. against: what is known of each,
        in the same order; verdicts: of each, empty with one seed. Verdict and p are of whether a method is worse than
        the truly best one, and intervals are made for all at once: the best of many is flattered by being chosen."""
        found = self.differences({key: keys[0] for key in keys[1:]})  # noqa: C420 - there may be no key
        p, reach = (dict(zip(keys, x.tolist(), strict=True)) for x in (against.p_worse, against.reach))
        return {
            k: replace(
                d,
                half=None if np.isnan(reach[k]) else reach[k],
                p_holm=None if np.isnan(p[k]) else p[k],
                verdict=verdicts.get(k, "open"),
            )
            for k, d in found.items()
        }

    def differences(self, pairs: Mapping[str, str]) -> dict[str, Difference]:
        """subject -> reference, all ranked; Holm over all of them."""
        if not pairs:
            return {}
        subject = np.array([self.index[k] for k in pairs], np.intp)
        reference = np.array([self.index[k] for k in pairs.values()], np.intp)
        budgets = [self._at_budgets(self.means, [s], [r]) for s, r in zip(subject, reference, strict=True)]
        return self._together(pairs, self.means.pairs(subject, reference), budgets)

    def _together(
        self, pairs: Mapping[str, str], found: Tested, budgets: Sequence[tuple[AtBudget, ...]]
    ) -> dict[str, Difference]:
        adjusted = found.p if np.isnan(found.p).any() else paired.holm(found.p)
        each = zip(*(x.tolist() for x in found), strict=True)
        numbers = zip(pairs.items(), each, adjusted.tolist(), budgets, strict=True)
        return {
            s: replace(self._difference(s, r, single, p, budgets=b), sampled=self._sampled([s], [r]))
            for (s, r), single, p, b in numbers
        }

    def at_guess(self) -> DatasetScores:
        """The same, but where no method is surely better than a guess no two of them are equal: that two have learned
        nothing says nothing of what they would learn. Unchanged where a guess has no score."""
        guess = next((key for key in self.fixed if self.methods[key].baseline == MAJORITY), None)
        if guess is None or not self.index or self.means.replicates < 2:
            return self
        if any(gain.verdict == "better" for gain in self.over_fixed(self.index, guess).values()):
            return self
        settings = replace(self.settings, scale=replace(self.settings.scale, at_guess=True))
        return replace(self, settings=settings)

    def over_fixed(self, keys: Iterable[str], baseline: str) -> dict[str, Difference]:
        """Gains of ranked methods over a deterministic baseline: its number never varies, so what a seed does to all
        methods alike is part of the noise."""
        if self.settings.scale.at_guess:
            scale = replace(self.settings.scale, at_guess=False)
            return replace(self, settings=replace(self.settings, scale=scale)).over_fixed(keys, baseline)
        keys = list(keys)
        if not keys:
            return {}
        rows = [self.index[k] for k in keys]
        fixed = self.fixed[baseline]
        delta = paired.settled(self.means.mean[rows] - fixed, np.array([*self.means.mean[rows], fixed]))
        seeds = self.means.seeds
        if self.means.replicates < 2:
            nothing = np.full(len(keys), np.nan)
            return self._together(
                dict.fromkeys(keys, baseline), Tested(delta, nothing, nothing, nothing), [()] * len(keys)
            )
        # Moderated: two seeds that happen to agree are no proof that there is no noise.
        variance, df = moderate(np.nanvar(self.all_values, axis=1, ddof=1), seeds - 1, self.means.mean)
        df = self._joint_df(variance, np.minimum(df, max(float((seeds - 1).sum()), 1.0)))
        found = paired.test(delta, (variance / seeds)[rows], df[rows], self.settings.confidence)
        budgets = [self._at_budgets(self.means, [row], [], self.fixed[baseline]) for row in rows]
        return self._together(dict.fromkeys(keys, baseline), found, budgets)

    def _joint_df(self, variance: Floats, df: Floats) -> Floats:
        """Degrees of freedom of each method's variance over seeds, with what a seed does to all methods in it: that
        part is known no better for there being many methods."""
        replicates = self.values.shape[1]
        if replicates < 2:
            return self.means.seeds - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = np.nan_to_num(np.minimum(self.values.mean(0).var(ddof=1) / variance, 1))
        return np.asarray(1 / (shared**2 / (replicates - 1) + (1 - shared) ** 2 / df))

    def group_difference(self, subject: str, reference: str, pairs: Sequence[tuple[str, str]]) -> Difference:
        """Mean over pairs of ranked methods; p_holm is left equal to p for the caller to adjust."""
        rows = [self.index[a] for a, _ in pairs], [self.index[b] for _, b in pairs]
        means = self.paired_means
        found, budgets = means.groups(*rows), self._at_budgets(means, *rows)
        made = self._difference(subject, reference, _first(found), None, len(pairs), budgets, n=means.replicates)
        return replace(made, sampled=self._sampled([a for a, _ in pairs], [b for _, b in pairs]))


def collect(
    dataset: str,
    records: Sequence[Record],
    methods: Mapping[str, Method],
    settings: Settings,
    *,
    race: bool = False,
) -> DatasetScores:
    """The methods of one data set. records: its rows of the frame; methods: by key. race: some methods have more seeds
    than others on purpose, and all of them count."""
    by_method: dict[str, list[Record]] = {}
    for record in records:
        by_method.setdefault(record["method"], []).append(record)
    for rows in by_method.values():
        rows.sort(key=lambda r: r["seed"])
    own = {key: methods[key] for key in by_method}
    score, turned = settings.score, settings.scale.oriented
    deep = [key for key, method in own.items() if method.role != "baseline"]
    seeds = sorted({r["seed"] for key in deep for r in by_method[key]})
    column = {seed: i for i, seed in enumerate(seeds)}
    scores = np.full((len(deep), len(seeds)), np.nan)
    asked = np.zeros(scores.shape, bool)
    for i, key in enumerate(deep):
        for r in by_method[key]:
            asked[i, column[r["seed"]]] = True
            if r["state"] == "done" and r[score] is not None:
                scores[i, column[r["seed"]]] = turned(r[score])
    # A method that a race gave no more seeds lacks none.
    of_all = np.flatnonzero(asked.all(0) | (not race))
    kept, columns = paired.common_block(~np.isnan(scores[:, of_all]))
    columns = of_all[columns]
    values = scores[np.ix_(kept, columns)]
    all_values = scores[kept] if race else values
    fixed = {}
    for key, method in own.items():
        if method.role == "baseline":
            done = [turned(r[score]) for r in by_method[key] if r["state"] == "done" and r[score] is not None]
            if done:
                fixed[key] = float(np.mean(done))
    return DatasetScores(
        dataset=dataset,
        settings=settings,
        methods=own,
        records=by_method,
        seeds=tuple(seeds[i] for i in columns),
        all_seeds=tuple(seeds),
        index={deep[i]: n for n, i in enumerate(kept)},
        values=values,
        all_values=all_values,
        means=paired.compare(all_values, settings.confidence, settings.scale.rope),
        fixed=fixed,
    )
