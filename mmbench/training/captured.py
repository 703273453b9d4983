"""A step on a GPU, captured once as a CUDA graph and launched as a whole from then on.

A step of a small model is some hundred kernels, each of which takes longer to launch than to run. A CUDA graph launches
all of them at once, on the memory on which it was captured: inputs are copied there, and results lie there.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Protocol
from weakref import WeakMethod

import numpy as np
import torch
from torch import Tensor, nn

from mmbench.training.replay import python_state

Results = Sequence[Tensor | None]

WARM = 3
"""Calls that are computed before the next is captured: libraries choose their kernels, and optimisers make their
state, in the first of them."""

CLOSE = 1e-3
"""How far what a graph does may be from what is computed, as a share of what changes."""


class Graph(Protocol):
    """What was captured: its results, whose memory every replay writes to."""

    @property
    def results(self) -> Results: ...

    def replay(self) -> object:
        """Do again what was captured, with what now lies in the memory it reads."""


class Capture(Protocol):
    """How something is captured. refusal: why nothing is captured any more, or None. made: what was captured, with the
    inputs that it reads, by what was asked for."""

    refusal: str | None
    made: dict[object, tuple[Sequence[Tensor], Graph]]

    def __call__(self, compute: Callable[[], Results], state: Sequence[Tensor]) -> Graph:
        """state: what `compute` changes in place; it is as before afterwards, also where capturing means computing.

        Raises whatever `compute` does, or RuntimeError where it does what cannot be captured.
        """


@dataclass(frozen=True)
class _CudaGraph:
    graph: torch.cuda.CUDAGraph
    results: Results

    def replay(self) -> None:
        self.graph.replay()


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for all captures of a process: libraries keep memory for each that they have worked on."""
    return torch.cuda.Stream(device)


