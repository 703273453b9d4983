"""Variants are found, not listed: every class marked with @variant in the package of its axis is a level of that axis.

There is no table to edit. A new file in `mmbench/attention/` (or another axis) is picked up by `variants("attention")`;
another distribution adds variants through an entry point in the group `mmbench.attention` that names a module.

Names, sources, options and plain class attributes are read from the text of the files (`mmbench.source`), so that
looking one up imports neither the class nor what it needs. A class is imported when `Variant.cls` is first asked for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from mmbench.errors import UserError, suggest
from mmbench.source.classes import ClassSource
from mmbench.source.expression import UnknownValueError, evaluate, value_of
from mmbench.source.locate import find, is_there, source_file
from mmbench.source.modules import facts, imports, problem, reachable

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Axis = Literal["attention", "fusion", "architecture", "stem", "dataset", "baseline", "metric", "probe"]
AXES: tuple[Axis, ...] = get_args(Axis)
GRID_AXES: tuple[Axis, ...] = ("attention", "fusion", "architecture")
"""The axes that are compared: a combination has a level of each."""
PACKAGES: Mapping[Axis, str] = MappingProxyType({axis: f"mmbench.{axis}" for axis in AXES})
"""The package that holds mmbench's own variants of an axis."""
GROUPS: Mapping[Axis, str] = MappingProxyType({axis: f"mmbench.{axis}" for axis in AXES})
"""The entry point group in which other distributions name modules with variants of an axis."""

T = TypeVar("T", bound=type)
_MARKED = ("name", "source", "core", "title", "short")


@dataclass(frozen=True, kw_only=True)
class Option:
    """A keyword-only parameter of a variant's constructor.

    Attributes:
        name: as users write it.
        default: its value where users leave it out; `Option.empty` where they must not.
        find_annotation: gives its annotation, `Option.empty` where there is none.
    """

    empty = inspect.Parameter.empty

    name: str
    default: Any
    find_annotation: Callable[[], Any]

    @property
    def annotation(self) -> Any:
        return self.find_annotation()


class Variant:
    """One level of an axis.

    It is known by its class, or by where the class is written; then the class is imported when it is needed.

    Attributes:
        name: as settings and results have it.
        title: as people read it; the name with spaces where the class does not say.
        short: the same where there is little room, such as an abbreviation of the field.
        source: paper or standard.
        core: whether the source article itself defines it.
    """

    def __init__(
        self,
        *,
        name: str,
        source: str,
        core: bool,
        title: str = "",
        short: str = "",
        cls: type | None = None,
        written: ClassSource | None = None,
    ) -> None:
        self.name, self.source, self.core = name, source, core
        self.title = title or name.replace("_", " ")
        self.short = short or self.title
        self._cls, self._written = cls, written

    def __repr__(self) -> str:
        return f"Variant({self.name!r}, {self.module})"

    @cached_property
    def cls(self) -> type:
        """The class. Raises UserError where its module cannot be imported."""
        if self._cls is not None:
            return self._cls
        assert self._written is not None
        found: type = getattr(_import(self._written.module), self._written.name)
        return found

    @property
    def module(self) -> str:
        return self._written.module if self._cls is None and self._written is not None else self.cls.__module__

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return str(self._ask(lambda w: w.summary(), lambda cls: (inspect.getdoc(cls) or "").split("\n", 1)[0]))

    def attribute(self, name: str, key: str | None = None) -> Any:
        """A class attribute, None where there is none; with `key`, that attribute of it (`origin.licence`)."""

        def of_class(cls: type) -> Any:
            found = getattr(cls, name, None)
            return found if key is None else getattr(found, key, None)

        return self._ask(lambda written: written.attribute(name, key), of_class)

    def options(self) -> dict[str, Option]:
        """The options a user may set: the keyword-only parameters of the constructor."""
        found: dict[str, Option] = self._ask(_read_options, _inspect_options)
        return found

    def _ask(self, text: Callable[[ClassSource], Any], imported: Callable[[type], Any]) -> Any:
        """What the text says, or the class where the text does not say it."""
        if self._cls is None and self._written is not None:
            try:
                return text(self._written)
            except UnknownValueError:
                pass
        return imported(self.cls)


