"""The space that configurations are drawn from, and how: section `tuning` of params.yaml. No torch here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import pydantic
from pydantic import BeforeValidator, Field, JsonValue

from mmbench.schema.strict_yaml import Frozen, as_tuple

Kind = Literal["log_uniform", "uniform", "choice"]
KINDS: tuple[Kind, ...] = ("log_uniform", "uniform", "choice")


class Distribution(Frozen):
    """What a hyperparameter may be.

    kind: log_uniform and uniform: `values` are the two ends; choice: they are what there is to choose from. times:
    multiplies what configuration 0 has, such as a learning rate that was found.
    """

    kind: Kind
    values: tuple[JsonValue, ...]
    times: bool = False

    @pydantic.model_validator(mode="after")
    def _possible(self) -> Distribution:
        numbers = [x for x in self.values if isinstance(x, int | float) and not isinstance(x, bool)]
        if not self.values:
            raise ValueError(f"{self.kind} has no values")
        if (self.kind != "choice" or self.times) and len(numbers) < len(self.values):
            raise ValueError(f"{self.kind}: {self.values!r} are not all numbers")
        if any(not math.isfinite(x) for x in numbers):
            raise ValueError(f"{self.kind}: {self.values!r} are not all finite")
        if self.kind != "choice" and (len(numbers) != 2 or numbers[0] >= numbers[1]):
            raise ValueError(f"{self.kind} needs two ends, the lower one first, such as [0.001, 0.1]")
        if self.kind == "log_uniform" and numbers[0] <= 0:
            raise ValueError(f"log_uniform: {numbers[0]} has no logarithm; its ends must be above 0")
        return self

    def at(self, share: float, usual: JsonValue) -> JsonValue:
        """The value below which this share (0 to 1) of the distribution lies. usual: of configuration 0."""
        value: Any
        if self.kind == "choice":
            value = self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        else:
            low, high = (float(x) for x in self.values)  # type: ignore[arg-type]
            value = low * (high / low) ** share if self.kind == "log_uniform" else low + (high - low) * share
        if self.times:
            value = cast(float, usual) * value
        drawn = self.kind != "choice" or self.times
        return max(1, round(value)) if drawn and isinstance(usual, int) else value


def _as_distribution(value: Any) -> Any:
    """`{log_uniform: [0.001, 0.1]}` or `{times: {choice: [0.5, 1, 2]}}` -> the fields of a Distribution."""
    shape = "one of log_uniform: [low, high], uniform: [low, high], choice: [values], or times: with one of these"
    if isinstance(value, Mapping) and "kind" in value:
        return {**value, "values": as_tuple(value.get("values"))}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(f"expected {shape}, not {value!r}")
    ((kind, values),) = value.items()
    if kind == "times":
        inside = _as_distribution(values)
        if inside.get("times"):
            raise ValueError("times stands in times; once is enough")
        return inside | {"times": True}
    if kind not in KINDS:
        raise ValueError(f"expected {shape}, not {kind!r}")
    if not isinstance(values, list | tuple):
        raise ValueError(f"{kind}: expected a list of values, not {values!r}")
    return {"kind": kind, "values": as_tuple(values)}


def distribution(value: Mapping[str, Any]) -> Distribution:
    """As in params.yaml: what a variant declares. Raises ValueError."""
    try:
        return Distribution(**_as_distribution(value))
    except pydantic.ValidationError as error:
        raise ValueError(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")) from None


Space = dict[str, Annotated[Distribution, BeforeValidator(_as_distribution)]]


class Tuning(Frozen):
    """How many configurations every method is trained under with each seed, and what they are drawn from.

    configurations: number 0 is what `train` says (with what was found), the others are drawn. space: by the name of a
    setting of `train`; what a variant declares of its own is drawn besides.
    """

    configurations: Annotated[int, Field(ge=1, le=1000)] = 1
    space: Space = Field(default_factory=dict)


def share(seed: int, configuration: int, name: str) -> float:
    """Where in its distribution a hyperparameter is drawn: even over 0 to 1, and of these three alone. So all methods
    have the same draws, and adding a hyperparameter moves no other."""
    digest = hashlib.sha256(f"{seed}|{configuration}|{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def choose(scores: Sequence[float | None]) -> int | None:
    """Which configuration of a study counts: the best on validation, of equals the first; None where none has a score.

    scores: on validation, so turned that more is better; None of one that did not end well, which is the worst.
    """
    known = [(score, -i) for i, score in enumerate(scores) if score is not None]
    return -max(known)[1] if known else None
