"""Seeds where a verdict is open: rounds of trials, and after each a look at who is decided.

docs/decisions/0031-seeds-where-they-are-needed.md has the reasons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from mmbench.schema.params import Race
from mmbench.schema.plan import Job
from mmbench.schema.result import TrialResult
from mmbench.source.kept import process_cache
from mmbench.source.modules import digest
from mmbench.stats.estimates import Verdict

STATISTICS = "mmbench.stats.best"
Results = Mapping[str, TrialResult]
Score = Callable[[Sequence[TrialResult]], float | None]
"""Of a finished study (all configurations of one seed), so turned that more is better; None where it has none."""
Studies = dict[int, list[Job]]
"""Of one method, by seed."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """After a round. seeds: of every combination that was still open; error: what may be spent on this look; decided:
    on how many combinations there was a verdict afterwards."""

    seeds: int
    error: float
    decided: int


@dataclass(kw_only=True)
class Finding:
    """What a race has found so far. verdicts: by combination; what is worse stays so. over: whether it has ended;
    unpaid: because the time that was allowed for did not suffice for the next round, with verdicts open."""

    looks: list[Look] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    over: bool = False
    unpaid: bool = False


def errors(race: Race, error: float) -> list[float]:
    """What may be spent on each look: its share of the seeds."""
    return [error * (n - before) / race.most for before, n in zip([0, *race.looks], race.looks, strict=False)]


def run(
    jobs: Sequence[Job],
    race: Race,
    score: Score,
    *,
    confidence: float,
    rope: float,
    finding: Finding,
    pays_for: Callable[[Sequence[Job], Results], bool],
) -> Generator[Sequence[Job], Results, None]:
    """Rounds of one data set. jobs: every trial that could be asked for. finding: is filled in on the way. pays_for:
    whether there is time for these trials, given the results of those that were asked for before."""
    results: dict[str, TrialResult] = {}
    methods = _by_method(jobs)
    cells, singles = ([k for k, own in methods.items() if _role(own) == role] for role in ("cell", "single"))
    asked = dict.fromkeys(methods, race.least)
    wanted = _asked(jobs, asked)
    for i, error in enumerate(errors(race, 1 - confidence)):
        results |= yield wanted
        scores = {key: _scores(own, results, score) for key, own in methods.items()}
        # What all others are compared with has the seeds of the look: the highest of many means over few seeds is often
        # luck, and then everything is open against it. Once it has them, it is often another one.
        while behind := [k for k in _best(cells, scores) + _best(singles, scores) if asked[k] < race.looks[i]]:
            asked |= dict.fromkeys(behind, race.looks[i])
            wanted = _asked(jobs, asked)
            if not pays_for(wanted, results):
                finding.unpaid = True
                break
            results |= yield wanted
            scores = {key: _scores(own, results, score) for key, own in methods.items()}
        look(finding, {key: scores[key] for key in cells}, seeds=race.looks[i], error=error, rope=rope)
        still = still_open(finding, scores)
        if finding.unpaid or not still or i + 1 == len(race.looks):
            break
        # The best is what all others are compared with, and the best single modality what it is compared with itself.
        for key in (*still, *_best(cells, scores), *_best(singles, scores)):
            asked[key] = race.looks[i + 1]
        wanted = _asked(jobs, asked)
        if not pays_for(wanted, results):
            finding.unpaid = True
            break
    finding.over = True


def _asked(jobs: Sequence[Job], seeds: Mapping[str, int]) -> list[Job]:
    """seeds: how many, by method."""
    return [job for job in jobs if job.config.seed < seeds[job.config.cell]]


def look(finding: Finding, scores: Mapping[str, Mapping[int, float]], *, seeds: int, error: float, rope: float) -> None:
    """Decide on combinations, but for those that are worse already. scores: by seed; nothing of one that takes no
    part."""
    keys = [key for key, own in scores.items() if len(own) > 1]
    if len(keys) > 1:
        columns = sorted({seed for key in keys for seed in scores[key]})
        values = np.array([[scores[key].get(seed, np.nan) for seed in columns] for key in keys])
        for key, verdict in zip(keys, _verdicts(values, 1 - error, rope), strict=True):
            # One that is surely not among the best stays so; what is equal is so to the best of this look.
            if finding.verdicts.get(key) != "worse":
                finding.verdicts[key] = verdict
    decided = sum(v != "open" for v in finding.verdicts.values())
    finding.looks.append(Look(seeds=seeds, error=error, decided=decided))


def _verdicts(values: np.ndarray, confidence: float, rope: float) -> list[Verdict]:
    """Of each method (row) against the best. Kept: whoever reads a ledger goes through its races again, and importing
    scipy alone takes a command most of a second."""
    parts = (digest([STATISTICS]), version("scipy"), version("numpy"), repr((values.shape, confidence, rope)))
    key = hashlib.sha256("\n".join(parts).encode() + values.tobytes()).hexdigest()
    known: list[Verdict] | None = process_cache().get("looks", key)
    if known is None:
        from mmbench.stats.best import with_best
        from mmbench.stats.paired import compare

        known = with_best(compare(values, confidence, rope), np.arange(len(values))).verdicts()
        process_cache().put("looks", key, known)
    return known


def still_open(finding: Finding, scores: Mapping[str, Mapping[int, float]]) -> list[str]:
    """The combinations that get more seeds."""
    return [key for key, verdict in finding.verdicts.items() if verdict == "open" and scores[key]]


def _by_method(jobs: Sequence[Job]) -> dict[str, Studies]:
    found: dict[str, Studies] = {}
    for job in jobs:
        found.setdefault(job.config.cell, {}).setdefault(job.config.seed, []).append(job)
    return found


def _role(own: Studies) -> str:
    return next(iter(own.values()))[0].config.role


def _scores(own: Studies, results: Results, score: Score) -> dict[int, float]:
    """By seed; nothing where one of the studies ended without a score: such a method takes no part."""
    ended = {seed: jobs for seed, jobs in own.items() if all(job.trial_id in results for job in jobs)}
    found = {seed: score([results[job.trial_id] for job in jobs]) for seed, jobs in ended.items()}
    return {} if any(x is None for x in found.values()) else {seed: x for seed, x in found.items() if x is not None}


def _best(keys: Sequence[str], scores: Mapping[str, Mapping[int, float]]) -> list[str]:
    known = [key for key in keys if scores[key]]
    return [max(known, key=lambda key: float(np.mean(list(scores[key].values()))))] if known else []
