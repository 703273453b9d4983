"""How numbers read."""

from __future__ import annotations

import pytest

from mmbench.report.values.words import count, listing, number, percent, quantity, sentence, share


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(0.8931), "0.893"),
        (number(-0.05), "−0.050"),
        (number(None), "–"),
        (share(0.94999), "94.9 %"),
        (share(0.95), "95.0 %"),
        (percent(0.574), "57 %"),
        (percent(0.0035), "0.4 %"),
        (quantity(1_800_000), "1.8 M"),
        (quantity(999_700), "1.0 M"),
        (quantity(139_000), "140 k"),
        (quantity(994_999), "990 k"),
        (quantity(22), "22"),
        (quantity(4), "4"),
        (quantity(950), "950"),
        (quantity(4.25), "4.2"),
        (listing([]), "none"),
        (listing(["a", "b", "c"]), "a, b and c"),
        (listing(list("abcdef")), "a, b, c and 3 more"),
        (listing(["a, b", "c and d"], between="; "), "a, b; and c and d"),
        (listing(list("abcdef"), between="; "), "a; b; c; and 3 more"),
        (count(1, "seed"), "1 seed"),
        (sentence("additive is best"), "Additive is best"),
        (sentence("cross_attention is best"), "cross_attention is best"),
        (count(10_000, "trial"), "10,000 trials"),
    ],
)
def test_numbers_read_as_the_house_writes_them(shown: str, expected: str) -> None:
    assert shown == expected
