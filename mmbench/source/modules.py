"""The facts of modules, and what they reach through their imports."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Collection
from functools import cache

from mmbench.errors import UserError
from mmbench.source.facts import Facts, Import, read
from mmbench.source.kept import process_cache
from mmbench.source.locate import is_package, is_there, source_file


@cache
def facts(module: str) -> Facts:
    """What the source of a module says; each file is read once a process.

    Raises UserError where it has no source, and SyntaxError or OSError where that cannot be read.
    """
    file = source_file(module)
    if file is None:
        raise UserError(f"the source of {module} cannot be found; variants must be importable as Python files")
    source = file.read_bytes()
    key = hashlib.sha256(source).hexdigest()
    raw = process_cache().get("files", key)
    if raw is not None:
        try:
            return Facts.from_json(raw)
        except (LookupError, TypeError, ValueError):
            pass
    found = read(source, str(file))
    process_cache().put("files", key, found.to_json())
    return found


def absolute(module: str, found: Import) -> str:
    """The module that an import statement in `module` names first. Raises ImportError for too many dots."""
    name, level, _ = found
    if not level:
        return name
    file = source_file(module)
    package = module if file is not None and is_package(file) else module.rpartition(".")[0]
    return importlib.util.resolve_name("." * level + name, package)


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of mmbench, or of the module's own distribution, that it imports anywhere in its source."""
    ours = ("mmbench", module.split(".", 1)[0])
    names: set[str] = set()
    for found in facts(module).imports:
        base = absolute(module, found)
        if base.split(".", 1)[0] in ours:
            below = f"{base}.{found[2]}"
            names.add(below if found[2] is not None and source_file(below) is not None else base)
    return frozenset(name for name in names if source_file(name) is not None)


@cache
def reachable(module: str, neutral: frozenset[str] = frozenset()) -> frozenset[str]:
    """The module and everything of mmbench that it imports, directly or not; `neutral` modules are not followed."""
    found, queue = {module}, [module]
    while queue:
        new = imports(queue.pop()) - neutral - found
        found |= new
        queue.extend(new)
    return frozenset(found)


def digest(roots: Collection[str], neutral: frozenset[str] = frozenset()) -> str:
    """SHA-256 over the syntax trees of everything that these modules reach."""
    modules = frozenset[str]().union(*(reachable(root, neutral) for root in roots))
    text = "\n".join(f"{module} {facts(module).digest}" for module in sorted(modules))
    return hashlib.sha256(text.encode()).hexdigest()


def problem(module: str) -> str | None:
    """Why the module cannot be imported, as far as its text shows it, in the words of Python's own errors.

    The text shows a syntax error, and an import of what is not there.
    """
    if source_file(module) is None:
        return None
    try:
        found = facts(module)
    except (SyntaxError, ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    for needed in found.needed:
        try:
            base = absolute(module, needed)
        except ImportError as error:
            return f"ImportError: {error}"
        if not is_there(base):
            return f"ModuleNotFoundError: No module named {base!r}"
        if not _has(base, needed[2]):
            return f"ImportError: cannot import name {needed[2]!r} from {base!r}"
    return None


def _has(module: str, name: str | None) -> bool:
    """Whether a module of mmbench has that name; of others, which may make names as they like, nothing is known."""
    if name is None or module.split(".", 1)[0] != "mmbench" or source_file(module) is None:
        return True
    try:
        names = facts(module).names
    except (SyntaxError, ValueError, OSError):
        return True
    return names is None or name in names or is_there(f"{module}.{name}") or name.startswith("__")