def _read_options(written: ClassSource) -> dict[str, Option]:
    return {
        name: Option(
            name=name,
            default=Option.empty if default is None else evaluate(default, module),
            find_annotation=partial(_annotation, written, name, module, annotation),
        )
        for name, (module, annotation, default) in written.options().items()
    }


def _annotation(written: ClassSource, name: str, module: str, text: str | None) -> Any:
    if text is None:
        return Option.empty
    try:
        return evaluate(text, module)
    except UnknownValueError:
        return _inspect_options(getattr(_import(written.module), written.name))[name].annotation


def _inspect_options(cls: type) -> dict[str, Option]:
    parameters = inspect.signature(cls, eval_str=True).parameters.values()
    return {
        p.name: Option(name=p.name, default=p.default, find_annotation=partial(getattr, p, "annotation"))
        for p in parameters
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }


def variant(name: str, *, source: str, core: bool = False, title: str = "", short: str = "") -> Callable[[T], T]:
    """Mark a class as the variant `name` of the axis whose package it is in. The rest: as of `Variant`."""

    def mark(cls: T) -> T:
        marked = Variant(name=name, source=source, core=core, title=title, short=short, cls=cls)
        cls.__variant__ = marked  # type: ignore[attr-defined]
        return cls

    return mark


def _merge(found: Iterable[Variant]) -> Mapping[str, Variant]:
    """By name, in order. Raises UserError when two claim one name."""
    merged: dict[str, Variant] = {}
    for info in found:
        if info.name in merged:
            raise UserError(
                f"two variants are named {info.name!r}: {merged[info.name].module} and {info.module}; rename one, "
                "or uninstall the package that brings it"
            )
        merged[info.name] = info
    return MappingProxyType(dict(sorted(merged.items())))


def collect(modules: Iterable[ModuleType]) -> Mapping[str, Variant]:
    """The variants defined in these modules, by name.

    Raises UserError when two classes claim one name.
    """
    return _merge(info for module in modules for info in _collect_marked(module))


def _collect_marked(module: ModuleType) -> Iterator[Variant]:
    for cls in vars(module).values():
        info = cls.__dict__.get("__variant__") if inspect.isclass(cls) else None
        if info is not None and cls.__module__ == module.__name__:
            yield info


def _find(module: str) -> Iterator[Variant]:
    """The variants of a module: those that its text shows, or, where its text may not show all, by importing it.

    Raises UserError where the module cannot be imported.
    """
    why = problem(module)
    if why is not None:
        raise _describe_broken(module, why)
    try:
        yield from list(_read_marks(module))
    except (UnknownValueError, UserError):
        yield from _collect_marked(_import(module))


def _read_marks(module: str) -> Iterator[Variant]:
    found = facts(module)
    if not found.regular:
        raise UnknownValueError(module)
    for name, cls in found.classes.items():
        if cls.mark is None:
            continue
        if not {"name", "source"} <= cls.mark.keys() <= set(_MARKED):
            raise UnknownValueError(module)
        mark = {"core": False} | {key: evaluate(text, module) for key, text in cls.mark.items()}
        yield Variant(**mark, written=ClassSource(module=module, name=name))


