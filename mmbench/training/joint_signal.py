"""Is there anything to fuse? What cheap models make of all modalities, and of each alone, before anything is trained.

A linear model and a support vector machine with a radial kernel look at the principal components of every modality
alone, at those of all side by side, and at the average of what they say of each. Scores are on validation: test is for
later. What only a model that learns features finds in the modalities together is not seen here.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import threadpoolctl
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmbench.data.batches import as_split
from mmbench.data.prepare.arrays import prepare
from mmbench.data.prepare.sample_groups import groups_of
from mmbench.data.table.table import Table
from mmbench.errors import UserError
from mmbench.model.baseline import BaselineModel
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS, margin
from mmbench.schema.scores import predictions, score
from mmbench.stats.jackknife import deal, deal_groups, deviations, half_width

MODELS = ("linear", "kernel_svm")
COMPONENTS = 64
"""Of each modality."""
MOST, NUMBERS, LEAST = 2000, 20_000_000, 200
"""Samples of a split that are looked at; fewer where they have more numbers than this in all, but not below LEAST, of
which it is told how many numbers a sample has."""
CONFIDENCE = 0.95
FEW = 6
"""Modalities that are all named."""


@dataclass(frozen=True, kw_only=True)
class JointSignal:
    """metric: of the scores. alone: the best score of each modality; together: that of all. gain: of all over the best
    alone, so turned that more is better; half: of its 95 % interval, over validation samples (groups of them, where
    they belong together), NaN where it is not defined. margin: what counts as equal. learnt: whether anything is
    surely better than a guess without the input. samples: of train and validation that were looked at. groups: of
    validation, where samples belong together."""

    metric: str
    alone: Mapping[str, float]
    together: float
    gain: float
    half: float
    margin: float
    learnt: bool
    samples: tuple[int, int]
    groups: int | None = None

    @property
    def best_alone(self) -> str:
        turn = 1 if METRICS[self.metric].higher else -1
        return max(self.alone, key=lambda name: turn * self.alone[name])

    @property
    def verdict(self) -> str:
        """Of all modalities against the best one alone: better, worse, equal within the margin, or open."""
        if not self.learnt or not math.isfinite(self.half):
            return "open"
        if abs(self.gain) + self.half <= self.margin > 0:
            return "equal"
        if abs(self.gain) > self.half:
            return "better" if self.gain > 0 else "worse"
        return "open"

    @property
    def words(self) -> str:
        """One sentence or two."""
        learn = "models that learn features may show otherwise"
        open_ = "it is open whether there is anything to fuse"
        told = {
            "better": "so there is something to fuse",
            "equal": f"so one modality may suffice; {learn}",
            "worse": f"so one modality may suffice; {learn}",
            "open": f"so {open_}",
        }
        if not math.isfinite(self.half):
            told["open"] = f"and validation has too few samples or groups for an interval, so {open_}"
        elif not self.learnt:
            seen = f"{self.samples[1]} validation samples" + (f" of {self.groups} groups" if self.groups else "")
            told["open"] = f"and by {seen} nothing is surely better than a guess, so {open_}"
        elif not self.margin:
            told["open"] = f"and on {self.samples[1]} validation samples nothing can count as equal, so {open_}"
        few = self.alone if len(self.alone) <= FEW else {self.best_alone: self.alone[self.best_alone]}
        alone = ", ".join(f"{value:.3g} with {name} alone" for name, value in few.items())
        around = f" ±{self.half:.2g}" if math.isfinite(self.half) else ""
        gain = f"{self.gain + 0.0:+.2g}".replace("-", "−", 1)
        return (
            f"{METRICS[self.metric].label} on validation of cheap models (linear, kernel machine): {self.together:.3g} "
            f"with all modalities, {alone}. All together gain {gain}{around} over {self.best_alone}, "
            f"{told[self.verdict]}."
        )


class _Memory:
    """Takes prepared arrays, as `mmbench.data.prepared.Writer` does."""

    def __init__(self) -> None:
        self.splits: dict[str, dict[str, np.ndarray]] = {}

    def array(self, split: str, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        made = self.splits.setdefault(split, {})[name] = np.zeros(shape, dtype)
        return made


def joint_signal(table: Table, split: np.ndarray, *, rope: float) -> JointSignal:
    """Look at up to MOST samples of train and of validation, drawn at random. split: (N,) of each sample.

    Raises DataError where they cannot be read, UserError where nothing can be fitted to them.
    """
    first, _ = _drawn(table, split, LEAST)
    numbers = sum(m.options.get("vocabulary", 0) or math.prod(m.shape) for m in first[0].modalities.values())
    (spec, arrays), chosen = _drawn(table, split, min(MOST, max(LEAST, NUMBERS // max(1, numbers))))
    groups = groups_of(table, chosen & (split == "validation"))
    try:
        return of_arrays(spec, arrays, rope=rope, groups=groups)
    except (ValueError, MemoryError) as error:
        raise UserError(str(error).splitlines()[0] if str(error) else "there is not enough memory") from None


def _drawn(
    table: Table, split: np.ndarray, most: int
) -> tuple[tuple[DataSpec, Mapping[str, Mapping[str, np.ndarray]]], np.ndarray]:
    """Up to so many samples of train and of validation, prepared; and which of all (N,) they are."""
    draw = np.random.default_rng(0)
    some = np.zeros(len(table), bool)
    # Preparing needs a test split; what is in it is not looked at.
    for name, count in (("train", most), ("validation", most), ("test", 1)):
        some[draw.permutation(np.flatnonzero(split == name))[:count]] = True
    memory = _Memory()
    done = prepare(table, np.where(some, split, ""), memory, progress=False)
    spec = DataSpec(
        name="signal",
        description="",
        modalities=done.modalities,
        task=table.task,
        splits=done.splits,
        chance=None,
        ceiling=None,
        scale=done.scale,
        licence="",
        source="",
        hash="",
    )
    return (spec, memory.splits), some


def of_arrays(
    spec: DataSpec,
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    *,
    rope: float,
    groups: Sequence[int] | None = None,
) -> JointSignal:
    """Of prepared arrays. rope: the margin, as report.rope says it. groups: of the validation samples, where some
    belong together."""
    train, validation = (as_split(spec, arrays[name]) for name in ("train", "validation"))
    labels = validation.labels.numpy()
    names, metric, task = tuple(spec.modalities), spec.task.metric, spec.task
    turn = 1.0 if METRICS[metric].higher else -1.0

    def fitted(estimator: Any, of: tuple[str, ...]) -> BaselineModel:
        part = spec.model_copy(update={"modalities": {name: spec.modalities[name] for name in of}})
        model = BaselineModel(estimator, part)
        with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
            # Of fits that did not converge, and of columns in which nothing varies: the score tells enough.
            warnings.simplefilter("ignore")
            model.fit(train.only(of))
        return model

    def says(model: BaselineModel, of: tuple[str, ...]) -> np.ndarray:
        return predictions(task.kind, model(validation.only(of).rows(slice(None))[0]).numpy())

    def quality(found: np.ndarray, mask: np.ndarray | slice = slice(None)) -> float:
        return turn * score(metric, task, found[mask], labels[mask])

    alone: dict[str, list[np.ndarray]] = {name: [] for name in names}
    joint: list[np.ndarray] = []
    for name in MODELS:
        info = get("baseline", name, where="joint signal")
        most = info.attribute("most_classes")
        if most is not None and task.kind != "regression" and len(task.targets) > most:
            continue
        last = info.cls().model(0, task)
        parts, widths = {}, []
        for modality in names:
            parts[modality] = model = fitted(make_pipeline(*_components(), clone(last)), (modality,))
            alone[modality].append(says(model, (modality,)))
            widths.append(model.parts[0][1].n_features_in_)
        ends = np.cumsum(widths)
        each = [
            (modality, make_pipeline(*_components()), slice(int(end - width), int(end)))
            for modality, width, end in zip(names, widths, ends, strict=True)
        ]
        joint.append(says(fitted(make_pipeline(ColumnTransformer(each), last), names), names))
        joint.append(np.mean([alone[modality][-1] for modality in names], axis=0))
    guess = np.broadcast_to(_guess(spec, train.labels.numpy()), joint[0].shape)
    best = {modality: max(found, key=quality) for modality, found in alone.items()}
    first, together = max(best.values(), key=quality), max(joint, key=quality)
    part = deal(len(labels)) if groups is None else deal_groups(groups)

    def ahead(found: np.ndarray, of: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """By how much, and the half width of its interval."""
        moved = deviations(lambda mask: quality(found, mask) - quality(of, mask), part)
        return quality(found) - quality(of), half_width(moved, confidence)

    gain, half = ahead(together, first)
    # The best of several is flattered by being chosen on these very samples.
    candidates = len(joint) + sum(map(len, alone.values()))
    # One side alone is asked for.
    sure = 1 - 2 * (1 - CONFIDENCE) / candidates
    learnt = [by > around for by, around in (ahead(found, guess, sure) for found in (together, first))]
    return JointSignal(
        metric=metric,
        alone={modality: turn * quality(found) for modality, found in best.items()},
        together=turn * quality(together),
        gain=gain,
        half=half,
        margin=margin(metric, rope, guess=quality(guess), samples=len(labels)),
        learnt=any(learnt),
        samples=(len(train), len(validation)),
        groups=None if groups is None else len(set(groups)),
    )


def _guess(spec: DataSpec, labels: np.ndarray) -> np.ndarray:
    """What to say without the input: how often each class or label is true, or the mean of the numbers."""
    if spec.task.kind in ("classification", "binary"):
        return np.bincount(labels, minlength=len(spec.task.targets)) / len(labels)
    return np.asarray(labels.mean(axis=0), np.float64)


def _components() -> tuple[StandardScaler, PCA]:
    """Of one modality: as many as there are, up to COMPONENTS."""
    return StandardScaler(), _FewPrincipalComponents()


class _FewPrincipalComponents(PCA):
    """PCA of up to COMPONENTS, and fewer where there are fewer columns or samples."""

    def __init__(self) -> None:
        super().__init__(n_components=None, random_state=0)

    def fit(self, x: np.ndarray, y: Any = None) -> PCA:
        self.n_components = min(COMPONENTS, *x.shape)
        return super().fit(x, y)

    def fit_transform(self, x: np.ndarray, y: Any = None) -> np.ndarray:
        self.n_components = min(COMPONENTS, *x.shape)
        return super().fit_transform(x, y)
