"""What mmbench offers as a library; each name is also one of the package: `mmbench.run`."""

from __future__ import annotations

from mmbench.errors import UserError
from mmbench.library.dataset import Dataset, dataset, dataset_from_loaders
from mmbench.library.load import compare, load_results
from mmbench.library.models import build_model, check
from mmbench.library.results import Results
from mmbench.library.run import run
from mmbench.model.interfaces import Architecture, Attention, Fusion, Heads, IntermediateFusion, Pooling

__all__ = [
    "Architecture",
    "Attention",
    "Dataset",
    "Fusion",
    "Heads",
    "IntermediateFusion",
    "Pooling",
    "Results",
    "UserError",
    "build_model",
    "check",
    "compare",
    "dataset",
    "dataset_from_loaders",
    "load_results",
    "run",
]
