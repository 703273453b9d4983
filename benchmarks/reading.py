"""What reading batches from memory-mapped arrays takes of a training step: `python -m benchmarks.reading`.

A data set of random pictures (3 x 64 x 64 bytes) and spectrograms (160 x 40 half floats) is written as `prepare` would
write it. Then the mean step of a whole epoch is timed, and of it the share that goes into reading a batch: rows from
the memory map, conversion and normalisation. It is done for the cheapest and for the dearest cell of the core grid.
The goal is less than 5 % in each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mmbench.data.batches import Inputs, Split, as_split
from mmbench.data.prepared import SPLITS, Writer, load_arrays
from mmbench.model.build import build
from mmbench.schema.dataset import DataSpec, Modality, Normal
from mmbench.schema.params import Choice
from mmbench.schema.task import task_of
from mmbench.schema.trial import TrialConfig
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from tests.support import plain

ROOT = Path(__file__).resolve().parents[1]
GOAL = 0.05
CELLS = (("mean", "concat", "shared"), ("additive", "cross_attention", "hybrid"))


class Timed(Split):
    """A split that knows how long reading its rows took, in all."""

    seconds = 0.0

    def rows(self, index: torch.Tensor | slice) -> tuple[Inputs, torch.Tensor]:
        began = time.perf_counter()
        found = super().rows(index)
        Timed.seconds += time.perf_counter() - began
        return found


def write(folder: Path, samples: int) -> DataSpec:
    """Random numbers in the types and shapes that pictures and sounds are prepared to."""
    draw = np.random.default_rng(0)
    sizes = {"train": samples, "validation": 64, "test": 64}
    normal = {n: Normal(axis=a, mean=(0.5,) * n, std=(1.5,) * n) for n, a in ((3, 0), (40, 1))}
    spec = DataSpec(
        name="random",
        description="Random numbers.",
        modalities={
            "image": Modality(kind="image", shape=(3, 64, 64), options={"patch": 16}, normal=normal[3]),
            "audio": Modality(kind="audio", shape=(160, 40), options={"frames": 5}, normal=normal[40]),
        },
        task=task_of("classification", "abcd"),
        splits=sizes,
        chance=0.25,
        ceiling=None,
        licence="CC0",
        source="random numbers",
        hash="",
    )
    with Writer(folder) as writer:
        for split, n in sizes.items():
            image = writer.array(split, "image", (n, 3, 64, 64), "uint8")
            audio = writer.array(split, "audio", (n, 160, 40), "float16")
            for i in range(0, n, 1000):
                part = image[i : i + 1000]
                part[...] = draw.integers(0, 256, part.shape, dtype=np.uint8)
                audio[i : i + 1000] = draw.standard_normal(audio[i : i + 1000].shape, dtype=np.float32)
            writer.array(split, "label", (n,), "int64")[...] = draw.integers(0, 4, n)
        return writer.finish(spec)


def measure(spec: DataSpec, folder: Path, cell: tuple[str, str, str]) -> tuple[float, float]:
    """Seconds of training for one epoch, and of it the seconds spent on reading rows."""
    params = plain.params()
    train = params.train.resolved(epochs=1, learning_rate=0.003).model_copy(update={"epochs": 1})
    attention, fusion, architecture = (Choice(name=name) for name in cell)
    config = TrialConfig(
        role="cell",
        dataset=spec.name,
        modalities=tuple(spec.modalities),
        attention=attention,
        fusion=fusion,
        architecture=architecture,
        seed=0,
        model=params.model.size,
        train=train,
    )
    splits = {}
    for name in SPLITS:
        split = as_split(spec, load_arrays(folder, name))
        splits[name] = Timed(inputs=split.inputs, labels=split.labels, normal=split.normal)
    torch.manual_seed(0)
    model = build(config, spec)
    Timed.seconds = 0.0
    aim = objective(spec, splits["train"].labels)
    trained = fit(model, splits["train"], splits["validation"], train, aim, seed=0)
    return trained.seconds, Timed.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--samples", type=int, default=20_000, help="of the training split")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    held = True
    with tempfile.TemporaryDirectory(prefix="mmbench-reading-") as scratch:
        folder = Path(scratch) / "random"
        spec = write(folder, options.samples)
        for cell in CELLS:
            whole, reading = measure(spec, folder, cell)
            share = reading / whole
            held &= share < GOAL
            print(
                f"{' + '.join(cell):<40} {options.samples:,} samples: {whole:6.1f} s an epoch, {reading:5.2f} s of it "
                f"reading = {100 * share:.1f} % < {100 * GOAL:g} %: {'holds' if share < GOAL else 'DOES NOT HOLD'}"
            )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
