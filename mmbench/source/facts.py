"""What the text of one Python file says: its variants, its imports, and a digest of its syntax tree."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

REGISTRY = "mmbench.registry"
MARK = "variant"
LONGEST = 1000
"""Characters of an expression that is kept as text; longer ones are data."""

Import = tuple[str, int, str | None]
"""(module, level, name): `from ..b import c` is ("b", 2, "c"), `import a.b` is ("a.b", 0, None)."""


@dataclass(frozen=True, kw_only=True)
class ClassFacts:
    """A class at the top level of a file. Expressions are kept as text.

    Attributes:
        summary: first line of the docstring; None where it has none.
        mark: arguments of `@variant(...)` by name; None where it is not marked.
        bases: of the class, as written.
        options: keyword-only parameters of `__init__`: name -> (annotation, default), either of them None where it is
            left out. None where the class has no `__init__` of its own.
        attributes: assigned in the class body, by name.
        calls: keyword arguments of those attributes that are calls, by attribute and name.
        others: what else the class body binds.
        plain: False where something (a decorator, a metaclass, `__new__`) may give the class another signature.
    """

    summary: str | None
    mark: dict[str, str] | None
    bases: list[str]
    options: dict[str, tuple[str | None, str | None]] | None
    attributes: dict[str, str]
    calls: dict[str, dict[str, str]]
    others: list[str]
    plain: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a file says.

    Attributes:
        digest: SHA-256 of the syntax tree without comments, docstrings and `@variant` marks.
        imports: every import anywhere in the file.
        needed: the imports that run whenever the file is imported.
        bound: name -> the import that binds it, at the top level.
        names: everything bound at the top level; None where that cannot be known (a star import, `__getattr__`).
        constants: names assigned once at the top level -> the expression.
        classes: by name, in order.
        regular: whether every use of `variant` is the mark of a class at the top level, so that `classes` is complete,
            and no mechanism is written that importing refuses.
    """

    digest: str
    imports: list[Import]
    needed: list[Import]
    bound: dict[str, Import]
    names: list[str] | None
    constants: dict[str, str]
    classes: dict[str, ClassFacts] = field(default_factory=dict)
    regular: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Facts:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for what is none."""
        imports, needed = ([_import(i) for i in raw[key]] for key in ("imports", "needed"))
        bound = {name: _import(i) for name, i in raw["bound"].items()}
        classes = {name: ClassFacts(**fields) for name, fields in raw["classes"].items()}
        return cls(**raw | {"imports": imports, "needed": needed, "bound": bound, "classes": classes})


def _import(raw: Any) -> Import:
    module, level, name = raw
    return module, level, name


def tokens(node: object) -> Iterator[str]:
    """A syntax tree as text. Left out: positions, empty fields (they differ between Python versions), statements that
    are bare strings (docstrings), and the @variant mark (a corrected citation changes no result)."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == MARK:
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


def read(source: bytes, filename: str) -> Facts:
    """Raises SyntaxError (or ValueError for a null byte) where the file is no Python."""
    tree = ast.parse(source, filename=filename)
    needed = [found for node in tree.body for found in _imports(node)]
    bound = {local: found for node in tree.body for local, found in _bindings(node)}
    classes = {node.name: _class(node, bound) for node in tree.body if isinstance(node, ast.ClassDef)}
    return Facts(
        digest=hashlib.sha256("\0".join(tokens(tree)).encode()).hexdigest(),
        imports=list(dict.fromkeys(found for node in ast.walk(tree) for found in _imports(node))),
        needed=list(dict.fromkeys(needed)),
        bound=bound,
        names=_names(tree, bound),
        constants=_find_assignments(tree.body),
        classes=classes,
        regular=_is_regular(tree, bound, classes),
    )


