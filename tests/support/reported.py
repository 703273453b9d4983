"""A finished project with its report and its MLflow, in moments."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from mmbench.report.build import analyse
from mmbench.report.export import verdicts_of
from mmbench.report.pages.report import Report
from mmbench.schema.params import Tracking
from mmbench.schema.result import State
from mmbench.tracking import Counts, log_report, open_store, sync
from mmbench.tracking.store import Store
from tests.support.factory import OTHERS, TRUTHS, Made, make

LEVELS = {
    "attention": ["mean", "scaled_dot_product"],
    "fusion": ["concat", "cross_attention"],
    "architecture": ["hybrid", "shared"],
}
FEW = LEVELS | {"fusion": ["concat"]}
FAILED, PENDING = 4, 7
"""By position in the plan."""
numbers = count()


@dataclass(frozen=True, kw_only=True)
class Reported:
    """root: of the project, whose database other examples may share; each has an experiment of its own. reports: the
    folder of its report."""

    made: Made
    root: Path
    reports: Path
    report: Report
    settings: Tracking

    def track(self) -> Counts:
        """What `mmbench track` does."""
        counts = sync(self.settings, self.made.plan, self.made.results, self.made.specs, self.root)
        assert log_report(self.settings, self.root, self.reports)
        return counts

    def store(self) -> Store:
        return open_store(self.settings, self.root)

    def runs(self, where: str = "") -> list[Any]:
        store = self.store()
        return list(store.client.search_runs([store.experiment_id], filter_string=where))

    def again(self, made: Made) -> Reported:
        """Another report of it, in its place."""
        return replace(write(made, self.root, self.reports), settings=self.settings)


def example() -> Made:
    """Accuracy on one data set and an error on the other; a trial that failed and one that has not run."""
    truths = {"synergy": TRUTHS["synergy"], "rating": OTHERS["rating"]}
    return make(truths=truths, levels=LEVELS, faults={FAILED: State.FAILED, PENDING: State.PENDING})


def small(**changes: Any) -> Made:
    """Four combinations on one data set."""
    return make(**({"truths": {"synergy": TRUTHS["synergy"]}, "levels": FEW, "seeds": 2} | changes))


def write(made: Made, root: Path, reports: Path) -> Reported:
    """Write its report; nothing is in MLflow yet."""
    report = analyse(**made.arguments())
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "verdicts.json").write_text(json.dumps(verdicts_of(report.context)), encoding="utf-8")
    (reports / "report.html").write_text("<!doctype html><h1>report</h1>", encoding="utf-8")
    settings = Tracking(enabled=True, experiment=f"reported {next(numbers)}")
    return Reported(made=made, root=root, reports=reports, report=report, settings=settings)


def without(made: Made, attention: str) -> Made:
    """The same without a level of attention: its methods left the plan."""

    def kept(job: Any) -> bool:
        return job.config.attention is None or job.config.attention.name != attention

    jobs = tuple(job for job in made.plan.jobs if kept(job))
    results = {job.trial_id: made.results[job.trial_id] for job in jobs if job.trial_id in made.results}
    return replace(made, plan=replace(made.plan, jobs=jobs), results=results)
