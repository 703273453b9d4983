"""A prepared data set on its way to the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec, load_spec

if TYPE_CHECKING:
    from mmbench.data.batches import Split


@dataclass(frozen=True, kw_only=True)
class Data:
    """folder: where it lies on the driver's machine. arrays: split -> name -> array, where a worker may be on another
    machine; on their way, references to them in Ray's store. None: workers map the files into memory."""

    spec: DataSpec
    folder: str
    arrays: Mapping[str, Mapping[str, Any]] | None

    def in_store(self) -> Data:
        """With its arrays in the store of the Ray that runs, one by one: nobody needs room for all of them at once, and
        a node has one copy, on its disk where its part of the store does not suffice."""
        if self.arrays is None:
            return self
        import ray

        return replace(self, arrays={s: {n: ray.put(x) for n, x in own.items()} for s, own in self.arrays.items()})

    def splits(self, device: str) -> dict[str, Split]:
        """What trials read batches from."""
        from mmbench.data.batches import as_split
        from mmbench.data.prepared import SPLITS

        return {split: as_split(self.spec, self._arrays(split), device) for split in SPLITS}

    def _arrays(self, split: str) -> Mapping[str, np.ndarray]:
        from mmbench.data.prepared import load_arrays

        if self.arrays is None or self._lies_here():
            return load_arrays(Path(self.folder), split)
        import ray

        own = self.arrays[split]
        return dict(zip(own, ray.get(list(own.values())), strict=True))

    def _lies_here(self) -> bool:
        """Whether this machine sees the folder, or has the same at the same place: then nothing has to travel."""
        try:
            return load_spec(Path(self.folder)).hash == self.spec.hash
        except (UserError, OSError):
            return False
