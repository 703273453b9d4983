"""What each method was trained with, once for all methods that share it."""

from __future__ import annotations

from collections.abc import Iterable

from mmbench.report.values.provenance import Configuration
from mmbench.schema.trial import TrialConfig


def _values(config: TrialConfig) -> tuple[tuple[str, str], ...]:
    """Name and value as params.yaml has them, without what the method's name says and without the seed."""
    parts = [part.model_dump(mode="json") for part in (config.model, config.train) if part is not None]
    values = {"modalities": ", ".join(config.modalities)} | {k: v for part in parts for k, v in part.items()}
    return tuple((name, "–" if value is None else str(value)) for name, value in values.items())


def configurations(configs: Iterable[TrialConfig]) -> tuple[Configuration, ...]:
    """Of every data set, in the order of the trials."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, None]] = {}
    seen: set[tuple[str, str]] = set()
    for config in configs:
        key = config.cell
        if (config.dataset, key) not in seen:
            seen.add((config.dataset, key))
            found.setdefault((config.dataset, _values(config)), {})[key] = None
    return tuple(
        Configuration(dataset=dataset, methods=tuple(methods), values=values)
        for (dataset, values), methods in found.items()
    )
