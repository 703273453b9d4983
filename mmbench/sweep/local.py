"""A trial in this process, without Ray, as a sweep's worker would run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from mmbench.data.batches import Split, as_split
from mmbench.data.prepared import SPLITS, load_prepared
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job, Limits
from mmbench.sweep.files import TrialFiles
from mmbench.sweep.trial import run


@contextmanager
def one_thread() -> Iterator[None]:
    """As in a sweep: with more threads sums are added in another order, and the last bits differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def load_splits(folder: Path) -> tuple[DataSpec, Mapping[str, Split]]:
    """The prepared data set in `folder`, on the GPU if there is one. Raises UserError where it is missing or broken."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spec, arrays = load_prepared(folder)
    return spec, {name: as_split(spec, arrays[name], device) for name in SPLITS}


def run_locally(job: Job, folder: Path, limits: Limits, *, keep_weights: int = 0) -> TrialFiles:
    """Train and measure a trial on the prepared data set in `folder`, on the GPU if there is one.

    keep_weights: up to this many bytes they are part of what is returned. Raises UserError as `load_splits` does.
    """
    spec, splits = load_splits(folder)
    with one_thread():
        return run(job, spec, splits, limits, keep_weights=keep_weights)
