"""How long the commands that look take, in a project whose ledger holds every trial of the default grid.

    python benchmarks/commands.py [--trials 330]

Prints, for each command, the median of five: seconds, processor seconds, and both as multiples of `python -c pass`. The
ledger is made from the plan, with made-up numbers; nothing is trained. With --trials, the grid has as many seeds as
that number of trials needs.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.support import plain, small_project  # noqa: E402

REPEATS = 5
MMBENCH = [sys.executable, "-c", "import sys; from mmbench.cli import main; sys.exit(main())"]
PER_SEED = 108
"""Trials of one seed of the default grid, about."""


def make_project(folder: Path, trials: int) -> None:
    """The default project with descriptions in the place of prepared arrays, and its ledger."""
    from mmbench.registry import get

    raw = plain.settings()
    raw["grid"]["seeds"] = max(raw["grid"]["seeds"], math.ceil(trials / PER_SEED))
    (folder / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    for name in raw["grid"]["datasets"]:
        spec = get("dataset", name, where="benchmark").cls().describe(name).model_copy(update={"hash": name})
        card, prepared = folder / "data" / "raw" / name, folder / "data" / "prepared" / name
        for place, file, text in (
            (card, "dataset.yaml", f"dataset: {name}\n"),
            (prepared, "spec.json", spec.model_dump_json()),
        ):
            place.mkdir(parents=True)
            (place / file).write_text(text, encoding="utf-8")
    loaded = small_project.read(folder)
    loaded.ledger.folder.mkdir(parents=True)
    for job in loaded.plan.jobs:
        text = small_project.result(job).model_dump_json(indent=1)
        (loaded.ledger.folder / f"{job.trial_id}.json").write_text(text, encoding="utf-8")
    print(f"{len(loaded.plan.jobs)} trials; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def measure(command: list[str]) -> tuple[float, float, int]:
    """Medians of seconds and processor seconds, and the exit code."""
    walls, cpus, code = [], [], 0
    for _ in range(REPEATS):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        code = subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode
        walls.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(walls), statistics.median(cpus), code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--trials", type=int, default=0, metavar="N", help="at least N; default: those of params.yaml")
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good, missing, misspelt = folder / "good", folder / "missing", folder / "misspelt.yaml"
        good.mkdir()
        missing.mkdir()
        make_project(good, trials)
        text = (good / "params.yaml").read_text(encoding="utf-8")
        misspelt.write_text(text.replace("attention: core", "attention: [aditive]"), encoding="utf-8")
        at = ["--root", str(good)]
        cases = {
            "--help": ["--help"],
            "list": ["list"],
            "plan": ["plan", *at],
            "status": ["status", *at],
            "data --help": ["data", "--help"],
            "data list": ["data", "list", *at],
            "missing params.yaml": ["plan", "--root", str(missing)],
            "misspelt name": ["plan", *at, "--params", str(misspelt)],
        }
        measure([*MMBENCH, "plan", *at])  # what is kept between calls is there
        base = measure([sys.executable, "-c", "pass"])
        print(f"{'command':20} {'exit':>4} {'seconds':>8} {'x':>6} {'CPU s':>8} {'x':>6}")
        for label, (wall, cpu, code) in {
            "python -c pass": base,
            **{label: measure([*MMBENCH, *words]) for label, words in cases.items()},
        }.items():
            print(f"{label:20} {code:4} {wall:8.2f} {wall / base[0]:6.1f} {cpu:8.2f} {cpu / base[1]:6.1f}")


if __name__ == "__main__":
    main()
