"""How often a whole race is wrong, what it decides and what it costs, on scores whose truth is known.

`python -m benchmarks.race` draws scores of 27 combinations: all the same (whoever is called worse is so by chance), and
with means that lie apart; with noise that is the same for all, and with noise of each one's own (log-normal). Each draw
is raced as a sweep races it, look by look.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from scipy import stats

from mmbench.schema.params import Race
from mmbench.sweep.rounds.race import Finding, run

METHODS, ROPE = 27, 0.01
NOISE = 0.0045
"""Standard deviation over seeds, as it is on the default's data sets."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of one race.

    Attributes:
        worse: How many are called worse; lost: whether the truly best is one of them.
        decided: The share that has a verdict.
        untrue: How many are called equal that are further than the margin below the one with the best mean.
        trials: As a share of a full grid at the number of seeds that the last look had.
    """

    worse: int
    lost: bool
    decided: float
    untrue: int
    trials: float


def play(
    values: np.ndarray, race: Race, *, rope: float = ROPE, confidence: float = 0.95, paid: float = np.inf
) -> tuple[Finding, dict[str, int]]:
    """A race whose trials score these values (C, seeds). paid: how many trials it may run.

    Returns what it found, and how many seeds each method was given.
    """
    finding = Finding()
    jobs = [_job(str(key), seed) for key in range(len(values)) for seed in range(race.most)]
    results = {job.trial_id: values[int(job.config.cell), job.config.seed] for job in jobs}
    rounds = run(
        jobs,
        race,
        lambda study: cast(float, study[0]),
        confidence=confidence,
        rope=rope,
        finding=finding,
        pays_for=lambda wanted, _: len(wanted) <= paid,
    )
    asked = next(rounds)
    try:
        while True:
            asked = rounds.send({job.trial_id: results[job.trial_id] for job in asked})
    except StopIteration:
        return finding, dict(Counter(job.config.cell for job in asked))


def _job(method: str, seed: int) -> Any:
    """As much of a job as a race reads."""
    config = SimpleNamespace(cell=method, seed=seed, role="cell")
    return SimpleNamespace(trial_id=f"{method}/{seed}", config=config)


def one(number: int, *, race: Race, spread: float, own_noise: bool) -> Outcome:
    """The race of this number. spread: between the best and the last mean; own_noise: log-normal, each one's own."""
    draw = np.random.default_rng(number)
    means = -np.sort(draw.uniform(0, spread, METHODS)) if spread else np.zeros(METHODS)
    noise = NOISE * (np.exp(0.5 * draw.standard_normal(METHODS)) if own_noise else np.ones(METHODS))
    values = means[:, None] + noise[:, None] * draw.standard_normal((METHODS, race.most))
    finding, seeds = play(values, race)
    found = [finding.verdicts[str(i)] for i in range(METHODS)]
    best = max(range(METHODS), key=lambda i: float(values[i, : seeds[str(i)]].mean()))
    untrue = [v == "equal" and abs(means[i] - means[best]) > ROPE for i, v in enumerate(found)]
    return Outcome(
        worse=found.count("worse"),
        lost=found[int(means.argmax())] == "worse",
        decided=1 - found.count("open") / METHODS,
        untrue=sum(untrue),
        trials=sum(seeds.values()) / METHODS / finding.looks[-1].seeds,
    )


def told(outcomes: Sequence[Outcome], *, null: bool) -> Iterator[str]:
    """What became of these races."""
    n = len(outcomes)
    if null:
        wrong = sum(x.worse > 0 for x in outcomes)
        low, high = stats.binomtest(wrong, n).proportion_ci(0.95)
        share = f"{wrong / n:.3f}; 95 %: {low:.3f} to {high:.3f}; at most .06"
        yield f"  somebody is called worse in {wrong} of {n} ({share})"
    else:
        kept = sum(not x.lost for x in outcomes)
        yield f"  the truly best may be the best in {kept} of {n} ({kept / n:.3f}; at least .95)"
    decided, trials = (np.mean(x) for x in zip(*((x.decided, x.trials) for x in outcomes), strict=True))
    untrue = sum(x.untrue for x in outcomes)
    yield f"  decided: {decided:.0%}; called equal, and further away than the margin: {untrue / n:.2f} a race"
    yield f"  trials: {trials:.0%} of a full grid at the last look's seeds"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.race", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--races", type=int, default=1000, help="of each kind (default 1000)")
    parser.add_argument("--seeds", type=int, nargs=2, default=(3, 12), metavar=("LEAST", "MOST"))
    options = parser.parse_args(arguments)
    race = Race(least=options.seeds[0], most=options.seeds[1])
    held = True
    with ProcessPoolExecutor() as pool:
        for spread in (0.0, 0.01, 0.05):
            for own_noise in (False, True):
                play_one = partial(one, race=race, spread=spread, own_noise=own_noise)
                outcomes = list(pool.map(play_one, range(options.races), chunksize=10))
                means = f"means within {100 * spread:g} points" if spread else "all the same"
                print(f"{means}, {'noise of each its own' if own_noise else 'the same noise'}:")
                print("\n".join(told(outcomes, null=not spread)), flush=True)
                held &= sum(x.worse > 0 for x in outcomes) <= 0.06 * len(outcomes) if not spread else True
                held &= sum(x.lost for x in outcomes) <= 0.05 * len(outcomes)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
