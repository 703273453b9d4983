"""The contract of an architecture, checked inside whole models of each of the source article's fusions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import cast, get_args

from mmbench.checks import model as whole
from mmbench.checks import tiny
from mmbench.checks.common import Check, table
from mmbench.fusion.concat import Concat
from mmbench.fusion.cross_attention import CrossAttention
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.model.interfaces import JOINT, Architecture, Part
from mmbench.registry import Variant

MODALITIES = (2, 3, 4)


def cases(variant: Variant) -> Iterator[whole.Case]:
    """The architecture with an early, an intermediate and a late fusion."""
    for fusion in (EarlyConcat, CrossAttention, Concat):
        yield whole.Case(
            label=f"{variant.name} + {fusion.__name__}",
            build=partial(tiny.model, fusion=fusion, architecture=variant.cls),
            modalities=MODALITIES,
        )


def _over_cases(check: Callable[[whole.Case], None]) -> Check:
    @functools.wraps(check)
    def run(variant: Variant) -> None:
        for case in cases(variant):
            check(case)

    return run


def allots_every_part(variant: Variant) -> None:
    """`allot` names weights for every part, stream and layer, always the same ones."""
    for part in get_args(Part):
        for layer in range(4):
            for name in (*tiny.NAMES, JOINT):
                keys = {cast(type[Architecture], variant.cls).allot(name, part, layer) for _ in range(2)}
                where = f"{variant.name}: allot({name!r}, {part!r}, {layer})"
                assert len(keys) == 1, f"{where} is not always the same"
                key = keys.pop()
                assert isinstance(key, str) and key and "." not in key, f"{where} is {key!r}, no name of a module"


CHECKS: Mapping[str, Check] = table("architecture", *(_over_cases(check) for check in whole.CHECKS), allots_every_part)
