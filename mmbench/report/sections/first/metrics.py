"""The few numbers for `dvc metrics show`, with short names that stay the same from one version to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmbench.report.scores.context import Context
from mmbench.report.values.methods import POOLING
from mmbench.report.values.training import best_in_last


def metrics(context: Context) -> Iterator[tuple[str, Any]]:
    """Best score of each data set, contrasts, open combinations, verdicts that do not last with longer training, the
    share of models best in their last epoch."""
    for d in context.datasets:
        if d.best is not None and (score := d.row(d.best).score) is not None:
            yield f"{d.name}_{d.scale.metric}", round(score.mean, 6)
    for axis in context.scopes[None].axes:
        names = context.levels[axis.axis]
        # By name and not by score, so that the same contrast has the same name whoever is ahead.
        subject, reference = names[0], names[-1]
        if axis.axis == "attention" and POOLING in names:
            subject, reference = names[-1], POOLING
        choice = axis.pair(subject, reference)
        if choice is not None:
            mean = choice.found.mean if choice.found.subject == subject else -choice.found.mean
            yield f"{subject}_minus_{reference}", round(mean, 6)
    if context.replicated:
        yield "open", sum(v.verdict == "open" for v in context.verdicts if v.kind == "combination")
    lasting = [found for name in context.names if (found := context.lasting(name)) is not None]
    if lasting:
        yield "fading", sum(len(x.fading) for x in lasting)
    last, several = best_in_last(context.training)
    if several:
        yield "in_last_epoch", round(last / several, 4)
