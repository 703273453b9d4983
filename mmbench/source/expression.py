"""The values of simple expressions in source: constants, what is made of constants, and annotations.

Nothing of the module that holds an expression is run. UnknownValueError where more than this would be needed.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import operator
from collections.abc import Callable
from functools import cache
from typing import Any

from mmbench.errors import UserError
from mmbench.source.locate import source_file
from mmbench.source.modules import absolute, facts

TYPES = {name: getattr(builtins, name) for name in ("bool", "dict", "float", "int", "list", "set", "str", "tuple")}
OUTSIDE = ("collections.abc", "pydantic", "typing")
"""Modules whose names annotations are made of; they are imported where one is met."""
CALLED = ("Field",)
OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.BitOr: operator.or_,
    ast.USub: operator.neg,
}
LARGEST = 2**40
"""Numbers in a product or power; larger ones could take for ever."""


class UnknownValueError(Exception):
    """Only importing the module shows the value."""


def evaluate(text: str, module: str) -> Any:
    """The value of an expression in the source of `module`."""
    try:
        return _Reader(module, frozenset()).value(ast.parse(text, mode="eval").body)
    except UnknownValueError:
        raise
    except Exception as error:
        raise UnknownValueError(text) from error


@cache
def value_of(module: str, name: str, seen: frozenset[tuple[str, str]]) -> Any:
    """The value of a name at the top level of a module."""
    if (module, name) in seen or source_file(module) is None:
        raise UnknownValueError(name)
    try:
        found = facts(module)
    except (SyntaxError, ValueError, OSError, UserError) as error:
        raise UnknownValueError(name) from error
    if name in found.bound:
        base, attribute = absolute(module, found.bound[name]), found.bound[name][2]
        if attribute is not None and base in OUTSIDE:
            return getattr(importlib.import_module(base), attribute)
        if attribute is not None and base.split(".", 1)[0] not in OUTSIDE:
            return value_of(base, attribute, seen | {(module, name)})
        raise UnknownValueError(name)
    if name in found.constants:
        reader = _Reader(module, seen | {(module, name)})
        return reader.value(ast.parse(found.constants[name], mode="eval").body)
    if name in TYPES and (found.names is None or name not in found.names):
        return TYPES[name]
    raise UnknownValueError(name)


class _Reader:
    def __init__(self, module: str, seen: frozenset[tuple[str, str]]) -> None:
        self.module, self.seen = module, seen

    def value(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return value_of(self.module, name, self.seen)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                return value_of(self._module(name), attribute, self.seen)
            case ast.Tuple(elts=elements):
                return tuple(self.value(e) for e in elements)
            case ast.List(elts=elements):
                return [self.value(e) for e in elements]
            case ast.Dict(keys=keys, values=values):
                return {self.value(k): self.value(v) for k, v in zip(keys, values, strict=True) if k is not None}
            case ast.JoinedStr(values=parts):
                return "".join(str(self.value(part)) for part in parts)
            case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                return self.value(inner)
            case ast.UnaryOp(op=sign, operand=operand):
                return OPERATORS[type(sign)](self.value(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._combine(OPERATORS[type(op)], self.value(left), self.value(right))
            case ast.Subscript(value=generic, slice=inner):
                return self.value(generic)[self.value(inner)]
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in CALLED:
                named = {k.arg: self.value(k.value) for k in keywords if k.arg is not None}
                return value_of(self.module, name, self.seen)(*(self.value(a) for a in args), **named)
            case _:
                raise UnknownValueError(ast.unparse(node))

    def _module(self, name: str) -> str:
        """The module that a name is bound to by an import."""
        found = facts(self.module).bound.get(name)
        if found is None:
            raise UnknownValueError(name)
        base = absolute(self.module, found)
        return base if found[2] is None else f"{base}.{found[2]}"

    def _combine(self, apply: Callable[..., Any], left: Any, right: Any) -> Any:
        numbers = [x for x in (left, right) if isinstance(x, int | float)]
        if apply in (operator.mul, operator.pow) and (len(numbers) < 2 or max(map(abs, numbers)) > LARGEST):
            raise UnknownValueError("a product")
        if apply is operator.pow and abs(right) > 64:
            raise UnknownValueError("a power")
        return apply(left, right)
