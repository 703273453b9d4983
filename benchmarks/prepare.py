"""The speed and memory of preparing: `python -m benchmarks.prepare [--samples N] [--processes P]`.

N images (PNG, 96 x 96) and N clips of sound (WAV, 0.6 s at 16 kHz), generated once into a temporary folder, are
prepared into mapped arrays. Bare: as many processes run the decoding libraries over the same files, with the same
resizing and the same log-mel, and throw the results away: no table, no checks, no statistics, nothing written. Both run
in turns, twice each, and the quicker time of each counts: what else runs on the machine only adds.

Peak memory is resident and sampled 20 times a second: of the process that prepares, and of all it started.

Every line ends with whether its bound holds; the exit code is 1 where one does not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import soundfile
from PIL import Image

from mmbench.data.decode.audio import AudioDecoder
from mmbench.data.decode.factory import decoder
from mmbench.data.files.source import Root
from mmbench.data.prepare.arrays import prepare
from mmbench.data.table.table import Column, Table
from mmbench.schema.task import task_of

SPEED, MEMORY = 0.80, 1e9
ROUNDS = 2
RATE, SECONDS, SIDE = 16_000, 0.6, 96


class Maps:
    """Arrays as mapped .npy files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def array(self, split: str, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.lib.format.open_memmap(self.folder / f"{split}.{name}.npy", "w+", np.dtype(dtype), shape)


def generate(folder: Path, rows: Sequence[int]) -> None:
    """Pictures with a gradient, a disc and some noise; tones that glide, in noise."""
    y, x = np.mgrid[:SIDE, :SIDE]
    t = np.arange(round(RATE * SECONDS)) / RATE
    for row in rows:
        rng = np.random.default_rng(row)
        image = np.stack([x, y, x + y], axis=-1) * rng.uniform(0.3, 1.2, 3)
        image[(x - rng.integers(SIDE)) ** 2 + (y - rng.integers(SIDE)) ** 2 < 200] = rng.uniform(0, 255, 3)
        pixels = (image + rng.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{row}.png", compress_level=1)
        wave = 0.3 * np.sin(2 * np.pi * rng.uniform(200, 2000) * t * (1 + rng.uniform(0, 1) * t))
        soundfile.write(folder / f"{row}.wav", wave + rng.normal(0, 0.02, len(t)), RATE)


def table(folder: Path, count: int) -> tuple[Table, np.ndarray]:
    root = Root(folder)
    made = Table(
        places=[f"row {i}" for i in range(count)],
        modalities={
            "image": Column(kind="image", cells=[root.source(f"{i}.png") for i in range(count)]),
            "audio": Column(kind="audio", cells=[root.source(f"{i}.wav") for i in range(count)]),
        },
        task=task_of("classification", ["a", "b"]),
        labels=np.arange(count) % 2,
    )
    return made, np.array(["train", "train", "train", "validation", "test"])[np.arange(count) % 5]


def bare(folder: Path, rows: Sequence[int], size: tuple[int, int], log_mel: AudioDecoder) -> None:
    """What nobody can do without: decode, bring to one size, transform."""
    wanted = log_mel.samples
    for row in rows:
        with Image.open(folder / f"{row}.png") as image:
            np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))
    for row in rows:
        samples, _ = soundfile.read(folder / f"{row}.wav", dtype="float32")
        padded = np.zeros(max(wanted, len(samples)), np.float32)
        padded[: len(samples)] = samples
        log_mel.log_mel(padded[:wanted]).astype(np.float16)


def side_by_side(work: Callable[..., None], folder: Path, count: int, processes: int, *more: Any) -> None:
    """Every process takes an equal share of the rows."""
    context = multiprocessing.get_context("spawn")
    shares = [range(start, count, processes) for start in range(processes)]
    running = [context.Process(target=work, args=(folder, share, *more)) for share in shares]
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a process ended with {process.exitcode}")


class Memory:
    """Peak resident memory while it is entered: of this process, and of it with all it started."""

    own = everything = 0

    def __enter__(self) -> Memory:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._done.wait(0.05):
            own = me.memory_info().rss
            children = 0
            for child in me.children(recursive=True):
                try:
                    children += child.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.own, self.everything = max(self.own, own), max(self.everything, own + children)


def lines(folder: Path, count: int, processes: int) -> Iterator[tuple[str, bool]]:
    (folder / "raw").mkdir()
    side_by_side(generate, folder / "raw", count, processes)
    samples, split = table(folder / "raw", count)
    log_mel = decoder("audio", {})
    assert isinstance(log_mel, AudioDecoder)
    log_mel.fit([cell for cell in samples.modalities["audio"].cells[:100] if cell is not None])
    image = decoder("image", {}).fit([cell for cell in samples.modalities["image"].cells[:100] if cell is not None])
    times: dict[str, list[float]] = {"bare": [], "prepare": []}
    with Memory() as memory:
        for turn in range(ROUNDS):
            began = time.perf_counter()
            side_by_side(bare, folder / "raw", count, processes, image.shape[:0:-1], log_mel)
            times["bare"].append(time.perf_counter() - began)
            memory.own = memory.everything = 0
            (folder / f"out{turn}").mkdir()
            began = time.perf_counter()
            prepare(samples, split, Maps(folder / f"out{turn}"), progress=False, processes=processes)
            times["prepare"].append(time.perf_counter() - began)
            print(f"turn {turn + 1}: bare {times['bare'][-1]:.1f} s, prepare {times['prepare'][-1]:.1f} s", flush=True)
    ours, theirs = min(times["prepare"]), min(times["bare"])
    said = (
        f"{count:,} images and clips: prepare {ours:.1f} s, bare libraries {theirs:.1f} s: {theirs / ours:.2f} of their"
    )
    yield f"{said} speed on {processes} processes", theirs / ours >= SPEED
    yield f"peak resident memory of the process that prepares: {memory.own / 1e6:.0f} MB", memory.own < MEMORY
    yield f"peak resident memory of all {processes + 1}: {memory.everything / 1e6:.0f} MB", memory.everything < MEMORY


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=joblib.cpu_count())
    options = parser.parse_args()
    # Libraries' own threads would give the bare run, which has nothing beside it, both cores twice.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for said, holds in lines(Path(folder), options.samples, options.processes):
            failed += not holds
            print(f"{said} [{'holds' if holds else 'FAILS'}]")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
