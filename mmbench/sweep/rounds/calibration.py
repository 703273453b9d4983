"""How long, and at which learning rate, the models of a data set are trained: found on a few reference combinations.

They are trained for ever longer, twice as long each time; from the budget on, that improves none of them by more than
half the margin. Then half the learning rate is tried for so long; where that is better, the search for the length is
done again with it. Each training is a trial like any other: it is kept in the ledger, and one at the budget that is
found is the sweep's own. docs/decisions/0030-trained-until-trained.md has the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.schema.budget import LEAST_STEPS, MOST_STEPS, Budget, Rung, key_of
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS, margin
from mmbench.schema.params import Params, Training
from mmbench.schema.plan import Job
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import TrialConfig

Results = Mapping[str, TrialResult]
Calibrating = Generator[list[Job], Results, Budget]
"""Yields trials that it needs, is sent their results, and returns what it found."""

Tried = dict[tuple[int, float], dict[str, Rung]]
"""By epochs and learning rate, and then by reference."""

SEEDS = 1
"""Of every reference; two would cost as much as they tell, which the references do together."""
RATE, FACTOR, WIDEST = 0.003, 2.0, 2
"""The learning rate to begin with, the factor between those that are tried, and how many factors away they may be."""
TELLING = 0.01
"""The share of a loss by which it must fall to count as lower."""
PATIENCE = 2_048
"""Gradient steps up to which training goes on while no reference does better than a guess: what is only seen in several
modalities together is learned late, and until then the score stands still."""
SURE = 2.0
"""Standard errors by which a score has to be better than a guess's."""
NO_GAIN = 0.5
"""Margins by which a score may get better when training is twice as long: where one method gains so much and another
nothing, they seldom have another verdict."""


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long to train; `settled` and `gain` as in `Budget`. in_vain: gradient steps up to which no reference did
    better than a guess; None where one did."""

    epochs: int
    settled: bool = True
    gain: float | None = None
    in_vain: int | None = None


def references(jobs: Iterable[Job]) -> list[TrialConfig]:
    """Reference trials among those of one data set: a combination that learns fast, one that learns slowly, and a
    single modality. Where the grid has others, the nearest ones."""
    plain = [job.config for job in jobs if job.config.seed == 0 and job.config.configuration == 0]
    first = [config for config in plain if config.role != "baseline"]
    cells = [c for c in first if c.role == "cell"]
    wanted = (("scaled_dot_product", "concat", "independent"), ("mean", "early_concat", "shared"))
    found = [max(cells, key=lambda c, w=w: _shared(c, w)) for w in wanted if cells]  # type: ignore[misc]
    singles = [c for c in first if c.role == "single"]
    if singles:
        found.append(max(singles, key=lambda c: _shared(c, wanted[0])))
    return list({c.cell: c for c in found}.values())


def _shared(config: TrialConfig, wanted: Sequence[str]) -> int:
    return sum(choice.label == name for (_, choice), name in zip(config.choices(), wanted, strict=False))


def steps_of(epochs: int, samples: int, batch_size: int) -> int:
    """Gradient steps."""
    return epochs * -(-samples // batch_size)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """One data set's. make: the job of a configuration."""

    params: Params
    spec: DataSpec
    references: Sequence[TrialConfig]
    make: Callable[[TrialConfig], Job]

    @property
    def margin(self) -> float:
        """The improvement that counts as none, in the main metric's own unit."""
        return margin(self.spec.task.metric, self.params.report.rope, guess=self.spec.chance)

    def epochs_for(self, steps: int) -> int:
        per_epoch = steps_of(1, self.spec.splits["train"], self.params.train.batch_size)
        return max(1, math.ceil(steps / per_epoch))

    def steps(self, epochs: int) -> int:
        return steps_of(epochs, self.spec.splits["train"], self.params.train.batch_size)

    def run(self) -> Calibrating:
        """Find the budget."""
        tried: Tried = {}
        rate = self.params.train.learning_rate
        if rate != "auto":
            return self._budget((yield from self._length(rate, tried)), rate, tried)
        short = yield from self._find_rate(tried)
        found = yield from self._length(short, tried)
        rate = yield from self._lower(found.epochs, short, tried)
        if rate != short:
            found = yield from self._length(rate, tried)
        return self._budget(found, rate, tried)

    def _length(self, rate: float, tried: Tried) -> Generator[list[Job], Results, Length]:
        """That of the settings, or the one that is found."""
        fixed = self.params.train.epochs
        return Length(epochs=fixed) if fixed != "auto" else (yield from self._climb(rate, tried))

    def _train(
        self, epochs: int, rate: float, tried: Tried, names: Iterable[str]
    ) -> Generator[list[Job], Results, dict[str, Rung]]:
        """The rungs of these references, trained where that has not been done."""
        known = tried.setdefault((epochs, rate), {})
        todo = [c for c in self.references if c.cell in names and c.cell not in known]
        if todo:
            train = self.params.train.resolved(epochs=epochs, learning_rate=rate)
            train = train.model_copy(update={"epochs": epochs, "learning_rate": rate})
            jobs = {c.cell: [self._job(c, train, seed) for seed in range(SEEDS)] for c in todo}
            results = yield [job for own in jobs.values() for job in own]
            for cell, own in jobs.items():
                known[cell] = self._rung(cell, train, [results[j.trial_id] for j in own])
        return known

    def _job(self, config: TrialConfig, train: Training, seed: int) -> Job:
        return self.make(config.model_copy(update={"train": train, "seed": seed}))

    def _rung(self, cell: str, train: Training, results: Sequence[TrialResult]) -> Rung:
        done = [r for r in results if r.state is State.DONE and r.best_epoch is not None]
        metric = self.spec.task.metric

        def at_best(r: TrialResult, curve: str) -> float:
            value = r.curves[curve][r.best_epoch or 0]
            return math.nan if value is None else value

        def mean(values: Iterable[float]) -> float | None:
            found = [x for x in values if math.isfinite(x)]
            return float(np.mean(found)) if found else None

        return Rung(
            reference=cell,
            epochs=train.epochs,
            steps=self.steps(train.epochs),
            learning_rate=train.learning_rate,
            seeds=len(done),
            score=mean(at_best(r, f"validation_{metric}") for r in done),
            loss=mean(min((x for x in r.curves["validation_loss"] if x is not None), default=math.nan) for r in done),
            train_loss=mean(r.curves["train_loss"][-1] or math.nan for r in done),
            in_last=mean(float(r.best_epoch == train.epochs - 1) for r in done),
        )

    def _loss(self, epochs: int, rate: float, tried: Tried) -> float:
        """The mean over the references, infinite where one of them did not end well."""
        losses = [tried[epochs, rate][c.cell].loss for c in self.references]
        return math.inf if any(x is None for x in losses) else float(np.mean([x for x in losses if x is not None]))

    def _lower(self, epochs: int, rate: float, tried: Tried) -> Generator[list[Job], Results, float]:
        """Half the rate, and half of that, as long as that is better for so long a training.

        A short training, in which rates were compared, favours a high one: what lags behind then only needs more steps.
        """
        names = [c.cell for c in self.references]
        yield from self._train(epochs, rate, tried, names)
        for _ in range(WIDEST):
            yield from self._train(epochs, rate / FACTOR, tried, names)
            if not self._loss(epochs, rate / FACTOR, tried) < (1 - TELLING) * self._loss(epochs, rate, tried):
                break
            rate /= FACTOR
        return rate

    def _find_rate(self, tried: Tried) -> Generator[list[Job], Results, float]:
        """Go from the usual learning rate in the direction in which the references get better, until they get worse."""
        names = [c.cell for c in self.references]
        fixed = self.params.train.epochs
        epochs = self.epochs_for(LEAST_STEPS) if fixed == "auto" else min(fixed, self.epochs_for(LEAST_STEPS))

        def loss(rate: float) -> float:
            return self._loss(epochs, rate, tried)

        rates = [RATE * FACTOR**i for i in (-1, 0, 1)]
        for rate in rates:
            yield from self._train(epochs, rate, tried, names)
        for _ in range(WIDEST - 1):
            best = min(rates, key=loss)
            if best not in (rates[0], rates[-1]):
                break
            further = best / FACTOR if best == rates[0] else best * FACTOR
            rates = sorted([*rates, further])
            yield from self._train(epochs, further, tried, names)
        best = min(rates, key=loss)
        # Where it hardly matters, the usual one.
        return best if loss(best) < (1 - TELLING) * loss(RATE) else RATE

    def _climb(self, rate: float, tried: Tried) -> Generator[list[Job], Results, Length]:
        """Twice as long each time, until no reference gains by it.

        A gain is a better score and a lower loss than at any shorter length: the score of few samples rises and falls
        by luck, and the loss of a model that begins to overfit no longer falls. One that has not gained once is looked
        at again: with one seed, that is luck as often. Where nothing has been learned, standing still is no end:
        training goes on for a while, and where that does not help, the loss alone decides.
        """
        turn = 1 if METRICS[self.spec.task.metric].higher else -1
        names = [c.cell for c in self.references]
        epochs = self.epochs_for(LEAST_STEPS)
        gain: float | None = None
        rungs = [(yield from self._train(epochs, rate, tried, names))]
        while self.steps(2 * epochs) <= max(MOST_STEPS, self.steps(1)):
            longer = yield from self._train(2 * epochs, rate, tried, names)
            known = [g for n in names if (g := _gain([rung[n] for rung in rungs], longer[n], turn)) is not None]
            gain = max(known) if known else None
            if gain is None:
                return Length(epochs=epochs, settled=False)
            if gain <= NO_GAIN * self.margin:
                if any(self._learned(x) for rung in (*rungs, longer) for x in rung.values()):
                    return Length(epochs=epochs, gain=gain)
                if self.steps(4 * epochs) > PATIENCE:
                    return Length(epochs=_lowest([*rungs, longer]), gain=gain, in_vain=self.steps(2 * epochs))
            epochs *= 2
            rungs.append(longer)
        return Length(epochs=epochs, settled=False, gain=gain)

    def _learned(self, rung: Rung) -> bool:
        """Whether it does better than a guess, beyond what so few samples may bring by luck. True where a guess's score
        is not known."""
        guess, metric = self.spec.chance, METRICS[self.spec.task.metric]
        if guess is None or rung.score is None:
            return guess is None
        luck = self.margin
        if metric.is_share:
            luck = max(luck, SURE * math.sqrt(guess * (1 - guess) / self.spec.splits["validation"]))
        return (rung.score - guess) * (1 if metric.higher else -1) > luck

    def _budget(self, found: Length, rate: float, tried: Tried) -> Budget:
        steps = self.steps(found.epochs)
        rungs = [tried[at][c.cell] for at in sorted(tried) for c in self.references if c.cell in tried[at]]
        epochs = f"{found.epochs} epoch{'' if found.epochs == 1 else 's'}"
        why = f"{steps:,} gradient steps ({epochs}) at a learning rate of {rate:g}"
        if found.in_vain is not None:
            why += f"; up to {found.in_vain:,} steps no reference did surely better than a guess"
        return Budget(
            dataset=self.spec.name,
            key=key_of(self.params, self.spec),
            metric=self.spec.task.metric,
            epochs=found.epochs,
            steps=steps,
            learning_rate=rate,
            settled=found.settled,
            gain=found.gain,
            why=why,
            rungs=tuple(rungs),
        )


def _lowest(rungs: Sequence[Mapping[str, Rung]]) -> int:
    """Epochs of the last of these lengths at which the loss of any reference fell below that at all shorter ones."""
    found, lowest = rungs[0], {name: rung.loss for name, rung in rungs[0].items()}
    for longer in rungs[1:]:
        for name, rung in longer.items():
            known = lowest[name]
            if rung.loss is not None and (known is None or rung.loss < (1 - TELLING) * known):
                lowest[name], found = rung.loss, longer
    return next(iter(found.values())).epochs


def _gain(shorter: Sequence[Rung], longer: Rung, turn: int) -> float | None:
    """By how much the score got better than the best of the shorter ones; nothing where the loss did not fall below the
    lowest of theirs. None where it is not known."""
    scores = [turn * rung.score for rung in shorter if rung.score is not None]
    losses = [rung.loss for rung in shorter if rung.loss is not None]
    if not scores or not losses or longer.score is None or longer.loss is None:
        return None
    gain = turn * longer.score - max(scores)
    return min(gain, 0.0) if longer.loss > (1 - TELLING) * min(losses) else gain
