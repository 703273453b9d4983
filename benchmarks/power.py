"""How small a difference 3, 5 and 10 seeds find, with the noise of a finished project and the tests of its report.

    python -m benchmarks.power PROJECT [--seeds 3 5 10] [--draws 150]

Draws scores of every combination around means that are known, with the noise that each combination has in the project,
and puts them through the statistics of the report. A contrast: one level of an axis is better than the others by the
difference. A single combination: one is worse than all others by the difference. Printed is the smallest difference
that is found in four draws of five: its p-value, corrected as in the report, is below 5 %. How often the report finds
one where there is none is printed, too. The project is only read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.verdict import context_of
from mmbench.report.scores.contrasts import contrasts
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.stats import paired
from mmbench.stats.best import with_best

POWER = 0.8
STEPS = 7
LARGEST = 12
"""Times the usual noise of a seed; no difference as large as that is missed."""
Found = Callable[[np.ndarray], bool]
"""(C, S) scores -> whether the report finds the difference that was put in."""


def noise(scores: DatasetScores, keys: Sequence[str]) -> np.ndarray:
    """(C,) standard deviation over seeds of each combination, as the report estimates it."""
    rows = [scores.index[key] for key in keys]
    means = scores.means
    return np.asarray(np.sqrt(means.error[rows] * means.seeds[rows]))


def of_scores(scores: DatasetScores, keys: Sequence[str], values: np.ndarray) -> DatasetScores:
    """What the report would know of these scores (C, S) of the combinations."""
    seeds = tuple(range(values.shape[1]))
    return replace(
        scores,
        index={key: i for i, key in enumerate(keys)},
        values=values,
        all_values=values,
        seeds=seeds,
        all_seeds=seeds,
        means=paired.compare(values, scores.settings.confidence, scores.settings.rope),
        ladder={},
        samples={},
    )


def smallest(shift: np.ndarray, sd: np.ndarray, seeds: int, found: Found, draws: int) -> float:
    """The difference that is found in POWER of the draws, by bisection. shift: (C,) by how many of it each moves."""
    low, high = 0.0, LARGEST * float(np.median(sd))
    for _ in range(STEPS):
        middle = (low + high) / 2
        if share(middle * shift, sd, seeds, found, draws) >= POWER:
            high = middle
        else:
            low = middle
    return high


def share(means: np.ndarray, sd: np.ndarray, seeds: int, found: Found, draws: int) -> float:
    """Of draws in which it is found; the same draws whatever the means."""
    draw = np.random.default_rng(0)
    hits = [found(means[:, None] + sd[:, None] * draw.standard_normal((len(sd), seeds))) for _ in range(draws)]
    return float(np.mean(hits))


def main(arguments: Sequence[str] | None = None) -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.power", description=(__doc__ or "").partition("\n")[0])
    words.add_argument("project", type=Path, help="one whose sweep has run")
    words.add_argument("--seeds", type=int, nargs="+", default=[3, 5, 10])
    words.add_argument("--draws", type=int, default=150)
    asked = words.parse_args(arguments)
    context = context_of(asked.project)
    print("smallest difference that is found in 80 % of draws, in points; in brackets: found where there is none")
    print("| data set | a seed's noise | what is compared | " + " | ".join(f"{n} seeds" for n in asked.seeds) + " |")
    print("| --- | --: | --- " + "| --: " * len(asked.seeds) + "|")
    for scores in context.scores:
        keys = scores.ranked("cell")
        sd = noise(scores, keys)
        axis, levels = "architecture", context.levels["architecture"]
        leading = np.array([getattr(scores.methods[key], axis) == levels[0] for key in keys], float)
        last = np.zeros(len(keys))
        last[-1] = -1.0

        def contrast(
            values: np.ndarray, scores: DatasetScores = scores, keys: list[str] = keys, axis: str = axis
        ) -> bool:
            made = contrasts(of_scores(scores, keys, values), {axis: context.levels[axis]})
            first, second = context.levels[axis][:2]
            return any(
                d.p_holm is not None and d.p_holm < 0.05 and (d.subject, d.reference) == (first, second)
                for _, d in made
            )

        def single(values: np.ndarray, scores: DatasetScores = scores, keys: list[str] = keys) -> bool:
            means = of_scores(scores, keys, values).means
            return bool(with_best(means, np.arange(len(keys))).p_worse[-1] < 0.05)

        for title, shift, found in (
            (f"two levels of one axis ({int(leading.sum())} combinations each)", leading, contrast),
            ("one combination with the best", last, single),
        ):
            cells = [
                f"{100 * smallest(shift, sd, n, found, asked.draws):.1f} "
                f"({share(0 * shift, sd, n, found, asked.draws):.3f})"
                for n in asked.seeds
            ]
            print(
                f"| {scores.dataset} | {100 * np.sqrt(np.mean(sd**2)):.2f} | {title} | {' | '.join(cells)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