def _imports(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, 0, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((node.module or "", node.level, alias.name) for alias in node.names)


def _bindings(node: ast.AST) -> Iterator[tuple[str, Import]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            # `import a.b` binds a.
            name = alias.name if alias.asname else alias.name.split(".", 1)[0]
            yield alias.asname or name, (name, 0, None)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, (node.module or "", node.level, alias.name)


def _find_assignments(body: list[ast.stmt]) -> dict[str, str]:
    """Names that are assigned once, and never otherwise bound, in these statements -> the expression."""
    found: dict[str, str] = {}
    bound: set[str] = set()
    for node in body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        names = _binds(node)
        value = getattr(node, "value", None)
        one = targets[0] if len(targets) == 1 else None
        if isinstance(one, ast.Name) and isinstance(value, ast.expr) and one.id not in bound:
            text = ast.unparse(value)
            if len(text) <= LONGEST:
                found[one.id] = text
        else:
            for name in names & set(found):
                del found[name]
        bound |= names
    return found


def _binds(node: ast.stmt) -> set[str]:
    """The names that a statement of a module's or a class's body binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return set()
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _names(tree: ast.Module, bound: dict[str, Import]) -> list[str] | None:
    found = set(bound)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(name for name, _ in _bindings(node))
    return None if "__getattr__" in found or "globals" in found else sorted(found)


def _is_mark(node: ast.expr, bound: dict[str, Import]) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and bound.get(node.func.id) == (REGISTRY, 0, MARK)
    )


def _class(node: ast.ClassDef, bound: dict[str, Import]) -> ClassFacts:
    marks = [d for d in node.decorator_list if isinstance(d, ast.Call) and _is_mark(d, bound)]
    inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    binds = set().union(*map(_binds, node.body))
    doc = ast.get_docstring(node)
    attributes = _find_assignments(node.body)
    return ClassFacts(
        summary=None if doc is None else inspect.cleandoc(doc).split("\n", 1)[0],
        mark=_arguments(marks[0]) if marks else None,
        bases=[ast.unparse(base) for base in node.bases],
        options=_options(inits[-1]) if inits else None,
        attributes=attributes,
        calls=_calls(node.body),
        others=sorted(binds - set(attributes)),
        plain=not (
            len(node.decorator_list) > len(marks)
            or len(marks) > 1
            or node.keywords
            or binds & {"__new__", "__init_subclass__", "__signature__"}
            or "__init__" in attributes
            or any(init.decorator_list for init in inits)
        ),
    )


def _arguments(call: ast.Call) -> dict[str, str]:
    """Arguments as text, by name. One that is unpacked has the name "", which no mark takes."""
    named = {keyword.arg or "": ast.unparse(keyword.value) for keyword in call.keywords}
    positional = dict(zip(("name",), map(ast.unparse, call.args), strict=False))
    return positional | named


def _calls(body: list[ast.stmt]) -> dict[str, dict[str, str]]:
    """`name = Call(key=...)` -> name -> key -> expression."""
    found = {}
    for node in body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Name):
            texts = _arguments(node.value)
            found[target.id] = {key: text for key, text in texts.items() if len(text) <= LONGEST}
    return found


def _options(init: ast.FunctionDef) -> dict[str, tuple[str | None, str | None]]:
    return {
        argument.arg: (
            None if argument.annotation is None else ast.unparse(argument.annotation),
            None if default is None else ast.unparse(default),
        )
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
    }


def _is_regular(tree: ast.Module, bound: dict[str, Import], classes: dict[str, ClassFacts]) -> bool:
    """Whether whoever reads `classes` knows all variants of the file."""
    aliases = {name for name, found in bound.items() if found == (REGISTRY, 0, MARK)}
    uses = sum(isinstance(node, ast.Name) and node.id in aliases for node in ast.walk(tree))
    marks = sum(c.mark is not None for c in classes.values())
    hidden = any(
        (isinstance(node, ast.Attribute) and node.attr == MARK)
        or (isinstance(node, ast.alias) and node.name == MARK and (node.asname or MARK) not in aliases)
        for node in ast.walk(tree)
    )
    return uses == marks and not hidden and marks > 0 and not any(map(_is_refused, ast.walk(tree)))


def _is_refused(node: ast.AST) -> bool:
    """Whether importing ends with an error: a mechanism's `attend` in another signature than the interface's."""
    if not isinstance(node, ast.FunctionDef) or node.name != "attend":
        return False
    given = node.args
    named = [a.arg for a in given.kwonlyargs]
    return len(given.posonlyargs + given.args) != 2 or named != ["need_weights"]
