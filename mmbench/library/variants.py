"""Levels of an axis as a caller writes them: names, options, or classes that are defined in a script or a notebook."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmbench.errors import UserError
from mmbench.model.interfaces import Architecture, Attention, Fusion, Stem
from mmbench.registry import Axis, Variant, check_options, define, defined, get, variants

BASES: Mapping[type, Axis] = {
    Attention: "attention",
    Fusion: "fusion",
    Architecture: "architecture",
    Stem: "stem",
}
GROUPS = ("core", "full", "all")


def axis_of(cls: Any) -> Axis:
    """The axis that a class belongs to. Raises UserError where it has the base of none."""
    for base, axis in BASES.items():
        if inspect.isclass(cls) and issubclass(cls, base):
            return axis
    known = ", ".join(base.__name__ for base in BASES)
    what = cls.__name__ if inspect.isclass(cls) else repr(cls)
    raise UserError(f"{what} is no variant: derive the class from one of {known} (mmbench.model.interfaces)")


def variant_of(cls: type) -> Variant:
    """The variant that a class is: as its `@variant` mark says, else named like the class."""
    info: Variant | None = cls.__dict__.get("__variant__")
    if info is not None:
        return info
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    return Variant(name=name, source="defined by its user", core=False, cls=cls)


def name_of(axis: Axis, cls: type) -> str:
    """The name by which plans know a class; one that is in no module of the axis becomes known. Raises UserError."""
    own = axis_of(cls)
    if own != axis:
        raise UserError(f"{cls.__name__} is a variant of {own}, given as {axis}")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))  # type: ignore[attr-defined]
        raise UserError(f"{cls.__name__} lacks {missing}, which every {axis} must define")
    info = variant_of(cls)
    known = variants(axis).get(info.name)
    if known is None or known.cls is not cls:
        define(axis, info)
    return info.name


def levels(axis: Axis, asked: Any) -> list[Any]:
    """Names, classes, `{name or class: options}`, "core" or "full", or a list of these -> what params.yaml would say.

    Raises UserError for an unknown name or option.
    """
    where = f"{axis}="
    found: list[Any] = []
    for one in asked if isinstance(asked, Sequence) and not isinstance(asked, str) else [asked]:
        if one in GROUPS:
            found += [v.name for v in variants(axis).values() if v.core or one != "core"]
            continue
        options: Mapping[str, Any] = {}
        if isinstance(one, Mapping) and len(one) == 1:
            ((one, options),) = one.items()
        if not isinstance(one, str | type):
            raise UserError(f"{where}{one!r} is neither a name nor a class, nor {{name: {{option: value}}}}")
        name = name_of(axis, one) if isinstance(one, type) else one
        check_options(get(axis, name, where=where), options or {}, where=where)
        found.append({name: dict(options)} if options else name)
    unique = list({repr(level): level for level in found}.values())
    if not unique:
        raise UserError(f"{where} names nothing; give a name, a class, or core")
    return unique


def families() -> dict[str, str]:
    """Fusion -> its family, those defined by the caller included."""
    own = {name: info for (axis, name), info in defined().items() if axis == "fusion"}
    return {name: str(info.attribute("family")) for name, info in (*variants("fusion").items(), *own.items())}
