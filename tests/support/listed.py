"""Which variants belong to mmbench: those that docs/variants.md lists, and a test demands every one of it.

A file of a user's own passes the contract, is planned, trained and reported with no other edit. What mmbench asks of
its own variants beyond that (a plain reference, say) it asks once `make docs` has listed them.
"""

from __future__ import annotations

from pathlib import Path

from mmbench.cli.variant_tables import names_in
from mmbench.registry import Axis, Variant, variants

PAGE = Path(__file__).resolve().parents[2] / "docs" / "variants.md"


def listed_variants(axis: Axis) -> list[Variant]:
    names = names_in(PAGE.read_text(encoding="utf-8"))[axis]
    return [info for name, info in variants(axis).items() if name in names]
