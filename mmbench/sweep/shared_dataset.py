"""A prepared data set on its way to the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmbench.schema.dataset import DataSpec

if TYPE_CHECKING:
    from mmbench.data.batches import Split


@dataclass(frozen=True, kw_only=True)
class Data:
    """folder: where it lies on the driver's machine. arrays: split -> name -> array, where a worker may be on another
    machine; read-only there, and one copy a machine. None: workers map the files into memory."""

    spec: DataSpec
    folder: str
    arrays: Mapping[str, Mapping[str, np.ndarray]] | None

    def splits(self, device: str) -> dict[str, Split]:
        """What trials read batches from."""
        from mmbench.data.batches import as_split
        from mmbench.data.prepared import SPLITS, load_arrays

        arrays = self.arrays or {split: load_arrays(Path(self.folder), split) for split in SPLITS}
        return {split: as_split(self.spec, arrays[split], device) for split in SPLITS}
