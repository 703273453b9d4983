"""A trial in this process, without Ray, as a sweep's worker would run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from mmbench.data.batches import Split, as_split
from mmbench.data.prepared import SPLITS, load_prepared
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import TrialResult
from mmbench.training.trial import run


@contextmanager
def one_thread() -> Iterator[None]:
    """As in a sweep: with more threads sums are added in another order, and the last bits differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def run_locally(
    job: Job, folder: Path, limits: Limits, *, on_model: Callable[[nn.Module], None] = lambda model: None
) -> tuple[TrialResult, Mapping[str, Split]]:
    """Train a trial on the prepared data set in `folder`, on the GPU if there is one.

    Returns its result and the splits, which are on the device of the model. on_model: called with the trained model.
    Raises UserError where the data set is missing or broken.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spec, arrays = load_prepared(folder)
    splits = {name: as_split(spec, arrays[name], device) for name in SPLITS}
    with one_thread():
        return run(job, spec, splits, limits, on_model=on_model), splits
