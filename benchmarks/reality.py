"""Whether intervals and verdicts are true: many seeds of every combination, and what few of them say of the others.

`python -m benchmarks.reality PROJECT --work FOLDER --seeds 30` copies a project whose sweep has run, trains every
combination with so many seeds, then draws 500 subsets of 3, 5 and 8 seeds. What the report would say of each subset is
held against the mean of the seeds that were not drawn, whose own error is allowed for: how often intervals cover it,
how often better and worse contradict its sign, and equal its size. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console
from scipy import stats

from benchmarks.verdict import context_of, copy
from mmbench.project.folders import SETTINGS
from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import contrasts, match_pairs
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.scores.ranking import rank
from mmbench.stages.sweep import sweep
from mmbench.stats import paired
from mmbench.stats.estimates import Estimate

SIZES = (3, 5, 8)
Kind = tuple[str, int]
"""What was compared, and with how many seeds."""


@dataclass(kw_only=True)
class Tally:
    """intervals, covering: over all comparisons; together: of each subset, whether all of its intervals cover, where
    they are meant to at once; verdicts: how often each was given; wrong: how often it contradicts the other seeds;
    surely: beyond their own error. group: how many may be the best; of_all_pairs: how many would be if every pair were
    tested and corrected for all of them (Holm)."""

    intervals: int = 0
    covering: int = 0
    together: list[bool] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    surely: Counter[str] = field(default_factory=Counter)
    group: list[int] = field(default_factory=list)
    of_all_pairs: list[int] = field(default_factory=list)

    def add(self, mean: float, half: float, verdict: str, truth: float, error: float, margin: float) -> None:
        """error: half width of the interval of `truth`."""
        self.cover(mean, half, truth, error)
        self.verdicts[verdict] += 1
        off = {"better": -truth, "worse": truth, "equal": abs(truth) - margin}.get(verdict)
        if off is not None:
            self.wrong[verdict] += off > 0
            self.surely[verdict] += off > error

    def cover(self, mean: float, half: float, truth: float, error: float) -> bool:
        """Whether an interval covers the truth, as far as that is known."""
        covers = bool(abs(mean - truth) <= np.hypot(half, error))
        self.intervals += 1
        self.covering += covers
        return covers


def many(folder: Path, seeds: int, console: Console) -> int:
    """Train every combination of a copied project with so many seeds; returns the exit code of the sweep."""
    file = folder / SETTINGS
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"]["seeds"] = seeds
    raw["controls"] |= {"single_modalities": False, "budgets": []}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return sweep(folder, console)


def of_seeds(whole: DatasetScores, columns: Sequence[int]) -> DatasetScores:
    """What is known with these seeds alone."""
    values = whole.values[:, list(columns)]
    means = paired.compare(values, whole.settings.confidence, whole.settings.rope)
    seeds = tuple(whole.seeds[i] for i in columns)
    return replace(whole, values=values, all_values=values, seeds=seeds, all_seeds=seeds, means=means)


def _truth(differences: np.ndarray, confidence: float) -> tuple[float, float]:
    """Mean and half width over seeds that were not drawn; the seed is the unit."""
    found = paired.estimate(differences, confidence)
    assert found is not None and found.half is not None
    return found.mean, found.half


def _by_seed(whole: DatasetScores, axis: str, subject: str, reference: str) -> np.ndarray:
    """A contrast, seed by seed."""
    pairs = match_pairs(whole, axis, {subject: subject, reference: reference}, subject, reference)
    left, right = ([whole.index[pair[side]] for pair in pairs] for side in (0, 1))
    difference: np.ndarray = whole.values[left].mean(0) - whole.values[right].mean(0)
    return difference


def check(whole: DatasetScores, levels: Mapping[str, Sequence[str]], draws: int, seed: int) -> dict[Kind, Tally]:
    """Tallies of contrasts, of contrasts with the seed as the unit, and of combinations against the best."""
    draw = np.random.default_rng(seed)
    found: dict[Kind, Tally] = {}
    confidence, margin, all_seeds = whole.settings.confidence, whole.settings.rope, whole.values.shape[1]
    known: dict[tuple[str, str, str], np.ndarray] = {}
    for size in SIZES:
        for _ in range(draws):
            columns = np.sort(draw.choice(all_seeds, size, replace=False))
            rest = np.setdiff1d(np.arange(all_seeds), columns)
            part = of_seeds(whole, columns.tolist())
            for axis, d in contrasts(part, levels):
                key = (axis, d.subject, d.reference)
                if key not in known:
                    known[key] = _by_seed(whole, *key)
                truth, error = _truth(known[key][rest], confidence)
                assert d.half is not None
                found.setdefault(("contrasts", size), Tally()).add(d.mean, d.half, d.verdict, truth, error, margin)
                own = paired.estimate(known[key][columns], confidence)
                assert own is not None and own.half is not None
                single = found.setdefault(("contrasts, seed as unit", size), Tally())
                single.add(own.mean, own.half, _alone(own, confidence, margin), truth, error, margin)
            _pairs(part, whole, rest, found.setdefault(("pairs named before", size), Tally()))
            tally = found.setdefault(("combinations, to the best", size), Tally())
            _combinations(part, whole, rest, tally)
    return found


def _alone(own: Estimate, confidence: float, margin: float) -> str:
    """The verdict of one contrast over seeds, without Holm."""
    assert own.half is not None
    narrow, wide = stats.t.ppf([confidence, (1 + confidence) / 2], own.n - 1)
    p = 2 * stats.t.sf(abs(own.mean) / (own.half / wide), own.n - 1)
    return paired.verdict(own.mean, own.half * narrow / wide, float(p), confidence, margin)


def _pairs(part: DatasetScores, whole: DatasetScores, rest: np.ndarray, tally: Tally) -> None:
    """Each combination against the next of the plan, whatever the scores: no choice flatters either."""
    cells = part.ranked("cell")
    for key, other in zip(cells, [*cells[1:], cells[0]], strict=True):
        d = part.difference(key, other)
        rows = whole.values[[whole.index[k] for k in (key, other)]][:, rest]
        truth, error = _truth(rows[0] - rows[1], whole.settings.confidence)
        assert d.half is not None
        tally.add(d.mean, d.half, d.verdict, truth, error, whole.settings.rope)


def _combinations(part: DatasetScores, whole: DatasetScores, rest: np.ndarray, tally: Tally) -> None:
    """Each combination against the one that is best in the subset: intervals hold for all at once, and worse is meant
    of the truly best one, so it is wrong where the combination is that."""
    cells = part.ranked("cell")
    ranking = rank(part.means, part.index, cells)
    rows = {key: whole.values[whole.index[key]][rest] for key in cells}
    all_cover = True
    truly = max(cells, key=lambda key: float(rows[key].mean()))
    for key, d in part.to_best(ranking.order, ranking.against, ranking.verdict).items():
        verdict = ranking.verdict[key]
        assert d.half is not None
        truth, error = _truth(rows[key] - rows[ranking.order[0]], whole.settings.confidence)
        if verdict == "worse":
            all_cover &= tally.cover(d.mean, d.half, truth, error)
            tally.verdicts[verdict] += 1
            tally.wrong[verdict] += key == truly
            tally.surely[verdict] += key == truly
        else:
            before = tally.covering
            tally.add(d.mean, d.half, verdict, truth, error, whole.settings.rope)
            all_cover &= tally.covering > before
    tally.together.append(all_cover)
    tally.group.append(sum(v != "worse" for v in ranking.verdict.values()))
    tally.of_all_pairs.append(_not_below(part, ranking.order))


def _not_below(part: DatasetScores, order: Sequence[str]) -> int:
    """How many differ from the first one by no test among those of all pairs."""
    rows = [part.index[key] for key in order]
    pairs = list(combinations(range(len(rows)), 2))
    subject, reference = (np.array([rows[pair[side]] for pair in pairs], np.intp) for side in (0, 1))
    p = paired.holm(part.means.pairs(subject, reference).p)
    return 1 + sum(float(x) >= 1 - part.settings.confidence for x, (a, _) in zip(p, pairs, strict=True) if a == 0)


def show(name: str, found: Mapping[Kind, Tally]) -> Iterator[str]:
    """A table, as Markdown."""
    yield f"\n{name}"
    yield "| compared | seeds | covered | better | worse | equal | open | wrong sign | wrong equal | not worse |"
    yield "| --- " * 10 + "|"
    for (kind, size), t in found.items():
        given = sum(t.verdicts.values())
        shares = " | ".join(f"{t.verdicts[v] / given:.2f}" for v in ("better", "worse", "equal", "open"))
        signed, equal = t.verdicts["better"] + t.verdicts["worse"], t.verdicts["equal"]
        sign = _share(t.surely["better"] + t.surely["worse"], t.wrong["better"] + t.wrong["worse"], signed)
        group = f"{np.mean(t.group):.1f}, of all pairs {np.mean(t.of_all_pairs):.1f}" if t.group else ""
        covered = f"{t.covering / t.intervals:.3f}" if t.intervals else ""
        if t.together:
            covered += f", all {np.mean(t.together):.3f}"
        same = _share(t.surely["equal"], t.wrong["equal"], equal)
        yield f"| {kind} | {size} | {covered} | {shares} | {sign} | {same} | {group} |"


def _share(surely: int, wrong: int, of: int) -> str:
    """`0.003 (0.010)`: beyond the error of the other seeds, and at all."""
    return f"{surely / of:.3f} ({wrong / of:.3f})" if of else ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reality", description=__doc__.split("\n", 1)[0])
    parser.add_argument("project", type=Path, help="one whose sweep has run")
    parser.add_argument("--work", type=Path, required=True, help="where a copy is trained")
    parser.add_argument("--seeds", type=int, default=30, help="of every combination (default 30)")
    parser.add_argument("--draws", type=int, default=500, help="subsets of each size (default 500)")
    options = parser.parse_args(arguments)
    folder = copy(options.project, options.work / "many")
    if (code := many(folder, options.seeds, Console(stderr=True))) != 0:
        return code
    context: Context = context_of(folder)
    print("wrong: beyond the error of the seeds that were not drawn (at all)")
    for whole in context.scores:
        cells = of_seeds(whole, range(whole.values.shape[1]))
        print(*show(whole.dataset, check(cells, context.levels, options.draws, seed=0)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
