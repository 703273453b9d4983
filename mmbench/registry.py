"""Variants are found, not listed: every class marked with @variant in the package of its axis is a level of that axis.

There is no table to edit. A new file in `mmbench/attention/` (or another axis) is picked up by `variants("attention")`;
another distribution adds variants through an entry point in the group `mmbench.attention` that names a module.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any, Literal, TypeVar, get_args

from mmbench.errors import UserError, suggest

Axis = Literal["attention", "fusion", "architecture", "stem", "dataset", "baseline", "metric", "probe"]
AXES: tuple[str, ...] = get_args(Axis)

T = TypeVar("T", bound=type)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One level of an axis. `core` marks what the source article itself defines."""

    name: str
    source: str
    core: bool
    cls: type

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.cls) or "").split("\n", 1)[0]

    @property
    def module(self) -> str:
        return self.cls.__module__

    def options(self) -> dict[str, inspect.Parameter]:
        """The options a user may set: the keyword-only parameters of the constructor."""
        parameters = inspect.signature(self.cls, eval_str=True).parameters.values()
        return {p.name: p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def variant(name: str, *, source: str, core: bool = False) -> Callable[[T], T]:
    """Mark a class as the variant `name` of the axis whose package it lies in. `source`: paper or standard."""

    def mark(cls: T) -> T:
        cls.__variant__ = Variant(name=name, source=source, core=core, cls=cls)  # type: ignore[attr-defined]
        return cls

    return mark


def collect(modules: Iterable[ModuleType]) -> Mapping[str, Variant]:
    """The variants defined in these modules, by name.

    Raises UserError when two classes claim one name.
    """
    found: dict[str, Variant] = {}
    for module in modules:
        for cls in vars(module).values():
            info = cls.__dict__.get("__variant__") if inspect.isclass(cls) else None
            if info is None or cls.__module__ != module.__name__:
                continue
            if info.name in found:
                raise UserError(
                    f"two variants are named {info.name!r}: {found[info.name].module} and {info.module}; rename one, "
                    "or uninstall the package that brings it"
                )
            found[info.name] = info
    return MappingProxyType(dict(sorted(found.items())))


def _own(package: ModuleType) -> Iterator[ModuleType]:
    """The modules of the package of an axis."""
    for found in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{found.name}"
        try:
            yield importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise UserError(
                f"{name.replace('.', '/')}.py cannot be imported ({type(error).__name__}: {error}); mend or remove it"
            ) from error


def _foreign(group: str) -> Iterator[ModuleType]:
    """The modules that installed distributions name in this entry point group, once each."""
    for module in dict.fromkeys(e.module for e in importlib.metadata.entry_points(group=group)):
        try:
            yield importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise UserError(
                f"module {module!r}, which an installed package names in entry point group {group!r}, cannot be "
                f"imported ({type(error).__name__}: {error}); mend or uninstall that package"
            ) from error


@cache
def variants(axis: Axis) -> Mapping[str, Variant]:
    """Every variant of an axis, by name: mmbench's own and those of installed distributions.

    Raises UserError where two claim one name, or where a module cannot be imported.
    """
    package = importlib.import_module(f"mmbench.{axis}")
    return collect([*_own(package), *_foreign(f"mmbench.{axis}")])


def get(axis: Axis, name: str, *, where: str) -> Variant:
    """The variant of that name. Raises UserError naming `where` it was asked for and what was probably meant."""
    known = variants(axis)
    if name not in known:
        raise UserError(f"unknown {axis} {name!r} in {where}{suggest(name, known)}")
    return known[name]


def check_options(info: Variant, options: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The options as their annotated types have them: 1 for a float is 1.0, so that one level has one spelling.

    Raises UserError when they do not fit the variant's constructor: its names and its annotated types.
    """
    # Late: the command line's help must be quick.
    from pydantic import TypeAdapter, ValidationError

    known, checked = info.options(), dict(options)
    for key in options:
        if key not in known:
            hint = suggest(key, known) if known else "; it takes no options"
            raise UserError(f"unknown option {key!r} of {info.name!r} in {where}{hint}")
        try:
            kind = known[key].annotation
            adapter: TypeAdapter[Any] = TypeAdapter(Any if kind is inspect.Parameter.empty else kind)
            checked[key] = adapter.dump_python(adapter.validate_python(options[key], strict=True), mode="json")
        except ValidationError as error:
            why = error.errors(include_url=False)[0]["msg"]
            raise UserError(
                f"option {key!r} of {info.name!r} in {where} is {options[key]!r}: {why[0].lower()}{why[1:]}"
            ) from None
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in options:
            raise UserError(f"{info.name!r} in {where} needs the option {key!r}")
    return checked
