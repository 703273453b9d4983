"""Where a module's source is. Nothing is imported: `importlib.util.find_spec` would import the packages above it."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


def find(module: str) -> ModuleSpec | None:
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    name = top
    for part in below:
        if spec is None or spec.submodule_search_locations is None:
            return None
        # A package may extend its path when it is imported.
        loaded = sys.modules.get(name)
        path = getattr(loaded, "__path__", None) or spec.submodule_search_locations
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(path))
    return spec


@cache
def is_there(module: str) -> bool:
    """Whether there is a module of that name, of whatever kind."""
    if module in sys.modules:
        return True
    spec = find(module)
    if spec is None and "." in module:
        # A package that is compiled or makes its modules itself cannot be looked into without importing it.
        return source_file(module.split(".", 1)[0]) is None and is_there(module.split(".", 1)[0])
    return spec is not None


@cache
def source_file(module: str) -> Path | None:
    """The source file of a module; None where there is no such module or it has no Python source."""
    spec = find(module)
    origin = Path(spec.origin) if spec is not None and spec.origin is not None else None
    return origin if origin is not None and origin.suffix == ".py" else None


def is_package(file: Path) -> bool:
    return file.name == "__init__.py"
