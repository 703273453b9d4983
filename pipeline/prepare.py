"""Prepare one data set of params.yaml: `python -m pipeline.prepare NAME` writes data/prepared/NAME."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmbench.config import load_params
from mmbench.registry import UserError, check_options, get, suggest

PREPARED = Path("data/prepared")


def prepare(name: str) -> str:
    """Generate and write the data set; returns what was done, in a line. Raises UserError."""
    settings = load_params().data
    if name not in settings:
        raise UserError(f"unknown data set {name!r} in params.yaml: data{suggest(name, settings)}")
    choice, where = settings[name], f"params.yaml: data.{name}"
    info = get("dataset", choice.name, where=where)
    check_options(info, choice.options, where=where)
    try:
        generator = info.cls(**choice.options)
    except UserError as error:
        raise UserError(f"{where}.{choice.name}: {error}") from None

    from mmbench import data

    try:
        spec = data.save(PREPARED / name, *generator.make(name))
    except OSError as error:
        raise UserError(f"{PREPARED / name} cannot be written: {error.strerror or error}") from None
    sizes = ", ".join(f"{count} {split}" for split, count in spec.splits.items())
    ceiling = "unknown" if spec.ceiling is None else f"{spec.ceiling:.3f}"
    return f"{name}: {sizes}; {', '.join(spec.modalities)}; ceiling {ceiling}; hash {spec.hash[:12]}"


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.prepare", description=__doc__)
    parser.add_argument("name", help="a key of params.yaml: data")
    try:
        print(prepare(parser.parse_args().name))
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
