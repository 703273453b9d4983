"""The contract that every registered variant must pass, as plain callables.

`all_checks("attention")` gives the named checks of an axis; each takes a variant and raises AssertionError with a
message that names the variant and what it fails to show. A third party's own tests can be as short as

    @pytest.mark.parametrize("name", all_checks("attention"))
    def test_contract(name):
        all_checks("attention")[name](get("attention", "mine", where="tests"))

`check(axis, variant)` runs them all. Whether cells of a grid are different computations is asked in
`mmbench.checks.distinct.signature`.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmbench.checks import architecture, attention, fusion, stem
from mmbench.checks.common import Check, table
from mmbench.registry import Axis, Variant

__all__ = ["Check", "all_checks", "check"]


def all_checks(axis: Axis) -> Mapping[str, Check]:
    """The checks of an axis, by name."""
    match axis:
        case "attention":
            return attention.CHECKS
        case "fusion":
            return fusion.CHECKS
        case "architecture":
            return architecture.CHECKS
        case "stem":
            return stem.CHECKS
        case _:
            return table(axis)


def check(axis: Axis, variant: Variant) -> None:
    """Run every check of the axis. Raises one AssertionError with a line for each that fails."""
    failures = []
    for name, one in all_checks(axis).items():
        try:
            one(variant)
        except AssertionError as error:
            failures.append(f"{name}: {error}")
    assert not failures, "\n".join(failures)
