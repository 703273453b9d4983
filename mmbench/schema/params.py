"""Everything that a person sets (params.yaml), and the resolved configuration of one trial.

No torch here: reading and checking settings must be quick.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from mmbench.errors import suggest
from mmbench.schema.duration import Duration
from mmbench.schema.strict_yaml import Fraction, Frozen, Names, Positive, as_tuple, load_yaml, parse
from mmbench.schema.tuning import Distribution, Tuning


class Choice(Frozen):
    """A variant by name, with the options of its constructor that differ from their defaults."""

    name: str
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """`name`, or `name(option=value)`: the level that tables show."""
        inside = ", ".join(f"{k}={v}" for k, v in sorted(self.options.items()))
        return f"{self.name}({inside})" if inside else self.name


def _as_choice(value: Any) -> Any:
    """`additive` or `{additive: {score_dim: 4}}` -> the fields of a Choice."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and "name" not in value and len(value) == 1:
        ((name, options),) = value.items()
        return {"name": name, "options": {} if options is None else options}
    if isinstance(value, dict) and "name" not in value:
        raise ValueError("expected one `name`, or one `name: {option: value}` an entry")
    return value


def _as_levels(value: Any) -> Any:
    if not isinstance(value, list) and value not in GROUPS:
        raise ValueError(f"expected core, full, all, or a list of names such as [mean, additive], not {value!r}")
    return as_tuple(value)


GROUPS = ("core", "full", "all")
Level = Annotated[Choice, BeforeValidator(_as_choice)]
Levels = Annotated[
    Literal["core", "full", "all"] | Annotated[tuple[Level, ...], Field(min_length=1)], BeforeValidator(_as_levels)
]
Seeds = Annotated[int, Field(ge=1, le=1000)]


def _as_probes(value: Any) -> Any:
    if not isinstance(value, list) and value not in PROBE_GROUPS:
        raise ValueError(f"expected default, all, or a list of names such as [calibration, noise], not {value!r}")
    if isinstance(value, list) and (group := next((x for x in value if x in PROBE_GROUPS), None)) is not None:
        raise ValueError(f"{group} stands alone, not in a list of names: probes: {group}")
    return as_tuple(value)


PROBE_GROUPS = ("default", "all")
Probes = Annotated[Literal["default", "all"] | tuple[str, ...], BeforeValidator(_as_probes)]


class Race(Frozen):
    """Seeds by need: every method gets `least`, and those on which there is no verdict yet more, up to `most`."""

    least: Annotated[int, Field(ge=2, le=1000)]
    most: Annotated[int, Field(ge=2, le=1000)]

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Race:
        if self.most < self.least:
            raise ValueError(f"most is {self.most}, which is fewer than least, {self.least}")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """The seeds after which there is a look: half as many more each time, but no last look for a few seeds more,
        which could spend little error."""
        found = [self.least]
        while found[-1] < self.most:
            following = math.ceil(1.5 * found[-1])
            few = self.most - following < (following - found[-1]) / 2 + 1
            found.append(self.most if few else following)
        return tuple(found)


