"""Everything that a person sets (params.yaml), and the resolved configuration of one trial.

No torch here: reading and checking settings must be quick.
"""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import ErrorDetails

from mmbench.metrics import MAIN, TaskKind, fitting
from mmbench.registry import UserError, suggest


class Frozen(BaseModel):
    """Immutable, and strict: an unknown key or a wrong type is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Choice(Frozen):
    """A variant by name, with the options of its constructor that differ from their defaults."""

    name: str
    options: dict[str, JsonValue] = {}

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


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _as_levels(value: Any) -> Any:
    if not isinstance(value, list) and value not in GROUPS:
        raise ValueError(f"expected core, full, all, or a list of names such as [mean, additive], not {value!r}")
    return _as_tuple(value)


GROUPS = ("core", "full", "all")
Level = Annotated[Choice, BeforeValidator(_as_choice)]
Levels = Annotated[
    Literal["core", "full", "all"] | Annotated[tuple[Level, ...], Field(min_length=1)], BeforeValidator(_as_levels)
]
Seeds = Annotated[int, Field(ge=1, le=1000)]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


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
    seeds: Seeds


class Controls(Frozen):
    """The ring around the grid: every single modality under each attention, and baselines that are not deep."""

    single_modalities: bool
    baselines: Names


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
    """The size of every cell or, with `match_params`, of the reference cell (mmbench.sweep.match) that sets the number
    of parameters for all."""

    match_params: bool = False

    @property
    def size(self) -> ModelSize:
        return ModelSize(**{name: getattr(self, name) for name in ModelSize.model_fields})


class Training(Frozen):
    """The one budget for all cells.

    patience: epochs without a better validation score before stopping; null = off. class_weights: balanced lets classes
    (and labels) weigh inversely to how often they occur.
    """

    epochs: Positive
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Fraction
    clip_norm: Annotated[float, Field(gt=0)]
    patience: Positive | None
    precision: Literal["auto", "float32", "bfloat16"]
    class_weights: Literal["none", "balanced"] = "none"


class Sweep(Frozen):
    """How trials are run; none of it is part of a trial's identity."""

    at_once: Positive | Literal["auto"]
    per_gpu: Positive | Literal["auto"]
    time_limit_s: Annotated[float, Field(gt=0, le=31_536_000)] | None
    memory_limit_gb: Annotated[float, Field(gt=0, le=1_000_000)] | None
    retries: Annotated[int, Field(ge=0)]


class Tracking(Frozen):
    """MLflow: a view for people, never the record."""

    enabled: bool
    experiment: Annotated[str, Field(min_length=1, pattern=r"^[^/]+$")]


class ReportSettings(Frozen):
    """metric: auto (each data set's own main metric), or one by name. confidence: of intervals. rope: differences
    within it count as equal (region of practical equivalence)."""

    metric: str
    confidence: Annotated[float, Field(gt=0, lt=1)]
    rope: Annotated[float, Field(ge=0, lt=1)]


class Params(Frozen):
    """params.yaml. What a data set is stands in its card, `data/raw/<name>/dataset.yaml`."""

    grid: Grid
    controls: Controls
    model: ModelSettings
    train: Training
    sweep: Sweep
    tracking: Tracking
    report: ReportSettings


class Task(Frozen):
    """What is predicted.

    targets: names of the classes, of the labels, or of the numbers; of a binary task the second is the positive class.
    metric: the main one (`mmbench.metrics`): it chooses the epoch and leads the report. affect: whether the metrics
    customary for sentiment are reported too.
    """

    kind: TaskKind
    targets: Annotated[Names, Field(min_length=1)]
    metric: str
    affect: bool = False

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Task:
        # The loss is trained on, and differs from data set to data set: it can be looked at, but does not lead.
        known = [name for name in fitting(self.kind, affect=self.affect) if name != "loss"]
        if self.metric not in known:
            raise ValueError(f"metric {self.metric!r} is none of a {self.kind} task{suggest(self.metric, known)}")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("two targets have one name")
        if self.kind == "binary" and len(self.targets) != 2:
            raise ValueError(f"a binary task has two classes, not {len(self.targets)}")
        if self.affect and len(self.targets) != 1:
            raise ValueError("the affect metrics are for one target")
        return self


def task_of(kind: TaskKind, targets: Iterable[str], metric: str | None = None, *, affect: bool = False) -> Task:
    """A task with the main metric that is usual for its kind, unless another is named."""
    return Task(kind=kind, targets=tuple(targets), metric=metric or MAIN[kind], affect=affect)


class Normal(Frozen):
    """Means and standard deviations along one axis of a sample, from the training split: (x - mean) / std."""

    axis: int
    mean: Annotated[tuple[float, ...], BeforeValidator(_as_tuple)]
    std: Annotated[tuple[float, ...], BeforeValidator(_as_tuple)]


class Modality(Frozen):
    """One modality of a prepared data set. `kind` names its stem, `options` that stem's options.

    shape: of one sample, as stored. evidence: whether the data set says which tokens carry the label. normal: what
    stored values are normalised by when a model reads them. missing: the share of samples that lack it.
    """

    kind: str
    shape: Annotated[tuple[Positive, ...], BeforeValidator(_as_tuple)]
    options: dict[str, Any] = {}
    evidence: bool = False
    normal: Normal | None = None
    missing: Fraction = 0.0


class DataSpec(Frozen):
    """spec.json of a prepared data set.

    splits: samples in each. chance: the main metric of the best constant guess on the test split, where it is known.
    ceiling: the best value of the main metric that the planted corruption allows, where known. scale: of a regression,
    by which the targets are normalised in training. hash: SHA-256 over the arrays and this description.
    """

    name: str
    description: str
    modalities: dict[str, Modality]
    task: Task
    splits: dict[str, Positive]
    chance: float | None
    ceiling: float | None
    ceiling_why: str = ""
    carriers: Names = ()
    scale: Normal | None = None
    licence: str
    source: str
    citation: str = ""
    notes: Names = ()
    hash: str


