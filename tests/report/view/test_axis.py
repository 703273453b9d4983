import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbench.report.draw.axis import linear, logarithmic, spread

places = st.lists(st.floats(0, 100), max_size=12)


@given(places)
def test_labels_are_moved_apart_and_stay_inside(wanted):
    moved = spread(wanted, gap=6)
    ordered = sorted(moved)
    assert all(b - a >= 6 - 0.02 for a, b in itertools.pairwise(ordered))
    assert all(-0.01 <= m <= 100.01 for m in moved)
    assert [i for i, _ in sorted(enumerate(wanted), key=lambda p: p[1])] == [
        i for i, _ in sorted(enumerate(moved), key=lambda p: p[1])
    ]


def test_labels_with_room_stay_where_they_are():
    assert spread([10, 50, 90], gap=6) == [10, 50, 90]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_linear_axis_holds_its_values_and_ticks(values):
    axis = linear(values)
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert len(axis.ticks) >= 2
    assert all(axis.low - 1e-9 <= t.value <= axis.high + 1e-9 for t in axis.ticks)
    assert all(float(t.label.replace("−", "-")) == pytest.approx(t.value, abs=1e-9) for t in axis.ticks)
    assert len({t.label for t in axis.ticks}) == len(axis.ticks)


@given(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=20))
def test_logarithmic_axis_holds_its_values_and_ticks(values):
    axis = logarithmic(values)
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert 2 <= len(axis.ticks) <= 8
    assert [t.at for t in axis.ticks] == sorted(t.at for t in axis.ticks)


def test_equal_steps_are_equal_factors_on_a_logarithmic_axis():
    axis = logarithmic([1, 10, 100])
    assert math.isclose(axis.at(10) - axis.at(1), axis.at(100) - axis.at(10), abs_tol=0.02)
