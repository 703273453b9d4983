"""One data set: every method on it, ranked, with its gains and its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from mmbench.report.stats import paired
from mmbench.report.stats.paired import Floats, Means
from mmbench.report.values.analysis import CellCost, CellRow, CellState, Difference, Estimate, Method, SeedValue
from mmbench.report.values.scale import RANKS, Scale
from mmbench.schema.metric import METRICS

POOLING = "mean"
"""The level of the attention axis that is no attention."""

Setting = tuple[str | None, str | None, str | None, str | None]
"""attention, fusion, architecture, modality."""

Record = Mapping[str, Any]
"""A row of the tidy frame, with None for what is absent."""

COSTS = {
    "parameters": "parameters",
    "flops": "FLOPs a sample (forward)",
    "train_seconds": "training time, s",
    "inference_us": "inference time, µs a sample",
}


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
class Field:
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

    def ranks(self, keys: Sequence[str]) -> Field:
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


def collect(dataset: str, records: Sequence[Record], methods: Mapping[str, Method], settings: Settings) -> Field:
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
    return Field(
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


def standing(part: Sequence[Record]) -> tuple[CellState, str | None]:
    """How a method stands on a data set, and why where it is not complete."""
    states = [r["state"] for r in part]
    messages = dict.fromkeys(
        f"seed {r['seed']} {r['state'].replace('_', ' ')}" + (f": {r['message']}" if r["message"] else "")
        for r in part
        if r["state"] != "done"
    )
    reason = "; ".join(messages) or None
    if all(s == "done" for s in states):
        return "complete", None
    if "done" in states:
        return "partial", reason
    if all(s == "skipped" for s in states):
        return "skipped", part[0]["message"]
    if any(s not in ("skipped", "pending") for s in states):
        return "failed", reason
    return "pending", "not run yet"


def best_single(field: Field) -> str | None:
    """The single modality that scores best on the test split: the choice that favours the controls.

    None while a modality has no complete trial on its own: it may be the best.
    """
    singles = field.ranked("single")
    complete = {field.methods[k].modality for k in singles}
    if not singles or complete != {m.modality for m in field.methods.values() if m.role == "single"}:
        return None
    return max(singles, key=field.quality)


def pooling_partner(method: Method, keys: Mapping[Setting, str]) -> str | None:
    """The key of the same method with pooling in place of its attention."""
    if method.attention == POOLING:
        return None
    return keys.get((POOLING, method.fusion, method.architecture, method.modality))


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """place: key -> (rank, lowest and highest rank of its tie group). top: the best's tie group; empty with one
    seed."""

    order: tuple[str, ...]
    place: Mapping[str, tuple[int, int, int]]
    top: tuple[str, ...]


def rank(means: Means, index: Mapping[str, int], keys: Sequence[str]) -> Ranking:
    """Rank these methods; what cannot be told apart shares its ranks, and on one seed that is everything."""
    name = {index[k]: k for k in keys}
    among = np.array([index[k] for k in keys], np.intp)
    tiers = means.tiers(among)
    if not tiers:
        order = [name[i] for i in among[np.argsort(-means.mean[among], kind="stable")].tolist()]
        return Ranking(order=tuple(order), place={k: (n, 1, len(order)) for n, k in enumerate(order, 1)}, top=())
    place, order, before = {}, [], 0
    for tier in tiers:
        for i in tier.tolist():
            order.append(name[i])
            place[name[i]] = (len(order), before + 1, before + len(tier))
        before += len(tier)
    return Ranking(order=tuple(order), place=place, top=tuple(name[i] for i in tiers[0].tolist()))


def top_with_controls(field: Field) -> tuple[str, ...]:
    """Tie group of the best when cells, single modalities and baselines are compared together."""
    everything = list(field.index)
    if not everything or field.means.replicates < 2:
        return ()
    top = rank(field.means, field.index, everything).top
    if not field.fixed:
        return top
    strongest = max(field.fixed, key=lambda k: field.fixed[k])
    gains = field.over_fixed(everything, strongest)
    kept = tuple(k for k in top if gains[k].verdict != "worse")
    return kept if gains[top[0]].verdict == "better" else (*kept, strongest)


def _over(records: Sequence[Record], column: str, confidence: float) -> Estimate | None:
    return paired.estimate([r[column] for r in records if r[column] is not None], confidence)


def _cost(records: Sequence[Record]) -> CellCost | None:
    def median(column: str) -> float | None:
        values = [r[column] for r in records if r[column] is not None]
        return float(np.median(values)) if values else None

    parameters = median("parameters")
    if parameters is None:
        return None
    return CellCost(
        parameters=parameters,
        flops=median("flops"),
        train_seconds=median("train_seconds"),
        inference_us=median("inference_us_per_sample"),
        peak_memory=median("peak_memory"),
    )


def rows(field: Field, ranking: Ranking, top_all: Sequence[str], ceiling: float | None) -> list[CellRow]:
    """Every method: cells by rank, the unranked ones after them, then controls by score. Pareto marks come later.

    ceiling: of which scores can be a share, or None."""
    settings = field.settings
    partners: dict[Setting, str] = {
        (m.attention, m.fusion, m.architecture, m.modality): k for k, m in field.methods.items()
    }
    cells, deep = ranking.order, list(field.index)
    best = cells[0] if cells else None
    single = best_single(field)
    to_best = field.to_best(cells, best)
    gain_single = field.differences({k: single for k in cells if single})
    partner = {k: pooling_partner(field.methods[k], partners) for k in deep}
    gain_pooling = field.differences({k: p for k, p in partner.items() if p in field.index and p is not None})
    baselines = {field.methods[k].baseline: k for k in field.fixed}
    over = {name: field.over_fixed(deep, key) for name, key in baselines.items()}

    def row(key: str) -> CellRow:
        method, part = field.methods[key], field.records[key]
        done = [r for r in part if r["state"] == "done"]
        ranked = key in field.index
        compared = [r for r in done if r["seed"] in field.seeds] if ranked else done
        state, reason = standing(part)
        score = _over(compared, settings.score, settings.confidence)
        place = ranking.place.get(key, (None, None, None))
        epochs = [r["best_epoch"] for r in done if r["best_epoch"] is not None]
        return CellRow(
            dataset=field.dataset,
            method=method,
            state=state,
            reason=reason,
            declared=len(part),
            done=len(done),
            seeds=tuple(
                SeedValue(
                    seed=r["seed"],
                    trial_id=r["trial_id"],
                    state=r["state"],
                    value=r[settings.score] if r["state"] == "done" else None,
                    message=r["message"],
                )
                for r in part
            ),
            score=score,
            validation=_over(compared, f"validation_{settings.scale.metric}", settings.confidence),
            metrics={
                name: value
                for name in METRICS
                if compared and f"test_{name}" in compared[0]
                if (value := _over(compared, f"test_{name}", settings.confidence)) is not None
            },
            best_epoch=float(np.median(epochs)) if epochs else None,
            ranked=ranked,
            rank=place[0],
            rank_low=place[1],
            rank_high=place[2],
            best=key == best,
            in_top=key in ranking.top if ranking.top and key in ranking.place else None,
            in_top_all=key in top_all if top_all and (ranked or key in field.fixed) else None,
            to_best=to_best.get(key),
            gain_single=gain_single.get(key),
            gain_pooling=gain_pooling.get(key),
            gain_linear=over.get("linear", {}).get(key),
            gain_majority=over.get("majority", {}).get(key),
            ceiling_share=score.mean / ceiling if score and ceiling else None,
            cost=_cost(done),
            pareto=(),
            trial_ids=tuple(r["trial_id"] for r in part if r["trial_id"]),
        )

    def by_score(key: str) -> tuple[bool, float]:
        made[key] = row(key)
        score = made[key].score
        return (score is None, -settings.scale.oriented(score.mean) if score else 0.0)

    made: dict[str, CellRow] = {}
    rest = [k for k in field.methods if k not in ranking.place]
    unranked = sorted((k for k in rest if field.methods[k].role == "cell"), key=by_score)
    controls = sorted((k for k in rest if field.methods[k].role != "cell"), key=by_score)
    return [row(k) for k in cells] + [made[k] for k in (*unranked, *controls)]
