"""A training step whose operations were written down once, and are run again without Python's models around them.

Half of a step of a small model on a CPU is not arithmetic: modules that are called, views that are made, the graph of
the gradient that is built and walked. All of it comes out the same in every step. So one step is watched at the level
of PyTorch's operations, and what it did to which memory is done again, as a CUDA graph does on a GPU: the memory is
kept, views of it need no making, and every operation writes where it wrote before. The numbers are the same, bit by
bit.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from mmbench.training.recorder import OtherBranchError, Recorder, Run, memory

WORTH_RECORDING = 24
"""Calls from which on a recording pays, which takes as long as some ten of them."""

BRANCHES = 3
"""Ways through a step that are recorded; they differ where a batch has no padding, say."""
MISSES = 9
"""Calls that no recording fits before all is computed, unless they are less than a quarter of all."""

LOOKS = 3
"""Replays that are compared with computing the same, before one is said to take longer."""


class ReplayDiffersError(RuntimeError):
    """A step was not what its recording says: the model depends on something that is neither parameter nor input."""


def _shown(value: object) -> object:
    """What equals itself as long as nothing has changed."""
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(map(_shown, value))
    if isinstance(value, dict):
        return tuple((_shown(k), _shown(v)) for k, v in value.items())
    return repr(value) if isinstance(value, bool | int | float | str | bytes | None) else id(value)


def python_state(model: nn.Module) -> Mapping[tuple[str, str], object]:
    """What modules keep beside parameters, buffers and other modules."""
    own = ("_parameters", "_buffers", "_modules")
    return {
        (path, name): _shown(value)
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if name not in own
    }


class _State:
    """What a step changes beside its results: PyTorch's random state, and buffers. Computing it may draw elsewhere."""

    def __init__(self, buffers: Sequence[Tensor], *, computed: bool = True) -> None:
        self.random = torch.get_rng_state()
        self.elsewhere = (random.getstate(), np.random.get_state()) if computed else None  # noqa: NPY002
        self.buffers = [(b, b.detach().clone()) for b in buffers]

    @torch.no_grad()
    def restore(self) -> None:
        torch.set_rng_state(self.random)
        if self.elsewhere is not None:
            random.setstate(self.elsewhere[0])
            np.random.set_state(self.elsewhere[1])  # noqa: NPY002
        for buffer, value in self.buffers:
            buffer.copy_(value)


def _equal(some: Sequence[Tensor | None], others: Sequence[Tensor | None]) -> bool:
    return all(a is b if a is None or b is None else torch.equal(a, b) for a, b in zip(some, others, strict=True))


@dataclass(kw_only=True)
class _Recording:
    """One step. inputs, results: tensors whose memory `replay` reads and writes. lasting: buffers; None where no
    values decide on the way, so that every replay comes to its end. proven: one was found to be what is computed.
    times: seconds of replays and of computing the same."""

    runs: Sequence[Run]
    inputs: Sequence[Tensor]
    results: Sequence[Tensor | None]
    lasting: Sequence[Tensor] | None
    proven: bool = False
    times: list[tuple[float, float]] = field(default_factory=list)

    @torch.inference_mode()
    def replay(self, inputs: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """The results for other inputs of the same shapes; the next call writes over them.

        Raises OtherBranchError where these inputs lead through other operations; nothing has changed then.
        """
        before = None if self.lasting is None else _State(self.lasting, computed=False)
        for own, given in zip(self.inputs, inputs, strict=True):
            own.copy_(given)
        try:
            for run in self.runs:
                run()
        except OtherBranchError:
            if before is not None:
                before.restore()
            raise
        return self.results


class Replayed:
    """A function of tensors and of a model that is called many times: `compute(*inputs)`, and its results.

    A call is replayed once one with inputs of these shapes was recorded; before and where that is impossible
    it is computed. refusal: why nothing is replayed any more, or None.
    """

    def __init__(self, compute: Callable[..., Sequence[Tensor | None]], model: nn.Module) -> None:
        self.compute, self.model = compute, model
        self.refusal: str | None = None
        self.calls: Counter[object] = Counter()
        self.recordings: dict[object, list[_Recording]] = {}
        self.misses = 0

    def __call__(self, *inputs: Tensor, times: int, check: bool = False) -> Sequence[Tensor | None]:
        """times: how often inputs of these shapes will come. check: compute too, and compare.

        Raises ReplayDiffersError where a check finds another result than the replay.
        """
        key = tuple((t.shape, t.dtype) for t in inputs)
        self.calls[key] += 1
        if self.refusal is not None or times < WORTH_RECORDING or self.calls[key] == 1:
            return self.compute(*inputs)
        known = self.recordings.setdefault(key, [])
        for recording in known:
            try:
                return recording.replay(inputs) if recording.proven and not check else self._checked(recording, inputs)
            except OtherBranchError:
                continue
        if len(known) < BRANCHES:
            return self._record(known, inputs)
        self.misses += 1
        if self.misses > max(MISSES, self.calls[key] // 4):
            self._refuse("values often lead through other operations")
        return self.compute(*inputs)

    def _refuse(self, why: str) -> None:
        """From now on all is computed, and the memory of recordings is given back."""
        self.refusal = why
        self.recordings.clear()

    def _record(self, known: list[_Recording], inputs: Sequence[Tensor]) -> Sequence[Tensor | None]:
        buffers = list(self.model.buffers())
        before, state = _State(buffers), python_state(self.model)
        # Of its own, so that what is computed afterwards finds its inputs as they were.
        inputs_of_recording = [t.clone() for t in inputs]
        recorder = Recorder({memory(b) for b in buffers})
        with recorder:
            results = self.compute(*inputs_of_recording)
        if python_state(self.model) != state:
            self._refuse("the model changes what it keeps in Python")
            return results  # computed again, it would change once more
        before.restore()
        computed = self.compute(*inputs)
        if recorder.refusal is not None:
            self._refuse(recorder.refusal)
        elif not _equal(results, computed):
            # PyTorch itself takes other ways where it is watched: the gradient of a product, for one.
            self._refuse("a step that is watched has another result")
        else:
            lasting = buffers if recorder.guarded else None
            made = _Recording(runs=recorder.runs, inputs=inputs_of_recording, results=results, lasting=lasting)
            known.append(made)
        return computed

    def _checked(self, recording: _Recording, inputs: Sequence[Tensor]) -> Sequence[Tensor | None]:
        before = _State(list(self.model.buffers()))
        began = time.perf_counter()
        results = recording.replay(inputs)
        to_replay = time.perf_counter() - began
        replayed = [None if r is None else r.clone() for r in results]
        after = torch.get_rng_state()
        before.restore()
        began = time.perf_counter()
        computed = self.compute(*inputs)
        to_compute = time.perf_counter() - began
        same = torch.equal(after, torch.get_rng_state()) and _equal(replayed, computed)
        if not same and recording.proven:
            raise ReplayDiffersError
        recording.proven = True
        recording.times.append((to_replay, to_compute))
        # The quickest of several, since others run on the machine too.
        replays, computations = zip(*recording.times, strict=True)
        if not same:
            self._refuse("a replay has another result")
        elif len(recording.times) >= LOOKS and min(replays) > min(computations):
            self._refuse("a replay takes longer")
        return computed
