"""Numbers of the best cell for `dvc metrics show`."""

from __future__ import annotations

from typing import Any

from mmbench.report.values.datasets import DatasetReport


def dataset_metrics(d: DatasetReport) -> dict[str, Any]:
    """Of one data set, empty before there is a best cell."""
    if d.best is None:
        return {}
    best = d.row(d.best)
    assert best.score is not None
    numbers = {
        d.scale.metric: best.score.mean,
        "half_width": best.score.half,
        "ceiling_share": best.ceiling_share,
        "gain_over_single": best.gain_single.mean if best.gain_single else None,
        "gain_over_pooling": best.gain_pooling.mean if best.gain_pooling else None,
        "gain_over_linear": best.gain_linear.mean if best.gain_linear else None,
        "tied_with_best": len(d.top) - 1 if d.top else None,
    }
    return {name: round(value, 6) for name, value in numbers.items() if value is not None}