class CudaGraphs:
    """CUDA graphs of one training. They share their memory, so what one has found must be read before the next runs."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.refusal: str | None = None
        self.made: dict[object, tuple[Sequence[Tensor], Graph]] = {}
        self.stream = _stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def __call__(self, compute: Callable[[], Results], state: Sequence[Tensor]) -> Graph:
        current = torch.cuda.current_stream(self.device)
        graph = torch.cuda.CUDAGraph()
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            try:
                # The generator's own tensors, which it may make now, serve training too.
                with torch.inference_mode(mode=False):
                    # Other threads of this process, such as those of Ray, may use the device meanwhile.
                    graph.capture_begin(pool=self.pool, capture_error_mode="thread_local")
                results = compute()
            except BaseException:
                # It has been invalidated by then, which is what the end of it would say.
                with suppress(RuntimeError):
                    graph.capture_end()
                self._random_as_before()
                raise
            try:
                graph.capture_end()
            except RuntimeError:
                self._random_as_before()
                raise
        current.wait_stream(self.stream)
        return _CudaGraph(graph, results)

    def _random_as_before(self) -> None:
        """Where a capture fails, the generator is not told that it has ended, and would refuse to draw."""
        generator = _generator(self.device)
        with suppress(RuntimeError):
            generator.graphsafe_set_state(generator.clone_state())


@dataclass(frozen=True, kw_only=True)
class _State:
    """What a call changes beside its results."""

    tensors: Sequence[Tensor]
    copies: Sequence[Tensor]
    generator: torch.Generator
    random: Tensor

    @staticmethod
    def of(tensors: Sequence[Tensor], device: torch.device) -> _State:
        generator = _generator(device)
        copies = [t.detach().clone() for t in tensors]
        return _State(tensors=tensors, copies=copies, generator=generator, random=generator.get_state())

    @torch.no_grad()
    def restore(self) -> None:
        for tensor, copy in zip(self.tensors, self.copies, strict=True):
            tensor.copy_(copy)
        self.generator.set_state(self.random)


def _generator(device: torch.device) -> torch.Generator:
    if device.type != "cuda":
        return torch.default_generator
    return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]


def _alike(found: Tensor, expected: Tensor, before: Tensor | None) -> bool:
    """Whether they are finite in the same places, and there differ by little of what has changed."""
    finite = torch.isfinite(expected) if expected.is_floating_point() else torch.ones_like(expected, dtype=torch.bool)
    if found.is_floating_point() and not torch.equal(torch.isfinite(found), finite):
        return False
    a, b = found[finite].double(), expected[finite].double()
    changed = b if before is None else b - before[finite].double().nan_to_num(0.0, 0.0, 0.0)
    return bool((a - b).norm() <= CLOSE * changed.norm() + 1e-30)


@contextmanager
def captures(device: torch.device, given: Capture | None = None) -> Iterator[Capture | None]:
    """How steps are captured there; None where each operation is quick to start. In the end, graphs give their memory
    back. given: in place of what the device has."""
    capture = given or (CudaGraphs(device) if device.type == "cuda" else None)
    try:
        yield capture
    finally:
        if capture is not None:
            capture.made.clear()


class Captured:
    """A function of tensors that is called many times: `compute(*inputs)`, and its results, until the next call.

    For inputs of shapes that come again it is captured, and compared once with what is computed; where it cannot be
    captured, or finds something else, all is computed.
    """

    def __init__(
        self, compute: Callable[..., Results], capture: Capture, model: nn.Module, state: Sequence[Tensor] = ()
    ) -> None:
        """compute: a method of whoever owns this. state: what a call reads and changes beside its results. model: must
        not keep in Python what changes."""
        # Its owner goes with the last who refers to it: the collector does not see a device's memory, and comes late.
        self._compute = WeakMethod(compute)
        self.capture, self.model, self.state = capture, model, state
        self.calls: Counter[object] = Counter()

    def compute(self, *inputs: Tensor) -> Results:
        """What would be captured."""
        method = self._compute()
        assert method is not None
        return method(*inputs)

    def __call__(self, *inputs: Tensor) -> Results:
        key = id(self), *((t.shape, t.dtype) for t in inputs)
        self.calls[key] += 1
        if self.capture.refusal is not None or self.calls[key] < WARM:
            return self.compute(*inputs)
        if self.calls[key] == WARM:
            return self._watched(inputs)
        if key not in self.capture.made:
            self._make(key, inputs)
            return self.compute(*inputs)
        own, graph = self.capture.made[key]
        for kept, given in zip(own, inputs, strict=True):
            kept.copy_(given)
        # Other inputs than those with which it was captured, which it may have kept.
        if self.calls[key] == WARM + 2:
            return self._compared(graph, inputs)
        graph.replay()
        return graph.results

    def _watched(self, inputs: Sequence[Tensor]) -> Results:
        """Computed; what changes outside the device by it would by being captured too, and not by a replay."""
        before = self._outside(inputs[0].device)
        results = self.compute(*inputs)
        if self._outside(inputs[0].device) != before:
            self._refuse("the model changes what it keeps in Python, or draws outside the device")
        return results

    def _outside(self, device: torch.device) -> tuple[object, ...]:
        """What a step may change that no graph knows of: what modules keep, which buffers they have, and draws of
        Python, NumPy and the CPU."""
        drawn = random.getstate(), repr(np.random.get_state(legacy=False))  # noqa: NPY002
        on_cpu = torch.get_rng_state().numpy().tobytes() if device.type == "cuda" else b""
        return python_state(self.model), [id(b) for b in self.model.buffers()], drawn, on_cpu

    def _make(self, key: object, inputs: Sequence[Tensor]) -> None:
        with torch.inference_mode(mode=False):
            own = [t.clone() for t in inputs]
        try:
            graph = self.capture(lambda: self.compute(*own), self.state)
        # Whatever a variant does that cannot be captured; computed, it raises again what is its own.
        except Exception as error:
            self._refuse(" ".join(f"{type(error).__name__}: {error}".split())[:300])
        else:
            self.capture.made[key] = own, graph

    def _compared(self, graph: Graph, inputs: Sequence[Tensor]) -> Results:
        """Replayed and computed; what is returned, and the state, are what was computed."""
        device = inputs[0].device
        before = _State.of(self.state, device)
        graph.replay()
        found = [None if r is None else r.clone() for r in graph.results]
        after = _State.of(self.state, device)
        before.restore()
        results = self.compute(*inputs)
        now = _State.of(self.state, device)
        same = all(
            a is b if a is None or b is None else _alike(a, b, None) for a, b in zip(found, results, strict=True)
        ) and all(map(_alike, after.copies, now.copies, before.copies))
        if not same or not torch.equal(after.random, now.random):
            self._refuse("a graph finds something else than what is computed")
        return results

    def _refuse(self, why: str) -> None:
        self.capture.refusal = why
        self.capture.made.clear()
