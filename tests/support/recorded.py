"""Steps captured on a CPU, in place of CUDA graphs: operations are written down with the memory that they write to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmbench.training.captured import Graph, Results
from mmbench.training.recorder import Recorder, Run, memory


@dataclass(frozen=True)
class Recording:
    runs: Sequence[Run]
    results: Results

    @torch.no_grad()
    def replay(self) -> None:
        for run in self.runs:
            run()


class Recorded:
    """captured: how often something was."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.made: dict[object, tuple[Sequence[Tensor], Graph]] = {}
        self.captured = 0

    def __call__(self, compute: Callable[[], Results], state: Sequence[Tensor]) -> Graph:
        before, random = [t.detach().clone() for t in state], torch.get_rng_state()
        recorder = Recorder({memory(t) for t in state})
        with recorder:
            results = compute()
        with torch.no_grad():
            for tensor, was in zip(state, before, strict=True):
                tensor.copy_(was)
        torch.set_rng_state(random)
        if recorder.refusal is not None:
            raise RuntimeError(recorder.refusal)
        self.captured += 1
        return Recording(recorder.runs, results)
