"""How numbers read."""

from __future__ import annotations

import pytest

from mmbench.report.words import count, listing, number, percent, points, quantity, share


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(0.8931), "0.893"),
        (number(-0.05), "−0.050"),
        (number(None), "–"),
        (points(0.108), "+10.8"),
        (points(-0.002), "−0.2"),
        (points(-0.0001), "0.0"),
        (share(0.94999), "94.9 %"),
        (share(0.95), "95.0 %"),
        (percent(0.574), "57 %"),
        (percent(0.0035), "0.4 %"),
        (quantity(1_800_000), "1.8 M"),
        (quantity(999_700), "1 M"),
        (quantity(139_000), "139 k"),
        (quantity(22), "22"),
        (listing([]), "none"),
        (listing(["a", "b", "c"]), "a, b and c"),
        (listing(list("abcdef")), "a, b, c and 3 more"),
        (count(1, "seed"), "1 seed"),
        (count(10_000, "trial"), "10,000 trials"),
    ],
)
def test_numbers_read_as_the_house_writes_them(shown: str, expected: str) -> None:
    assert shown == expected
