"""mmbench: which attention, fusion and architecture is best for your multimodal data, and can you trust the answer?"""

__version__ = "0.1.0"

_PUBLIC = (
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
)
"""The names of `mmbench.api`, which is imported when one of them is first used: `import mmbench` itself is quick."""


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mmbench' has no attribute {name!r}")
    import importlib

    # The package of the embedded data sets has this name too, and may be called (see there).
    if name == "dataset":
        return importlib.import_module("mmbench.dataset")
    return getattr(importlib.import_module("mmbench.api"), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
