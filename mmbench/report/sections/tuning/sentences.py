"""What is said of a tuned data set."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.sections.tuning.record import DatasetTuning
from mmbench.report.values.words import count


def sentences(d: DatasetTuning) -> Iterator[str]:
    """Effort, then what it brought, then which answers it changed."""
    yield (
        f"Every method with settings to tune gets {count(d.configurations, 'configuration')} with each seed: the "
        f"default and {d.configurations - 1:,} drawn, the same for all; the one that is best on validation counts."
    )
    failed = sum(row.failed for row in d.rows)
    if failed:
        ending = "counts as the worst of its study" if failed == 1 else "count as the worst of their studies"
        yield f"{count(failed, 'configuration')} did not end well and {ending}."
    cells = [row for row in d.rows if row.method.role == "cell" and row.gain is not None]
    if not cells:
        yield "No study is finished yet."
        return
    most = max(cells, key=lambda r: r.gain.mean if r.gain else 0.0)
    least = min(cells, key=lambda r: r.gain.mean if r.gain else 0.0)
    mean = sum(r.gain.mean for r in cells if r.gain) / len(cells)
    assert most.gain is not None and least.gain is not None
    yield (
        f"Tuning changes combinations by {d.scale.change(mean)} on average, from {d.scale.change(least.gain.mean)} "
        f"({least.method.key}) to {d.scale.change(most.gain.mean)} ({most.method.key})."
    )
    if d.tau is not None:
        yield f"Kendall's tau between their order under the default and tuned: {d.tau:.2f}."
    if d.changes:
        yield "Answers that tuning changes: " + "; ".join(d.changes) + "."
    elif d.compared:
        yield f"Tuning changes the verdict of none of the {count(d.compared, 'contrast')}."