def _import(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise _describe_broken(module, f"{type(error).__name__}: {error}") from error


def _describe_broken(module: str, why: str) -> UserError:
    """A module of an axis that cannot be imported, in the words of who can put it right."""
    for axis, names in _list_foreign().items():
        if module in names:
            return UserError(
                f"module {module!r}, which an installed package names in entry point group {GROUPS[axis]!r}, cannot "
                f"be imported ({why}); correct or uninstall that package"
            )
    return UserError(f"{module.replace('.', '/')}.py cannot be imported ({why}); correct or remove it")


def _list_own(package: str) -> Iterator[str]:
    """The modules of the package of an axis; what is a package in it holds what several variants need."""
    spec = find(package)
    if spec is None or spec.submodule_search_locations is None:
        raise UserError(f"{package.replace('.', '/')} is missing; is mmbench installed whole?")
    for found in pkgutil.iter_modules(spec.submodule_search_locations):
        if not found.ispkg:
            yield f"{package}.{found.name}"


@cache
def _list_foreign() -> Mapping[Axis, tuple[str, ...]]:
    """The modules that installed distributions name in the entry point groups, once each."""
    entries = importlib.metadata.entry_points()
    return {axis: tuple(dict.fromkeys(e.module for e in entries.select(group=g))) for axis, g in GROUPS.items()}


@cache
def variants(axis: Axis) -> Mapping[str, Variant]:
    """Every variant of an axis, by name: mmbench's own and those of installed distributions.

    Raises UserError where two claim one name, or where a module cannot be imported as far as its text shows; an error
    that only happens when a module runs is raised when its variant's `cls` is asked for.
    """
    modules = [*_list_own(PACKAGES[axis]), *_list_foreign()[axis]]
    return _merge(info for module in modules for info in _find(module))


def forget() -> None:
    """Look for variants again when they are next asked for: a file or a distribution has come or gone."""
    importlib.invalidate_caches()
    for function in (variants, _list_foreign, is_there, source_file, facts, imports, reachable, value_of):
        function.cache_clear()


_defined: dict[tuple[Axis, str], Variant] = {}


def define(axis: Axis, info: Variant) -> None:
    """Make a class that is in no module of the axis (defined in a script or a notebook) known by name, in this process.
    One defined before under the name is replaced, as where a cell runs again.

    Raises UserError where the name is taken by a variant that is found.
    """
    if (taken := variants(axis).get(info.name)) is not None:
        raise UserError(
            f"{info.cls.__qualname__} is named {info.name!r}, and so is the {axis} of {taken.module}; "
            "give it another name"
        )
    _defined[axis, info.name] = info


def defined() -> Mapping[tuple[Axis, str], Variant]:
    """What `define` has made known, by axis and name."""
    return MappingProxyType(_defined)


def get(axis: Axis, name: str, *, where: str) -> Variant:
    """The variant of that name. Raises UserError naming `where` it was asked for and what was probably meant."""
    if (axis, name) in _defined:
        return _defined[axis, name]
    known = variants(axis)
    if name not in known:
        raise UserError(f"unknown {axis} {name!r} in {where}{suggest(name, known)}")
    return known[name]


def check_options(info: Variant, options: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The options as their annotated types have them: 1 for a float is 1.0, so that one level has one spelling.

    Raises UserError when they do not fit the variant's constructor: its names and its annotated types.
    """
    known, checked = info.options(), dict(options)
    for key in options:
        if key not in known:
            hint = suggest(key, known) if known else "; it takes no options"
            raise UserError(f"unknown option {key!r} of {info.name!r} in {where}{hint}")
        checked[key] = _check_option(info, known[key], options[key], where)
    for key, option in known.items():
        if option.default is Option.empty and key not in options:
            raise UserError(f"{info.name!r} in {where} needs the option {key!r}")
    return checked


def _check_option(info: Variant, option: Option, value: Any, where: str) -> Any:
    # Late: the command line's help must be quick.
    from pydantic import TypeAdapter, ValidationError

    kind = option.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(Any if kind is Option.empty else kind)
    try:
        return adapter.dump_python(adapter.validate_python(value, strict=True), mode="json")
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"]
        raise UserError(
            f"option {option.name!r} of {info.name!r} in {where} is {value!r}: {why[0].lower()}{why[1:]}"
        ) from None
