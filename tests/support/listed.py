"""Which variants belong to mmbench: those that the README lists, and the README's own test demands every one.

A file of a user's own passes the contract, is planned, trained and reported with no other edit. What mmbench asks of
its own variants beyond that (a plain reference, say) it asks once `make docs` has listed them.
"""

from __future__ import annotations

from pathlib import Path

from mmbench.cli.readme import names_in
from mmbench.registry import Axis, Variant, variants

README = Path(__file__).resolve().parents[2] / "README.md"


def listed_variants(axis: Axis) -> list[Variant]:
    names = names_in(README.read_text(encoding="utf-8"))[axis]
    return [info for name, info in variants(axis).items() if name in names]
