"""Prepare one data set: `python -m mmbench.stages.prepare NAME` reads data/raw/NAME and writes data/prepared/NAME."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from mmbench.project.folders import PREPARED, RAW
from mmbench.stages import exit_code, parser


def prepare(root: Path, name: str) -> str:
    """Generate or read the data set and write it; returns what was done, in a line. Raises UserError."""
    from mmbench.data.prepare import dataset

    raw = dataset.read(name, root / RAW)
    spec = dataset.prepare(raw, root / PREPARED / name)
    sizes = ", ".join(f"{count} {split}" for split, count in spec.splits.items())
    ceiling = "" if spec.ceiling is None else f"; ceiling {spec.ceiling:.3f}"
    return f"{name}: {sizes}; {', '.join(spec.modalities)}{ceiling}; hash {spec.hash[:12]}"


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""
    wanted = parser(__doc__)
    wanted.add_argument("name", help="a folder of data/raw that has a dataset.yaml")
    name = wanted.parse_args().name
    # Ended by a cluster or by `timeout`: leave nothing half made behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def stage() -> int:
        print(prepare(Path(), name))
        return 0

    return exit_code(stage, name)


if __name__ == "__main__":
    sys.exit(main())
