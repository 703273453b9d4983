"""One data set: every method on it, ranked, with its gains and its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from mmbench.report.stats import paired
from mmbench.report.stats.estimates import Difference
from mmbench.report.stats.paired import Floats, Means
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import RANKS, Scale

POOLING = "mean"
"""The level of the attention axis that is no attention."""


Setting = tuple[str | None, str | None, str | None, str | None]
"""attention, fusion, architecture, modality."""


Record = Mapping[str, Any]
"""A row of the tidy frame, with None for what is absent."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is compared, and how surely."""

    scale: Scale
    confidence: float

    @property
    def rope(self) -> float:
        return self.scale.rope

    @property
    def score(self) -> str:
        """The column of the tidy frame."""
        return f"test_{self.scale.metric}"


@dataclass(frozen=True, kw_only=True)
class DatasetScores:
    """All methods on one data set, and the comparison among those that share seeds.

    values, means and fixed are so turned that more is better (`Scale.oriented`). records: by method. seeds: the shared
    ones. index: key -> row of `values` (C, S) and of `means`. fixed: score of each deterministic baseline.
    """

    dataset: str
    settings: Settings
    methods: Mapping[str, Method]
    records: Mapping[str, Sequence[Record]]
    seeds: tuple[int, ...]
    index: Mapping[str, int]
    values: Floats
    means: Means
    fixed: Mapping[str, float] = field(default_factory=dict)

    def ranked(self, role: str) -> list[str]:
        """Keys of the methods of that role that take part in the comparison, in the plan's order."""
        return [key for key in self.index if self.methods[key].role == role]

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
            means=paired.compare(values, self.settings.confidence, RANKS.rope),
            fixed={},
        )

    def difference(self, subject: str, reference: str, p_holm: float | None = None) -> Difference:
        """Between two ranked methods; without p_holm the comparison is the only one of its family."""
        delta, half, p = self.means.pairs(*(np.array([self.index[k]]) for k in (subject, reference)))
        return self._difference(subject, reference, float(delta[0]), float(half[0]), float(p[0]), p_holm)

    def _difference(
        self, subject: str, reference: str, mean: float, half: float, p: float, p_holm: float | None, pairs: int = 1
    ) -> Difference:
        known = not np.isnan(p)
        adjusted = (p if p_holm is None else p_holm) if known else None
        return Difference(
            subject=subject,
            reference=reference,
            mean=mean,
            half=half if known else None,
            pairs=pairs,
            n=len(self.seeds),
            p=p if known else None,
            p_holm=adjusted,
            verdict=paired.verdict(
                mean, half if known else None, adjusted, self.settings.confidence, self.settings.rope
            ),
        )

    def to_best(self, keys: Sequence[str], best: str | None) -> dict[str, Difference]:
        """Differences of all ranked methods in `keys` to the one with the best mean among them."""
        if best is None:
            return {}
        return self.differences({k: best for k in keys if k != best}, paired.holm_to_best)

    def differences(
        self, pairs: Mapping[str, str], adjust: Callable[[Floats], Floats] = paired.holm
    ) -> dict[str, Difference]:
        """subject -> reference, all ranked; Holm over all of them."""
        if not pairs:
            return {}
        subject = np.array([self.index[k] for k in pairs], np.intp)
        reference = np.array([self.index[k] for k in pairs.values()], np.intp)
        delta, half, p = self.means.pairs(subject, reference)
        return self._together(pairs, delta, half, p, adjust)

    def _together(
        self,
        pairs: Mapping[str, str],
        delta: Floats,
        half: Floats,
        p: Floats,
        adjust: Callable[[Floats], Floats] = paired.holm,
    ) -> dict[str, Difference]:
        adjusted = p if np.isnan(p).any() else adjust(p)
        numbers = zip(pairs.items(), delta.tolist(), half.tolist(), p.tolist(), adjusted.tolist(), strict=True)
        return {s: self._difference(s, r, d, h, raw, adj) for (s, r), d, h, raw, adj in numbers}

    def over_fixed(self, keys: Iterable[str], baseline: str) -> dict[str, Difference]:
        """Gains of ranked methods over a deterministic baseline: its number never varies, so t over the seeds."""
        keys = list(keys)
        if not keys:
            return {}
        gains = self.values[[self.index[k] for k in keys]] - self.fixed[baseline]
        n = gains.shape[1]
        delta = gains.mean(1)
        if n < 2:
            half = p = np.full(len(keys), np.nan)
        else:
            error = gains.std(1, ddof=1) / np.sqrt(n)
            half = scipy_stats.t.ppf((1 + self.settings.confidence) / 2, n - 1) * error
            with np.errstate(divide="ignore", invalid="ignore"):
                t = np.where(error > 0, np.abs(delta) / error, np.where(delta == 0, 0.0, np.inf))
            p = 2 * scipy_stats.t.sf(t, n - 1)
        return self._together(dict.fromkeys(keys, baseline), delta, half, p)

    def group_difference(self, subject: str, reference: str, pairs: Sequence[tuple[str, str]]) -> Difference:
        """Mean over pairs of ranked methods; p_holm is left equal to p for the caller to adjust."""
        delta, half, p = self.means.groups([self.index[a] for a, _ in pairs], [self.index[b] for _, b in pairs])
        return self._difference(subject, reference, delta, half, p, None, len(pairs))


def collect(
    dataset: str, records: Sequence[Record], methods: Mapping[str, Method], settings: Settings
) -> DatasetScores:
    """The methods of one data set. records: its rows of the frame; methods: by key."""
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
    for i, key in enumerate(deep):
        for r in by_method[key]:
            if r["state"] == "done" and r[score] is not None:
                scores[i, column[r["seed"]]] = turned(r[score])
    kept, columns = paired.common_block(~np.isnan(scores))
    values = scores[np.ix_(kept, columns)]
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
        index={deep[i]: n for n, i in enumerate(kept)},
        values=values,
        means=paired.compare(values, settings.confidence, settings.rope),
        fixed=fixed,
    )
