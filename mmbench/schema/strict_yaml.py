"""Files that people write and mmbench reads: YAML and JSON as checked models, with errors that help.

No torch here: reading and checking settings must be quick.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import pydantic
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import ErrorDetails

from mmbench.errors import UserError, suggest


class Frozen(BaseModel):
    """Immutable, and strict: an unknown key or a wrong type is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def as_tuple(value: Any) -> Any:
    """Lists of JSON and YAML as the tuples that frozen models hold."""
    return tuple(value) if isinstance(value, list) else value


Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]

_UNION_MEMBER = re.compile(r"\[|^(int|float|str|bool|constrained-\w+)$")


def _known_keys(model: Any, path: tuple[Any, ...]) -> list[str]:
    """The field names that were possible at `path`, for a hint."""
    for part in path:
        fields = getattr(model, "model_fields", None)
        if not fields or part not in fields:
            return []
        model = fields[part].annotation
    # Of a place that may hold a mapping or something else, the keys of the mapping.
    return [key for each in (model, *get_args(model)) for key in getattr(each, "model_fields", {})]


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
        elif own := [e for e in found if e["type"] == "value_error"]:
            # Of the right type, but not possible: what other types would be is beside the point.
            yield f"{file}: {place}{': ' if place else ''}{_problem(own[0])}"
        elif not any(longer[: len(path)] == path for longer in problems if longer != path):
            value = repr(found[0]["input"])
            value = value if len(value) <= 80 else f"{value[:77]}..."
            yield f"{file}: {place} is {value}: {', or '.join(dict.fromkeys(_problem(e) for e in found))}"


LARGEST = 2**53
"""Integers up to which every one is a floating-point number as well."""


def _too_large(raw: Any, path: tuple[str, ...] = (), seen: set[int] | None = None) -> Iterator[str]:
    """The places of integers beyond LARGEST. seen: what was looked at; an alias may lead back to it."""
    seen = set() if seen is None else seen
    if isinstance(raw, int) and abs(raw) > LARGEST:
        yield ".".join(path)
    each = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    if not each or id(raw) in seen:
        return
    seen.add(id(raw))
    for key, value in each:
        yield from _too_large(value, (*path, str(key)), seen)


def parse(model: type[BaseModel], raw: Any, file: Path) -> Any:
    """Validate `raw`, read from `file`, as `model`. Raises UserError with one line a problem."""
    if places := list(_too_large(raw)):
        raise UserError("\n".join(f"{file}: {place}: should be a number of at most 15 digits" for place in places))
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
            if not isinstance(key, str):
                continue
            if key in lines:
                where = f"lines {lines[key]} and {line}" if lines[key] != line else f"line {line}"
                raise yaml.YAMLError(f"{key!r} appears twice, in {where}")
            lines[key] = line
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
