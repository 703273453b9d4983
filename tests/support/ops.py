"""Looking at what PyTorch is asked to do: how many operations, and how much memory one of them takes at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode


class Count(TorchDispatchMode):
    """Counts operations; one of our own counts as one."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.total += 1
        return func(*args, **(kwargs or {}))


def operations(run: Callable[[], Any]) -> int:
    with torch.no_grad(), Count() as count:
        run()
    return count.total


def largest_allocation(run: Callable[[], Any]) -> int:
    """Bytes that one operation takes at most, forward or backward, also within operators of our own."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        run()
    return max(event.self_cpu_memory_usage for event in seen.events())
