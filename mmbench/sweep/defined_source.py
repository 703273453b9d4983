"""The source of a class that a person has defined in a script, a module of their own or a notebook cell.

Its text is hashed, and so is what the text names there: functions, classes and plain values, directly or not. What it
names of mmbench is hashed as that module's source is.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import inspect
import linecache
import symtable
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mmbench.errors import UserError
from mmbench.source.facts import tokens

Definition = type | types.FunctionType
_PLAIN = (bool, int, float, complex, str, bytes, type(None), range, slice)


@dataclass(frozen=True, kw_only=True)
class Source:
    """digest: SHA-256 of a definition and of what it names where it was written. modules: of mmbench that it names."""

    digest: str
    modules: frozenset[str]


@cache
def source_of(cls: type) -> Source:
    """Raises UserError where there is no text of the class, or where it depends on an object that has no fixed text."""
    reader = _Reader(cls)
    reader.read(cls)
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(reader.found.items()))
    return Source(digest=hashlib.sha256(text.encode()).hexdigest(), modules=frozenset(reader.modules))


class _Reader:
    """Follows names from one class. found: qualified name -> digest."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.found: dict[str, str] = {}
        self.modules: set[str] = set()

    def read(self, what: Definition) -> None:
        """Note a definition and everything that it names."""
        name = f"{what.__module__}.{what.__qualname__}"
        if name in self.found:
            return
        tree = _tree(what)
        self.found[name] = hashlib.sha256("\0".join(tokens(tree)).encode()).hexdigest()
        scope = _scope(what)
        for used in sorted(_names(tree)):
            if used in scope:
                self._follow(used, scope[used])

    def _follow(self, name: str, value: Any) -> None:
        module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        if isinstance(module, str) and module.split(".")[0] == "mmbench" and "." in module:
            self.modules.add(module)
        elif isinstance(value, type | types.FunctionType):
            if _is_own(value, self.cls):
                self.read(value)
        elif not isinstance(value, types.ModuleType | types.BuiltinFunctionType) and module != "typing":
            self.found[f"value {name}"] = self._value(name, value)

    def _value(self, name: str, value: Any) -> str:
        # Late: most plans have no class of this kind, and must be quick.
        import numpy as np
        import torch

        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()
        if isinstance(value, np.ndarray) and value.dtype != object:
            return f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
        if _is_plain(value):
            return repr(value)
        raise UserError(
            f"{self.cls.__qualname__} uses {name}, a {type(value).__name__} defined outside it, whose contents cannot "
            "be part of what identifies a trial; make it inside the class, or pass it as an option"
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(k) and _is_plain(v) for k, v in value.items())
    return isinstance(value, _PLAIN)


def _is_own(what: Definition, cls: type) -> bool:
    """Whether it is written by the same person: in the same module, or in the package that this one is in."""
    own, other = cls.__module__.split(".")[0], str(what.__module__).split(".")[0]
    return own == other


def _names(tree: ast.AST) -> set[str]:
    """What a definition reads from outside itself; a local variable of the same name as a global one is not."""

    def outside(table: symtable.SymbolTable) -> Iterator[str]:
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (not symbol.is_assigned() if top else symbol.is_global()):
                yield symbol.get_name()
        for inner in table.get_children():
            yield from outside(inner)

    plain = _WithoutAnnotations().visit(copy.deepcopy(tree))
    return set(outside(symtable.symtable(ast.unparse(plain), "definition", "exec")))


class _WithoutAnnotations(ast.NodeTransformer):
    """Types are not computed with, and their aliases have no text of their own."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(value=None)
        return self.generic_visit(node)


def _functions(what: Definition) -> Iterator[types.FunctionType]:
    """The functions of a class, which know where they were written; of a function, itself."""
    if isinstance(what, types.FunctionType):
        yield inspect.unwrap(what)
        return
    for value in vars(what).values():
        value = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if isinstance(value, types.FunctionType) and value.__qualname__.startswith(f"{what.__qualname__}."):
            yield inspect.unwrap(value)


def _scope(what: Definition) -> Mapping[str, Any]:
    """What names mean inside: the globals of the module, and what a surrounding function has."""
    scope: dict[str, Any] = {}
    for function in _functions(what):
        scope |= function.__globals__
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name != "__class__":
                try:
                    scope[name] = cell.cell_contents
                except ValueError:
                    continue
    if not scope:
        scope = dict(vars(sys.modules[what.__module__]))
    return scope


def _tree(what: Definition) -> ast.AST:
    """The statement that defines it, in the file or cell that it was written in."""
    kind: tuple[type[ast.AST], ...] = (ast.ClassDef,) if isinstance(what, type) else (ast.FunctionDef, ast.Lambda)
    for function in _functions(what):
        code = function.__code__
        lines = linecache.getlines(code.co_filename, function.__globals__)
        tree = _parse("".join(lines))
        within = [n for n in ast.walk(tree) if isinstance(n, kind) and _spans(n, code.co_firstlineno)] if tree else []
        named = [n for n in within if getattr(n, "name", what.__name__) == what.__name__]
        if named:
            return named[-1]
    try:
        found = _parse(inspect.cleandoc("\n" + inspect.getsource(what)))
    except (OSError, TypeError):
        found = None
    if found is None:
        raise UserError(
            f"the source of {what.__qualname__} cannot be found (a class typed into a bare Python prompt or made by "
            "`exec` has none); define it in a file, a script or a notebook cell"
        )
    return found


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text) if text else None
    except SyntaxError:
        # Magics of a notebook are no Python: IPython's own words for them are.
        return _without_magics(text)


def _without_magics(text: str) -> ast.Module | None:
    transform: Callable[[str], str]
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return None
    transform = TransformerManager().transform_cell
    try:
        return ast.parse(transform(text))
    except SyntaxError:
        return None


def _spans(node: Any, line: int) -> bool:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    return first <= line <= node.end_lineno
