"""What rendering one modality gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """values: (N, ...) in the layout of the modality's stem. evidence: (N, L) bool, the tokens that hold the signal."""

    values: NDArray[Any]
    evidence: NDArray[np.bool_]
