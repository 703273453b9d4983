import math

import pytest

from mmbench.report.values import numbers


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (numbers.score, 0.9124, "0.912"),
        (numbers.score, -0.0312, "−0.031"),
        (numbers.score, -0.0001, "0.000"),
        (numbers.score, None, "–"),
        (numbers.score, math.nan, "–"),
        (numbers.percent, 0.417, "42 %"),
        (numbers.percent, 0.001, "< 1 %"),
        (numbers.count, 1_832_456, "1.8 M"),
        (numbers.count, 999_999, "1.0 M"),
        (numbers.count, 83_400, "83 k"),
        (numbers.count, 950, "950"),
        (numbers.count, 9.96, "10"),
        (numbers.count, 0, "0"),
        (numbers.seconds, 0.042, "42 ms"),
        (numbers.seconds, 42.4, "42 s"),
        (numbers.seconds, 130, "2.2 min"),
        (numbers.seconds, 9000, "2.5 h"),
        (numbers.p_value, 0.0301, "p = 0.030"),
        (numbers.p_value, 1e-9, "p < 0.001"),
    ],
)
def test_written_form(write, value, text):
    assert write(value) == text
