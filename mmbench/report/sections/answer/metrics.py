"""Numbers of the best cell for `dvc metrics show`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmbench.report.scores.findings import known_verdicts, others
from mmbench.report.values.datasets import DatasetReport


def dataset_metrics(d: DatasetReport) -> dict[str, Any]:
    """Of one data set, empty before there is a best cell."""
    if d.best is None:
        return {}
    best = d.row(d.best)
    assert best.score is not None
    verdicts = known_verdicts(d.cells)
    counts = Counter(others(verdicts, d.best))
    numbers = {
        d.scale.metric: best.score.mean,
        "half_width": best.score.half,
        "ceiling_share": best.ceiling_share,
        "gain_over_single": best.gain_single.mean if best.gain_single else None,
        "gain_over_pooling": best.gain_pooling.mean if best.gain_pooling else None,
        "gain_over_linear": best.gain_linear.mean if best.gain_linear else None,
        "gain_over_baseline": best.gain_baseline.mean if best.gain_baseline else None,
        **{verdict: counts[verdict] if verdicts else None for verdict in ("equal", "open", "worse", "fades")},
    }
    return {name: round(value, 6) for name, value in numbers.items() if value is not None}