def is_plain_name(name: str) -> bool:
    """Whether it can name a data set. It becomes a folder that `prepare` replaces: a path could replace any folder."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) is not None


def _plain_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not is_plain_name(name):
            raise ValueError(f"data set name {name!r}: use letters, digits, _, - and . only")
    return names


class Grid(Frozen):
    """What is compared: `core` (what the source article defines), `full` (everything found), or a list of names."""

    datasets: Annotated[Names, Field(min_length=1), AfterValidator(_plain_names)]
    attention: Levels
    fusion: Levels
    architecture: Levels
    seeds: Seeds | Race

    @property
    def race(self) -> Race | None:
        """None where every method gets the same number of seeds."""
        return self.seeds if isinstance(self.seeds, Race) and self.seeds.most > self.seeds.least else None

    @property
    def least_seeds(self) -> int:
        """Of every method."""
        return self.seeds if isinstance(self.seeds, int) else self.seeds.least

    @property
    def most_seeds(self) -> int:
        """Of any method."""
        return self.seeds if isinstance(self.seeds, int) else self.seeds.most


LONGEST = 16
"""The largest multiple of a budget that a ladder may have."""


def _ladder(factors: tuple[float, ...]) -> tuple[float, ...]:
    for factor in factors:
        if not 0 < factor <= LONGEST or factor == 1:
            raise ValueError(
                f"{factor:g} is no other budget: give multiples of the data set's own, such as 0.5 and 2, above 0, at "
                f"most {LONGEST}, and not 1"
            )
    if len(set(factors)) < len(factors):
        raise ValueError("a budget is named twice; remove one")
    return tuple(sorted(factors))


class Controls(Frozen):
    """The ring around the grid: every single modality under each attention, and baselines that are not deep.

    budgets: multiples of each data set's budget at which all trained methods are looked at once more, with one seed.
    """

    single_modalities: bool
    baselines: Names
    budgets: Annotated[tuple[float, ...], BeforeValidator(as_tuple), AfterValidator(_ladder)] = ()


class ModelSize(Frozen):
    """How large a model is. `width` must be a multiple of `heads`.

    An MLP has round(mlp_ratio x width) hidden units and a head round(head_ratio x width), each at least one.
    """

    width: Positive
    depth: Positive
    heads: Positive
    mlp_ratio: Annotated[float, Field(gt=0)]
    head_ratio: Annotated[float, Field(gt=0)] = 1.0

    @pydantic.model_validator(mode="after")
    def _divisible(self) -> ModelSize:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self

    @property
    def mlp_hidden(self) -> int:
        return max(1, round(self.mlp_ratio * self.width))

    @property
    def head_hidden(self) -> int:
        return max(1, round(self.head_ratio * self.width))


class ModelSettings(ModelSize):
    """The size of every cell or, with `match_params`, of the reference cell that sets the number of parameters for all
    (mmbench.sweep.planning.match_parameters)."""

    match_params: bool = False

    @property
    def size(self) -> ModelSize:
        return ModelSize(**{name: getattr(self, name) for name in ModelSize.model_fields})


Epochs = Annotated[int, Field(gt=0, le=1_000_000)]
Rate = Annotated[float, Field(gt=0)]


class TrainingSettings(Frozen):
    """The one budget for all methods on a data set.

    epochs, learning_rate: auto: found for each data set before its sweep, as `mmbench.sweep.rounds.calibration` says.
    patience: epochs without a better validation score before stopping; null = off. class_weights: balanced lets
    classes (and labels) weigh inversely to how often they occur. dropout: of embedded tokens, of what attention adds
    and of hidden units of MLPs. label_smoothing: the share of a label that is spread over all classes. averaging:
    weights are validated, kept and tested as their moving average over this part of the steps so far; 0: as they are.
    modality_dropout: the probability that a modality of a sample is hidden in a step of training; one is always kept.
    """

    epochs: Epochs | Literal["auto"]
    batch_size: Positive
    learning_rate: Rate | Literal["auto"]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Fraction
    clip_norm: Annotated[float, Field(gt=0)]
    patience: Positive | None
    precision: Literal["auto", "float32", "bfloat16"]
    class_weights: Literal["none", "balanced"] = "none"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.0
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def is_auto(self) -> bool:
        """Whether something is to be found first."""
        return "auto" in (self.epochs, self.learning_rate)

    def resolved(self, *, epochs: int, learning_rate: float) -> Training:
        """With these in place of what is auto."""
        fields = dict(self)
        found = {"epochs": epochs, "learning_rate": learning_rate}
        return Training(**fields | {name: x for name, x in found.items() if fields[name] == "auto"})


class Training(TrainingSettings):
    """The same in numbers, as a trial has it."""

    epochs: Epochs
    learning_rate: Rate


class Sweep(Frozen):
    """How trials are run; none of it is part of a trial's identity.

    budget: seconds of training, of all trials together: no round of a race begins that would go beyond them, by what
    trials have taken so far. keep_weights: GB in all. group: seeds and configurations of one combination that are
    trained as one program, at most; 1: each alone. time_alone: when all are done, time models of each method with
    nothing else running.
    """

    at_once: Positive | Literal["auto"]
    per_gpu: Positive | Literal["auto"]
    time_limit_s: Annotated[float, Field(gt=0, le=31_536_000)] | None
    memory_limit_gb: Annotated[float, Field(gt=0, le=1_000_000)] | None
    retries: Annotated[int, Field(ge=0)]
    keep_weights: Annotated[float, Field(ge=0, le=1_000_000)] = 2.0
    budget: Duration | None = None
    group: Annotated[int, Field(ge=1, le=1024)] = 1
    time_alone: bool = True


class Tracking(Frozen):
    """MLflow: a view for people, never the record."""

    enabled: bool
    experiment: Annotated[str, Field(min_length=1, pattern=r"^[^/]+$")]


class ReportSettings(Frozen):
    """metric: auto (each data set's own main metric), or one by name. confidence: of intervals; those that decide on
    equality have twice that less one, so it is more than a half. rope: differences within it count as equal (region of
    practical equivalence)."""

    metric: str
    confidence: Annotated[float, Field(gt=0.5, le=0.9999)]
    rope: Annotated[float, Field(ge=0, lt=1)]


class Params(Frozen):
    """params.yaml. What a data set is stands in its card, `data/raw/<name>/dataset.yaml`. probes: what is measured on
    trained models: what is usual, whatever there is, or these by name."""

    grid: Grid
    controls: Controls
    model: ModelSettings
    train: TrainingSettings
    sweep: Sweep
    tracking: Tracking
    report: ReportSettings
    tuning: Tuning = Field(default_factory=Tuning)
    probes: Probes = "default"

    @pydantic.model_validator(mode="after")
    def _limits_a_race(self) -> Params:
        if self.sweep.budget is not None and self.grid.race is None:
            raise ValueError(
                "sweep.budget ends a race early, and there is none: set grid.seeds to {least: 3, most: 12}, or "
                "sweep.budget to null"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _trainable(self) -> Params:
        plain = self.train.resolved(epochs=1, learning_rate=0.003)
        for name, space in self.tuning.space.items():
            check_space(plain, name, space)
        return self


def check_space(train: Training, name: str, space: Distribution) -> None:
    """Raises ValueError where a draw would be no possible setting of `train`."""
    known = type(train).model_fields
    if name not in known:
        raise ValueError(f"tuning.space: `train` has no setting {name!r}{suggest(name, known)}")
    usual = getattr(train, name)
    if space.times and (not isinstance(usual, int | float) or isinstance(usual, bool)):
        raise ValueError(f"tuning.space.{name}: {usual!r}, of `train`, is no number to multiply")
    steps = max(16, len(space.values))
    for value in [space.at(i / steps, usual) for i in range(steps + 1)]:
        try:
            Training(**dict(train) | {name: value})
        except pydantic.ValidationError as error:
            why = error.errors(include_url=False)[0]["msg"]
            raise ValueError(f"tuning.space.{name} allows {value!r}: {why[0].lower()}{why[1:]}") from None


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml. Raises UserError naming the place and the remedy."""
    raw = load_yaml(path, Params.model_fields, "run this in the project's folder, or name the file")
    params: Params = parse(Params, raw, path)
    return params
