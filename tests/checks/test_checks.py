"""Every registered variant passes every check; every check catches what it was made for."""

from __future__ import annotations

import pytest

import tests.checks.broken.architecture
import tests.checks.broken.attention
import tests.checks.broken.fusion
import tests.checks.broken.stem  # noqa: F401 - these modules fill BROKEN
from mmbench.checks import all_checks, check
from mmbench.registry import AXES, Variant, get, variants
from tests.checks.broken import BROKEN

MODEL_AXES = ("attention", "fusion", "architecture", "stem")
CONTRACT = [(axis, v, name) for axis in AXES for v in variants(axis).values() for name in all_checks(axis)]
QUICK = {"fusion": "concat", "architecture": "independent"}
"""Of these axes, whose checks build whole models, quick tests ask one variant, and `make test` those of the core."""


def case(axis: str, variant: Variant, name: str) -> object:
    if QUICK.get(axis, variant.name) == variant.name:
        marks = []
    else:
        marks = [pytest.mark.slow if variant.core else pytest.mark.exhaustive]
    return pytest.param(axis, variant, name, id=f"{axis}-{variant.name}-{name}", marks=marks)


@pytest.mark.parametrize(("axis", "variant", "name"), [case(*one) for one in CONTRACT])
def test_registered_variants_keep_the_contract(axis: str, variant: Variant, name: str) -> None:
    all_checks(axis)[name](variant)


def broken(axis: str, variant: Variant, expected: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> object:
    """One for every check is in `make test`: the first that this check alone catches."""
    new = len(expected) == 1 and (axis, expected) not in seen
    seen.add((axis, expected))
    mark = pytest.mark.slow if new else pytest.mark.exhaustive
    return pytest.param(axis, variant, expected, id=f"{axis}-{variant.name}", marks=mark)


SEEN: set[tuple[str, frozenset[str]]] = set()


@pytest.mark.parametrize(("axis", "variant", "expected"), [broken(*one, SEEN) for one in BROKEN])
def test_broken_variants_are_caught_by_the_check_made_for_them(
    axis: str, variant: Variant, expected: frozenset[str]
) -> None:
    caught = set()
    for name, one in all_checks(axis).items():
        try:
            one(variant)
        except AssertionError as error:
            assert variant.name in str(error)
            caught.add(name)
    assert caught == expected


def test_every_check_catches_something_that_no_other_catches() -> None:
    """A check that no broken module fails is a defect, and one that never fails alone is one too many."""
    alone = {(axis, name) for axis, _, names in BROKEN if len(names) == 1 for name in names}
    idle = [(axis, name) for axis in MODEL_AXES for name in all_checks(axis) if (axis, name) not in alone]
    assert not idle


def test_check_tells_all_failures_at_once() -> None:
    _, variant, expected = next(b for b in BROKEN if b[1].name == "softmax_without_mask")
    with pytest.raises(AssertionError) as caught:
        check("attention", variant)
    lines = str(caught.value).splitlines()
    assert {line.split(":")[0] for line in lines} == expected
    check("attention", get("attention", "mean", where="test"))
