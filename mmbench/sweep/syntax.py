"""A syntax tree as text, in which only what is computed counts."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def tokens(node: object) -> Iterator[str]:
    """A syntax tree as text. Left out: positions, empty fields (they differ between Python versions), statements that
    are bare strings (docstrings), and the @variant mark (a corrected citation changes no result)."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "variant":
        return
    if isinstance(node, list):
        yield "["
        for item in node:
            yield from tokens(item)
        yield "]"
    elif isinstance(node, ast.AST):
        yield type(node).__name__ + "("
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != []:
                yield name + "="
                yield from tokens(value)
        yield ")"
    else:
        yield repr(node)
