"""What the report takes for ten thousand trials: `python -m benchmarks.report`.

An invented ledger over every combination of 17 attentions, 17 fusions and 6 architectures (tests/support/factory.py),
on which probes have measured everything, is
analysed, rendered and exported in a process of its own, whose peak resident memory is told; then headless Chromium
opens the page. It counts as interactive once the script has run and two frames have been painted, and a switch of the
data set is timed to its next painted frame. Goals: 2 minutes, 1.5 GB, 15 MB, 3 s. Ends with 1 where one is missed.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.cell_page import detailed
from mmbench.report.pages.html import render
from mmbench.stats.breakdown import MATRIX, Breakdown, breakdown
from tests.support.factory import TRUTHS, large
from tests.support.probed import probed

ROOT = Path(__file__).resolve().parents[1]
SECONDS, GIGABYTES, MEGABYTES, INTERACTIVE = 120.0, 1.5, 15.0, 3.0
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"


def write(folder: Path, seeds: int, datasets: int, profile: bool) -> None:
    """The report of an invented ledger, with a line a step. Runs in a process of its own, for its peak memory."""
    made = probed(large(truths=dict(list(TRUTHS.items())[:datasets]), seeds=seeds))
    print(f"{len(made.plan.jobs):,} trials; {peak():.2f} GB with the ledger read")
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    began = time.perf_counter()
    analysis = analyse(**made.arguments())
    analysed = time.perf_counter()
    files = export(analysis, folder)
    exported = time.perf_counter()
    classes = {name: dict.fromkeys(own, confused()) for name, own in detailed(analysis.context).items()}
    page = render(analysis, downloads=files, breakdowns=classes)
    (folder / "report.html").write_text(page, encoding="utf-8")
    ended = time.perf_counter()
    if profile:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(40)
    print(f"analysed {analysed - began:.1f} s, exported {exported - analysed:.1f} s, rendered {ended - exported:.1f} s")
    print(f"total {ended - began:.1f}")
    print(f"peak {peak():.3f}")


def confused() -> Breakdown:
    """Of as many classes as there is a matrix for: the largest that a page holds for a method."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, MATRIX, 5000)
    return breakdown("classes", [f"class {i}" for i in range(MATRIX)], [(draw.random((5000, MATRIX)), truth)])


def peak() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def browse(page: Path) -> tuple[float, float]:
    """Seconds until the page is interactive, and of a switch to another data set."""
    from playwright.sync_api import sync_playwright

    found = next(p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
        began = time.perf_counter()
        tab.goto(page.as_uri())
        tab.evaluate(PAINTED)
        opened = time.perf_counter() - began
        before = tab.evaluate("performance.now()")
        tab.evaluate("document.querySelectorAll('[data-set=view]')[1].click()")
        switched = (tab.evaluate(PAINTED) - before) / 1000
        browser.close()
    return opened, switched


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--datasets", type=int, default=3, choices=range(1, len(TRUTHS) + 1))
    parser.add_argument("--profile", action="store_true", help="print where the time goes (cProfile)")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write, options.seeds, options.datasets, options.profile)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.report", "--write", folder]
        command += ["--seeds", str(options.seeds), "--datasets", str(options.datasets)]
        command += ["--profile"] if options.profile else []
        out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        print(out, end="")
        told = dict(line.split(" ", 1) for line in out.splitlines() if line.startswith(("total ", "peak ")))
        page = Path(folder) / "report.html"
        size = page.stat().st_size / 1e6
        opened, switched = browse(page)
    print(f"interactive after {opened:.2f} s; data set switched in {switched:.2f} s")
    rows = [
        ("report", float(told["total"]), SECONDS, "s"),
        ("resident memory", float(told["peak"]), GIGABYTES, "GB"),
        ("HTML", size, MEGABYTES, "MB"),
        ("interactive", opened, INTERACTIVE, "s"),
    ]
    for name, value, goal, unit in rows:
        print(f"{'ok  ' if value <= goal else 'OVER'} {name}: {value:.2f} of at most {goal:g} {unit}")
    return int(any(value > goal for _, value, goal, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
