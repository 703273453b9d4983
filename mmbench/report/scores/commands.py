"""The commands that repeat a row of the report."""

from __future__ import annotations

import json
import shlex

from mmbench.registry import GRID_AXES
from mmbench.report.scores.context import Context
from mmbench.report.values.methods import Method


def command(context: Context, dataset: str | None, method: Method) -> str:
    """That trains the first seed of a method again and keeps it; on every data set where none is named."""
    names = context.names if dataset is None else (dataset,)
    return " && ".join(f"{start(name)} {shlex.join(options(context, name, method))} --save" for name in names)


def start(dataset: str) -> str:
    """What every command on a data set begins with."""
    return shlex.join(["mmbench", "run", "--dataset", dataset])


def options(context: Context, dataset: str, method: Method) -> list[str]:
    """What names the method in a command."""
    if method.role == "baseline":
        return ["--baseline", str(method.baseline)]
    config = next(c for c in context.configs if c.cell == method.key and c.dataset == dataset)
    words = []
    for axis in GRID_AXES:
        level = getattr(config, axis)
        if level is not None:
            own = ", ".join(f"{k}: {json.dumps(v)}" for k, v in level.options.items())
            words += [f"--{axis}", f"{level.name}: {{{own}}}" if own else level.name]
    return [*words, "--single", str(method.modality)] if method.role == "single" else words
