"""A trial in this process, without Ray, as a sweep's worker would run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from mmbench.data.batches import Split, as_split
from mmbench.data.prepared import SPLITS, load_prepared
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


def run_locally(job: Job, folder: Path, limits: Limits) -> tuple[TrialFiles, Mapping[str, Split]]:
    """Train and measure a trial on the prepared data set in `folder`, on the GPU if there is one.

    Returns what it leaves behind and the splits, which are on the device of the model. Raises UserError where the data
    set is missing or broken.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spec, arrays = load_prepared(folder)
    splits = {name: as_split(spec, arrays[name], device) for name in SPLITS}
    with one_thread():
        return run(job, spec, splits, limits), splits