Role = Literal["cell", "single", "baseline"]


class TrialConfig(Frozen):
    """One job, fully resolved.

    `fusion` and `architecture` are null for a single modality; a baseline has only a name.
    """

    role: Role
    dataset: str
    modalities: Names
    attention: Choice | None = None
    fusion: Choice | None = None
    architecture: Choice | None = None
    baseline: str | None = None
    seed: Annotated[int, Field(ge=0)]
    model: ModelSize | None = None
    train: Training | None = None

    @property
    def cell(self) -> str:
        """What is compared, without data set and seed: `additive + concat · shared`."""
        if self.role == "baseline":
            return f"{self.baseline} baseline"
        assert self.attention is not None
        if self.role == "single":
            return f"{self.attention.label} · {self.modalities[0]} alone"
        assert self.fusion is not None and self.architecture is not None
        return f"{self.attention.label} + {self.fusion.label} · {self.architecture.label}"

    @property
    def name(self) -> str:
        """`additive + concat · shared · synergy · s0`."""
        return f"{self.cell} · {self.dataset} · s{self.seed}"

    def canonical(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


_UNION_MEMBER = re.compile(r"\[|^(int|float|str|bool|constrained-\w+)$")


def _known_keys(model: Any, path: tuple[Any, ...]) -> list[str]:
    """The field names that were possible at `path`, for a hint."""
    for part in path:
        fields = getattr(model, "model_fields", None)
        if not fields or part not in fields:
            return []
        model = fields[part].annotation
    return list(getattr(model, "model_fields", {}))


def _problem(error: ErrorDetails) -> str:
    """pydantic's words, in those of someone who writes YAML."""
    text = (
        error["msg"]
        .replace("Tuple", "list")
        .removeprefix("Value error, ")
        .replace("tuple", "list")
        .replace(" after validation", "")
    )
    text = re.sub(r"dictionary( or instance of \w+)?", "mapping", text)
    text = text.replace("Input should", "should")
    if error["type"] == "float_type" and isinstance(error["input"], str) and _is_number(error["input"]):
        text += f" (YAML takes {error['input']} for text; write {float(error['input'])!r})"
    return text


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _path(location: tuple[int | str, ...], raw: Any) -> tuple[str, ...]:
    """The keys that lead to a place in `raw`; pydantic puts the alternatives of a union between them."""
    path = []
    for part in location:
        known = isinstance(raw, dict) and part in raw
        if isinstance(part, str) and _UNION_MEMBER.search(part) and not known:
            continue
        path.append(str(part))
        indexed = isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        raw = raw[part] if known or indexed else None
    return tuple(path)


def _sentences(error: pydantic.ValidationError, model: type[BaseModel], raw: Any, file: Path) -> Iterator[str]:
    """One plain sentence a place. Where a value may be of several types, their complaints are joined."""
    problems: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for e in error.errors(include_url=False):
        problems.setdefault(_path(e["loc"], raw), []).append(e)
    hints = {
        path: suggest(path[-1], known) if (known := _known_keys(model, path[:-1])) else ""
        for path, found in problems.items()
        if found[0]["type"] == "extra_forbidden"
    }
    for path, found in problems.items():
        place = ".".join(path)
        if path in hints:
            yield f"{file}: unknown key {place!r}{hints[path]}"
        elif found[0]["type"] == "missing":
            misspelt = any(p[:-1] == path[:-1] and hint.endswith(f"{path[-1]!r}?") for p, hint in hints.items())
            if not misspelt:
                yield f"{file}: {place!r} is missing"
        elif found[0]["type"] == "value_error":
            yield f"{file}: {place}{': ' if place else ''}{_problem(found[0])}"
        elif not any(longer[: len(path)] == path for longer in problems if longer != path):
            value = repr(found[0]["input"])
            value = value if len(value) <= 80 else f"{value[:77]}..."
            yield f"{file}: {place} is {value}: {', or '.join(dict.fromkeys(_problem(e) for e in found))}"


def parse(model: type[BaseModel], raw: Any, file: Path) -> Any:
    """Validate `raw`, read from `file`, as `model`. Raises UserError with one line a problem."""
    try:
        return model.model_validate(raw)
    except pydantic.ValidationError as error:
        raise UserError("\n".join(_sentences(error, model, raw, file))) from None


class _OnceLoader(yaml.SafeLoader):
    """YAML in which a key may stand once: PyYAML would silently take the last, DVC refuses the file."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if isinstance(key, str) and lines.setdefault(key, line) != line:
                raise yaml.YAMLError(f"{key!r} stands twice, in lines {lines[key]} and {line}")
        return super().construct_mapping(node, deep)


def load_yaml(path: Path, keys: Iterable[str], remedy: str = "name the file") -> dict[str, Any]:
    """A mapping from a YAML file; keys: those it may have. Raises UserError naming the place and the remedy."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe would be waited for, for ever.
            raise UserError(f"{path} is no regular file; {remedy}")
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_OnceLoader)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {remedy}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    # PyYAML lets its own constructors' errors through: a 13th month, `!!int x`, ten thousand opening brackets.
    except UserError:
        raise
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path} is empty or not a mapping; the keys it needs: {', '.join(keys)}")
    return raw


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml. Raises UserError naming the place and the remedy."""
    raw = load_yaml(path, Params.model_fields, "run this in the project's folder, or name the file")
    params: Params = parse(Params, raw, path)
    return params
