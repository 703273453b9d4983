"""Cost against length, held against its bounds: `python -m benchmarks.length [--threads N] [--only PART]`.

linear: the mechanisms that claim linear cost, their exponents of time and memory from 1,024 to 16,384 tokens, and how
many times as fast as the exact softmax they are at 16,384 tokens, in the same run. All take turns, and a time is that
of the quickest pass: what else runs on the machine only adds, and it adds most to the longest pass. exact:
`scaled_dot_product` against a bare call of PyTorch's fused kernel, interleaved, medians. additive: its largest single
allocation and its peak memory against the tensor that the formula, written naively, would hold.

Every line ends with whether its bound holds; the exit code is 1 where one does not. Forward and backward throughout.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence

os.environ.setdefault("KINETO_LOG_LEVEL", "6")

import torch
from torch.nn import functional as F

from mmbench.model.attention_cost import Bench, Setting, record_allocations
from mmbench.model.interfaces import Attention
from mmbench.registry import get
from mmbench.schema.cost_curves import REFERENCE, fit

LINEAR = ("linear", "performer", "linformer", "nystrom", "local", "mean")
LENGTHS = (1024, 2048, 4096, 8192, 16384)
EXPONENT, FASTER, OVERHEAD, NAIVE = 1.15, 10.0, 1.1, 8
WIDTH, HEADS = 64, 2
ROUNDS = 30

Line = tuple[str, bool]


def make(name: str) -> Callable[[], Attention]:
    return lambda: get("attention", name, where="benchmark").cls(HEADS, WIDTH // HEADS)


def setting(batch: int = 1) -> Setting:
    return Setting(device=torch.device("cpu"), batch=batch, heads=HEADS, width=WIDTH)


def linear() -> Iterator[Line]:
    """Bounds on exponents and on the ratio to the exact softmax."""
    benches = {(name, n): Bench(make(name), n, setting()) for name in LINEAR for n in LENGTHS}
    reference = Bench(make(REFERENCE), LENGTHS[-1], setting())
    quickest = dict.fromkeys(benches, float("inf"))
    exact = float("inf")
    for turn in range(ROUNDS):
        for key, bench in benches.items():
            quickest[key] = min(quickest[key], *burst(bench.training, seconds=0.03, least=3))
        if turn % (ROUNDS // 3) == 0:
            exact = min(exact, *burst(reference.training, seconds=0, least=1))
    print(f"{REFERENCE}: {exact:.3f} s at {LENGTHS[-1]:,} tokens")
    for name in LINEAR:
        times = [quickest[name, n] for n in LENGTHS]
        yield _grows(name, "time", times, [f"{1e3 * t:.2f} ms" for t in times])
        memory = [benches[name, n].memory() for n in LENGTHS]
        yield _grows(name, "memory", memory, [f"{m / 1e6:.2f} MB" for m in memory])
        ratio = exact / times[-1]
        yield f"{name:10} {ratio:.1f} times as fast as the exact softmax at {LENGTHS[-1]:,} tokens", ratio >= FASTER


def burst(run: Callable[[], object], *, seconds: float, least: int) -> list[float]:
    """Seconds of some passes in a row; the first, which warms the caches, is left out where there are more."""
    taken: list[float] = []
    while sum(taken) < seconds or len(taken) < least:
        at = time.perf_counter()
        run()
        taken.append(time.perf_counter() - at)
    return taken[1:] or taken


def _grows(name: str, what: str, values: Sequence[float], shown: Sequence[str]) -> Line:
    found = fit(LENGTHS, values)
    assert found is not None
    said = f"{name:10} {what:6} ~ N^{found.exponent:.3f} (± {found.half or 0:.3f}; {', '.join(shown)})"
    return said, found.exponent <= EXPONENT


def interleaved(
    first: Callable[[], object], second: Callable[[], object], *, seconds: float, least: int = 10
) -> tuple[list[float], list[float]]:
    """Seconds of each pass, in turns that change places, so that both meet the same moments of the machine."""
    taken: tuple[list[float], list[float]] = ([], [])
    pairs = [(first, taken[0]), (second, taken[1])]
    for run, _ in pairs:
        run()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(taken[0]) < least:
        for run, into in pairs:
            at = time.perf_counter()
            run()
            into.append(time.perf_counter() - at)
        pairs.reverse()
    return taken


def exact() -> Iterator[Line]:
    """`scaled_dot_product` against the bare kernel."""
    for length in (64, 512, 4096):
        bench = Bench(make(REFERENCE), length, setting(batch=8))

        def bare(bench: Bench = bench) -> None:
            q, k, v = (x.view(8, -1, HEADS, WIDTH // HEADS).transpose(1, 2) for x in bench.leaves)
            y = F.scaled_dot_product_attention(q, k, v)
            torch.autograd.grad(y, bench.leaves, bench.above)

        ours, theirs = interleaved(bench.training, bare, seconds=6)
        ratio = statistics.median(ours) / statistics.median(theirs)
        said = (
            f"{REFERENCE} at {length:,} tokens, batch 8: {1e3 * statistics.median(ours):.3f} ms, {ratio:.3f} times the "
            f"bare kernel (medians of {len(ours)}; quickest: {min(ours) / min(theirs):.3f})"
        )
        yield said, ratio <= OVERHEAD


def additive() -> Iterator[Line]:
    """All that is held at once against (B, H, N, M, d) / 8 of float32."""
    for length in (512, 2048):
        bench = Bench(make("additive"), length, setting())
        bench.training()
        found = record_allocations(bench.training)
        bound = 4 * HEADS * length * length * (WIDTH // HEADS) / NAIVE
        said = (
            f"additive at {length:,} tokens: largest allocation {found.largest / 1e6:.1f} MB, bound {bound / 1e6:.1f} "
            f"MB; peak {found.peak / 1e6:.1f} MB"
        )
        yield said, found.peak <= bound


PARTS: dict[str, Callable[[], Iterator[Line]]] = {"linear": linear, "exact": exact, "additive": additive}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=list(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load = f"; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(
        f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, width {WIDTH}, {HEADS} heads, float32{load}"
    )
    good = True
    for name, part in PARTS.items():
        if options.only in (None, name):
            for said, holds in part():
                print(f"{said}: {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
                good = good and holds
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
