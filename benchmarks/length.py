"""Cost against length, held against its bounds: `python -m benchmarks.length [--threads N] [--only PART]`.

linear: the mechanisms that claim linear cost, their exponents of time and memory from 1,024 to 16,384 tokens, and how
many times as fast as the exact softmax they are at 16,384 tokens, in the same run (per length, the quietest of three
rounds). exact: `scaled_dot_product` against a bare call of PyTorch's fused kernel, interleaved. additive: its largest
single allocation and its peak memory against the tensor that the formula, written naively, would hold.

Every line ends with whether its bound holds; the exit code is 1 where one does not. Forward and backward throughout.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

os.environ.setdefault("KINETO_LOG_LEVEL", "6")

import torch
from torch.nn import functional as F

from mmbench.probe.length import Bench, Limits, Setting, allocated, collect, profile
from mmbench.registry import get
from mmbench.scaling import REFERENCE, Series
from mmbench.types import Attention

LINEAR = ("linear", "performer", "linformer", "nystrom", "local", "mean")
LENGTHS = (1024, 2048, 4096, 8192, 16384)
EXPONENT, FASTER, OVERHEAD, NAIVE = 1.15, 10.0, 1.1, 8
WIDTH, HEADS = 64, 2
ROUNDS = 3

Line = tuple[str, bool]


def make(name: str) -> Callable[[], Attention]:
    return lambda: get("attention", name, where="benchmark").cls(HEADS, WIDTH // HEADS)


def setting(batch: int = 1) -> Setting:
    return Setting(device=torch.device("cpu"), batch=batch, heads=HEADS, width=WIDTH, seconds=0.5)


def linear() -> Iterator[Line]:
    """Bounds on exponents and on the ratio to the exact softmax."""
    makers = {name: make(name) for name in (REFERENCE, *LINEAR)}
    # Warm: the first use of threads, of the allocator and of every kernel is nobody's cost.
    for maker in makers.values():
        Bench(maker, LENGTHS[0], setting()).training()
    rounds = [_round(makers) for _ in range(ROUNDS)]
    series = {name: _quietest([found[name] for found in rounds]) for name in makers}
    exact = series[REFERENCE].points[-1]
    print(f"{REFERENCE}: {exact.training:.3f} s at {exact.length:,} tokens")
    for name in LINEAR:
        yield from _grows(series[name], exact.training)


def _round(makers: Mapping[str, Callable[[], Attention]]) -> dict[str, Series]:
    steps = list(profile(makers, LENGTHS, setting(), Limits(seconds=120, memory=8e9)))
    return {s.attention: s for s in collect(steps)}


def _quietest(found: Sequence[Series]) -> Series:
    """The least of the rounds' medians, length by length: what else runs on the machine only adds."""
    best = tuple(min(points, key=lambda p: p.training) for points in zip(*(s.points for s in found), strict=True))
    assert len(best) == len(LENGTHS), f"{found[0].attention} was stopped: {found[0].stop}"
    return found[0].model_copy(update={"points": best})


def _grows(series: Series, exact: float) -> Iterator[Line]:
    for name, what in (("time", "training"), ("memory", "memory")):
        fit = series.fit(what)
        assert fit is not None
        values = [1e3 * p.training if what == "training" else p.memory / 1e6 for p in series.points]
        shown = ", ".join(f"{v:.2f}" for v in values) + (" ms" if what == "training" else " MB")
        said = f"{series.attention:10} {name:6} ~ N^{fit.exponent:.3f} (± {fit.half or 0:.3f}; {shown})"
        yield said, fit.exponent <= EXPONENT
    last = series.points[-1]
    ratio = exact / last.training
    yield (
        f"{series.attention:10} {ratio:.1f} times as fast as the exact softmax at {last.length:,} tokens",
        ratio >= FASTER,
    )


def interleaved(first: Callable[[], object], second: Callable[[], object], *, seconds: float) -> tuple[float, float]:
    """Median seconds of each, taken in turn, so that both meet the same moments of the machine."""
    taken: tuple[list[float], list[float]] = ([], [])
    for run in (first, second, first, second):
        run()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(taken[0]) < 5:
        for run, into in zip((first, second), taken, strict=True):
            at = time.perf_counter()
            run()
            into.append(time.perf_counter() - at)
    return statistics.median(taken[0]), statistics.median(taken[1])


def exact() -> Iterator[Line]:
    """`scaled_dot_product` against the bare kernel."""
    for length in (64, 512, 4096):
        bench = Bench(make(REFERENCE), length, setting(batch=8))

        def bare(bench: Bench = bench) -> None:
            q, k, v = (x.view(8, -1, HEADS, WIDTH // HEADS).transpose(1, 2) for x in bench.leaves)
            y = F.scaled_dot_product_attention(q, k, v)
            torch.autograd.grad(y, bench.leaves, bench.above)

        ours, theirs = interleaved(bench.training, bare, seconds=6)
        ratio = ours / theirs
        said = (
            f"{REFERENCE} at {length:,} tokens, batch 8: {1e3 * ours:.3f} ms, bare {1e3 * theirs:.3f} ms, {ratio:.3f} x"
        )
        yield said, ratio <= OVERHEAD


def additive() -> Iterator[Line]:
    """The largest allocation against (B, H, N, M, d) / 8 of float32."""
    for length in (512, 2048):
        bench = Bench(make("additive"), length, setting())
        bench.training()
        found = allocated(bench.training)
        bound = 4 * HEADS * length * length * (WIDTH // HEADS) / NAIVE
        said = (
            f"additive at {length:,} tokens: largest allocation {found.largest / 1e6:.1f} MB, bound {bound / 1e6:.1f} "
            f"MB; peak {found.peak / 1e6:.1f} MB"
        )
        yield said, found.largest <= bound


PARTS: dict[str, Callable[[], Iterator[Line]]] = {"linear": linear, "exact": exact, "additive": additive}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=list(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, width {WIDTH}, {HEADS} heads, float32")
    good = True
    for name, part in PARTS.items():
        if options.only in (None, name):
            for said, holds in part():
                print(f"{said}: {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
                good = good and holds
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
