"""One model of named parts or of classes, outside any sweep; and the contract of a class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from mmbench import checks
from mmbench.errors import UserError
from mmbench.library.dataset import Dataset
from mmbench.library.run import default_settings, merge_settings
from mmbench.library.variants import axis_of, levels, variant_of
from mmbench.model.build import build
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Params
from mmbench.schema.strict_yaml import parse
from mmbench.schema.task import task_of
from mmbench.schema.trial import TrialConfig

PATCH = 4
"""Pixels of an image's patches where the caller gives shapes alone and it divides both sides."""


def build_model(
    data: Dataset | Mapping[str, Any],
    *,
    attention: Any = "scaled_dot_product",
    fusion: Any = "concat",
    architecture: Any = "independent",
    outputs: int = 2,
    **model: Any,
) -> nn.Module:
    """A model with fresh weights, drawn from PyTorch's global random state: a mapping of inputs -> logits (B, C).

    Args:
        data: a data set, or the shape of one sample of each modality: (F,) is a vector, (T, F) a sequence, (C, H, W) an
            image; or `{"kind": "text", "shape": (20,), "options": {"vocabulary": 500}}`, with the options of its stem.
        attention, fusion, architecture: a name, a class, or `{name: {option: value}}`.
        outputs: classes, labels or numbers, where shapes are given.
        model: settings of the section model of params.yaml, such as width=64.

    Its inputs are `mmbench.data.batches.Example`s: values (B, ...) and, where samples differ in length, a mask (B, T).
    """
    spec = data.spec if isinstance(data, Dataset) else _spec(data, outputs)
    raw = default_settings()
    merge_settings(raw, model)
    chosen = {
        axis: levels(axis, asked)  # type: ignore[arg-type]
        for axis, asked in (("attention", attention), ("fusion", fusion), ("architecture", architecture))
    }
    for axis, found in chosen.items():
        if len(found) > 1:
            raise UserError(f"{axis}= names {len(found)} variants; a model has one")
    raw["grid"] = {"datasets": [spec.name], "seeds": 1, **chosen}
    params: Params = parse(Params, raw, Path("build_model"))
    grid = params.grid
    one = {axis: getattr(grid, axis)[0] for axis in chosen}
    several = len(spec.modalities) > 1
    config = TrialConfig(
        role="cell" if several else "single",
        dataset=spec.name,
        modalities=tuple(spec.modalities),
        attention=one["attention"],
        fusion=one["fusion"] if several else None,
        architecture=one["architecture"] if several else None,
        seed=0,
        model=params.model.size,
        train=params.train.resolved(epochs=1, learning_rate=1.0),
    )
    if several:
        why = get("fusion", one["fusion"].name, where="fusion=").cls.cannot(  # type: ignore[attr-defined]
            modalities=len(spec.modalities), depth=params.model.depth
        )
        if why is not None:
            raise UserError(f"fusion={one['fusion'].label}: {why}")
    try:
        return build(config, spec)
    except UserError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{config.cell} cannot be built: {' '.join(str(error).split())}") from error


def _spec(shapes: Mapping[str, Any], outputs: int) -> DataSpec:
    if not shapes:
        raise UserError("give at least one modality: its name and the shape of one sample")
    return DataSpec(
        name="shapes",
        description="",
        modalities={name: _modality(name, shape) for name, shape in shapes.items()},
        task=task_of("classification", (str(i) for i in range(outputs))),
        splits={"train": 1, "validation": 1, "test": 1},
        chance=None,
        ceiling=None,
        licence="",
        source="",
        hash="",
    )


def _modality(name: str, given: Any) -> Modality:
    if isinstance(given, Modality):
        return given
    if isinstance(given, Mapping):
        where = Path(f"modality {name}")
        made: Modality = parse(Modality, {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}, where)
        get("stem", made.kind, where=str(where))
        return made
    shape = tuple(given)
    if not all(isinstance(n, int) and n > 0 for n in shape) or not 1 <= len(shape) <= 3:
        raise UserError(f"modality {name!r}: {shape} is none of (F,), (T, F) and (C, H, W): vector, sequence, image")
    if len(shape) < 3:
        return Modality(kind="feature", shape=shape)
    patch = next(p for p in range(min(PATCH, *shape[1:]), 0, -1) if shape[1] % p == 0 and shape[2] % p == 0)
    return Modality(kind="image", shape=shape, options={"patch": patch})


def check(cls: type) -> None:
    """Run the contract of the class's axis: shapes, masks, gradients, options and more.

    Raises AssertionError with one line for each check that fails, UserError where the class is no variant.
    """
    checks.check(axis_of(cls), variant_of(cls))
