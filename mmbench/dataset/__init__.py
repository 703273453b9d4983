"""The embedded data sets: one file per generator.

`mmbench.dataset(...)` makes a data set of arrays (`mmbench.library.dataset`). The function and this package have one
name, and importing the package would hide the function; so the package is what both are, and can be called.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return importlib.import_module("mmbench.api").dataset(*args, **options)


sys.modules[__name__].__class__ = _Callable
