"""Places of methods by their means, and what is known of each against the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.report.scores.dataset_scores import DatasetScores, Setting
from mmbench.report.values.methods import POOLING, Method
from mmbench.stats.best import WithBest, with_best
from mmbench.stats.estimates import Verdict
from mmbench.stats.paired import Means


def best_single(field: DatasetScores) -> str | None:
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
    """Methods by their means.

    Attributes:
        order: Keys, best first.
        place: key -> its rank, and the first and the last rank that it may truly have.
        verdict: key -> what is known of it against the best.
        top: Those that are not worse than the best, in order; empty with one seed.
        against: Each against the best of the others, in `order`.
    """

    order: tuple[str, ...]
    place: Mapping[str, tuple[int, int, int]]
    verdict: Mapping[str, Verdict]
    top: tuple[str, ...]
    against: WithBest

    def behind(self, key: str) -> float | None:
        """By how much it may be behind the best, at most; None where nothing is known."""
        return None if key not in self.verdict else max(0.0, -float(self.against.low[self.order.index(key)]))

    def decided_at(self, key: str) -> int | None:
        """About how many seeds would decide on it, where it is open; None where none would."""
        if self.verdict.get(key) != "open":
            return None
        return int(self.against.decided_at[self.order.index(key)]) or None


def rank(
    means: Means,
    index: Mapping[str, int],
    keys: Sequence[str],
    decided: Mapping[str, Verdict] | None = None,
    *,
    equal: bool = True,
) -> Ranking:
    """Rank these methods. decided: verdicts that stand. equal: whether what is within the margin counts as equal."""
    name = {index[k]: k for k in keys}
    among = np.array([index[k] for k in keys], np.intp)
    among = among[np.argsort(-means.mean[among], kind="stable")]
    order = tuple(name[i] for i in among.tolist())
    against = with_best(means, among, equal=equal)
    found = dict(zip(order, against.verdicts(), strict=True))
    verdicts = {key: (decided or {}).get(key, verdict) for key, verdict in found.items()}
    limits = zip(against.first.tolist(), against.last.tolist(), strict=True)
    known = means.replicates > 1 and len(order) > 0
    return Ranking(
        order=order,
        place={k: (n, first, last) for n, (k, (first, last)) in enumerate(zip(order, limits, strict=True), 1)},
        verdict=verdicts if known else {},
        top=tuple(k for k in order if verdicts[k] != "worse") if known else (),
        against=against,
    )


def top_with_controls(field: DatasetScores) -> tuple[str, ...]:
    """What is not worse than the best when cells, single modalities and baselines are compared together."""
    everything = list(field.index)
    if not everything or field.means.replicates < 2:
        return ()
    top = rank(field.means, field.index, everything, equal=field.settings.equal).top
    if not field.fixed:
        return top
    strongest = max(field.fixed, key=lambda k: field.fixed[k])
    gains = field.over_fixed(everything, strongest)
    kept = tuple(k for k in top if gains[k].verdict != "worse")
    return kept if gains[top[0]].verdict == "better" else (*kept, strongest)
