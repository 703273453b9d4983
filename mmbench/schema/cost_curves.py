"""How cost grows with the number of tokens: what `mmbench cost-curves` leaves behind, and the exponent it shows.

No PyTorch: the report reads these files too.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import BeforeValidator, Field

from mmbench import atomic
from mmbench.errors import UserError
from mmbench.schema.strict_yaml import Frozen

FOLDER = Path("data") / "profile"
"""Of a project: one file per kind of device."""
LENGTHS = tuple(2**power for power in range(7, 15))
"""Tokens at which mechanisms are measured unless others are asked for."""
REFERENCE = "scaled_dot_product"
"""The exact softmax, with which the others are compared."""
ASYMPTOTIC = 1024
"""Tokens from which an exponent is fitted: below, fixed costs hide how cost grows."""

FEWEST = 3
"""Lengths behind an exponent: with two there is no telling how far off it is."""
RESTLESS = 0.3
"""Times that vary by more than this share say that something else ran on the machine."""

LONGEST = 10**9
"""Tokens that can be asked for."""

Quantity = Literal["forward", "training", "memory"]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Point(Frozen):
    """Cost at one length, in self-attention on real tokens only. Seconds of wall time: median, interquartile range.

    training: forward and backward. memory: bytes that these two need at most at one time, beside their inputs.
    """

    length: Annotated[int, Field(gt=0, le=LONGEST)]
    forward: Annotated[float, Field(gt=0)]
    forward_iqr: Annotated[float, Field(ge=0)]
    training: Annotated[float, Field(gt=0)]
    training_iqr: Annotated[float, Field(ge=0)]
    memory: Annotated[int, Field(ge=0)]


class Stop(Frozen):
    """The first length that was not measured, and why."""

    length: Annotated[int, Field(gt=0, le=LONGEST)]
    why: Literal["out of memory", "too long", "failed"]
    message: str


class Series(Frozen):
    """One mechanism at growing lengths. stop: None where it went all the way."""

    attention: str
    points: Annotated[tuple[Point, ...], BeforeValidator(_as_tuple)]
    stop: Stop | None

    def at(self, length: int) -> Point | None:
        return next((p for p in self.points if p.length == length), None)

    def fit(self, quantity: Quantity, *, least: int = ASYMPTOTIC) -> Fit | None:
        """The exponent over the measured lengths of at least `least` tokens; None with fewer than three of them."""
        known = [p for p in self.points if p.length >= least and getattr(p, quantity) > 0]
        if len(known) < FEWEST:
            return None
        return fit([p.length for p in known], [getattr(p, quantity) for p in known])


class Profile(Frozen):
    """All that one run of `mmbench cost-curves` measured, and under which conditions.

    device: "cpu" or "cuda"; hardware: its name. limits: `seconds` of one pass and `memory_gb`, beyond which a mechanism
    is stopped. started: ISO 8601, UTC.
    """

    device: str
    hardware: str
    precision: str
    threads: int
    batch: int
    heads: int
    width: int
    limits: dict[str, float]
    versions: dict[str, str]
    commit: str | None
    started: str
    series: Annotated[tuple[Series, ...], BeforeValidator(_as_tuple)]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length that was asked for and measured, or at which a mechanism was stopped."""
        found = {p.length for s in self.series for p in s.points} | {s.stop.length for s in self.series if s.stop}
        return tuple(sorted(found))

    @property
    def measured(self) -> bool:
        """Whether anything was: every mechanism may have been stopped at once."""
        return any(s.points for s in self.series)

    @property
    def unrest(self) -> float:
        """How much times vary: the interquartile range as a share of the median, in the worst tenth of the points."""
        shares = sorted(p.training_iqr / p.training for s in self.series for p in s.points)
        return shares[int(0.9 * (len(shares) - 1))] if shares else 0.0

    def of(self, attention: str) -> Series | None:
        return next((s for s in self.series if s.attention == attention), None)

    def speedup(self, series: Series, length: int) -> float | None:
        """How many times as fast as the exact softmax a training pass is at that length, in this run."""
        exact = self.of(REFERENCE)
        slow, quick = (s.at(length) if s else None for s in (exact, series))
        return slow.training / quick.training if slow and quick else None


@dataclass(frozen=True, kw_only=True)
class Fit:
    """cost ~ length^exponent by least squares on logarithms. half: of the 95 % interval, None with two points."""

    exponent: float
    half: float | None
    first: int
    last: int


def fit(lengths: Sequence[int], values: Sequence[float]) -> Fit | None:
    """None with fewer than two different lengths."""
    if len(set(lengths)) < 2:
        return None
    # Late: the command line's help must be quick.
    from scipy import stats

    found = stats.linregress([math.log(n) for n in lengths], [math.log(v) for v in values])
    free = len(lengths) - 2
    half = float(stats.t.ppf(0.975, free) * found.stderr) if free > 0 else None
    return Fit(exponent=float(found.slope), half=half, first=min(lengths), last=max(lengths))


def check_writable(folder: Path) -> None:
    """Raises UserError where `save` could not write, so that nothing is measured in vain."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="."):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder} cannot be written ({error.strerror or error}); make it a folder with room to write in")


def save(profile: Profile, folder: Path, *, keep: bool = False) -> Path:
    """Write `<device>.json` in the folder, whole or not at all; returns where. keep: the last one as `.json.before`."""
    file = folder / f"{profile.device}.json"
    try:
        with atomic.replacing(file) as stream:
            stream.write(profile.model_dump_json(indent=1).encode() + b"\n")
            if keep and file.is_file():
                file.replace(file.with_suffix(".json.before"))
    except OSError as error:
        raise _unwritable(folder, error) from None
    return file


def load(folder: Path) -> tuple[Profile, ...]:
    """Every profile in the folder, by device. Raises UserError for a file that is none."""
    return tuple(_load(file) for file in sorted(folder.glob("*.json")))


def _load(file: Path) -> Profile:
    try:
        return Profile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error}); remove it or allow reading it") from None
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(x) for x in first["loc"])
        raise UserError(
            f"{file} is no profile ({f'{where}: ' if where else ''}{first['msg']}); run `mmbench cost-curves` again"
        ) from None
