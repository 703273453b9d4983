"""Numbers that stand for none, and those far out: options of vectors and sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.table.table import Cell
from mmbench.errors import UserError


def fitted(kind: str, cells: list[Cell], **options: Any) -> tuple[Decoder, Layout]:
    made = decoder(kind, options)
    return made, made.fit(cells)


def test_marks_in_vectors_become_the_mean_of_training_samples() -> None:
    cells: list[Cell] = [np.array(v, np.float32) for v in ([1, 5, -999], [3, -999, 0], [-999, 5, 0.5])]
    made, layout = fitted("vector", cells, missing=[-999])
    assert made.decode(cells[1])[0].tolist() == [3, 5, 0] and made.decode(cells[0])[0].tolist() == [1, 5, 0.25]
    assert made.decode(cells[1])[1] is None and not layout.whole and "-999 read as missing" in layout.note
    values, mask = made.decode(np.full(3, -999.0))
    assert values.tolist() == [2, 5, 0.25] and mask is not None and not mask.any()
    again = decoder("vector", {"missing": [-999]})
    again.restore(made.state())
    assert again.decode(cells[1])[0].tolist() == [3, 5, 0]


def test_steps_of_marks_are_masked() -> None:
    gone, half = [-9999.0, 255.0], [4.0, 255.0]
    cells: list[Cell] = [np.array([[1, 2], gone, [3, 4], half]), np.array([[5, 6], [7, 8]])]
    made, _ = fitted("sequence", cells, missing=[-9999, 255])
    values, mask = made.decode(cells[0])
    assert mask is not None and mask.tolist() == [True, False, True, True] and values[3].tolist() == [4, 5]
    short, _ = fitted("sequence", cells, missing=[-9999, 255], length=2)
    assert short.decode(cells[0])[1].tolist() == [True, True]  # type: ignore[union-attr]
    assert not made.decode(np.array([gone, gone]))[1].any()  # type: ignore[union-attr]


def test_marks_do_not_count_for_the_precision() -> None:
    """Nor does a mark make small numbers look as if they were far from 0, or times as if they spanned 50 years."""
    times = [np.array([1_700_000_000_000 + 400 * n, 1]) for n in range(20)]
    times[3][0] = -1
    made, _ = fitted("vector", list(times), missing=[-1])
    assert made.decode(times[5])[0][0] - made.decode(times[4])[0][0] == 400


def test_far_numbers_are_clipped() -> None:
    draw = np.random.default_rng(0)
    cells: list[Cell] = [np.array([draw.normal(10, 2), draw.normal(0, 0.1)]) for _ in range(64)]
    made, layout = fitted("vector", cells, clip=5.0)
    high, low = made.decode(np.array([1e6, 0.0]))[0][0], made.decode(np.array([-1e6, 0.0]))[0][0]
    assert 17 < high < 23 and -3 < low < 3 and "clipped at 5 standard deviations" in layout.note
    assert made.decode(np.array([10.0, 50.0]))[0][1] < 1
    assert np.array_equal(made.decode(cells[0])[0], cells[0].astype(np.float32))  # type: ignore[union-attr]
    steps, _ = fitted("sequence", [np.stack(cells)], clip=5.0)  # type: ignore[arg-type]
    assert steps.decode(np.array([[1e6, 0.0]]))[0][0][0] < 23


def test_options_are_checked() -> None:
    for wrong in ({"missing": []}, {"missing": -999}, {"clip": 0.5}, {"clip": "far"}):
        for kind in ("vector", "sequence"):
            with pytest.raises(UserError):
                decoder(kind, wrong)
    assert decoder("vector", {"missing": [-999]}).fit([np.array([1.0, -999.0])]).shape == (2,)
