"""Results as an object: a leaderboard, differences, the report, the best model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mmbench.errors import UserError, suggest
from mmbench.ledger.agreements import agreements
from mmbench.ledger.ensembles import ensembles
from mmbench.ledger.sample_scores import sample_scores
from mmbench.ledger.store import Ledger, limits_of
from mmbench.library.variants import families
from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.schema.dataset import DataSpec
from mmbench.schema.outputs import Outputs
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.sweep.rounds import schedule

if TYPE_CHECKING:
    from torch import nn


SHOWN = 20
"""Rows of the table that a notebook shows."""
CONTRASTS = {
    "to_best": "best combination",
    "gain_single": "best single modality",
    "gain_pooling": "without attention",
}
"""Differences of a row in the report -> what it is compared with. Besides these there is one to each baseline."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Results:
    """What a plan has found so far.

    Attributes:
        params, plan: what was asked for.
        results: finished trials by id.
        specs: the data sets, by name.
        prepared: the folder of the prepared data sets.
        ledger: where the results are kept.
        others: further ledgers that results were read from.
        stands: how far each data set is: its budget, and what a race decided.
    """

    params: Params
    plan: Plan
    results: Mapping[str, TrialResult]
    specs: Mapping[str, DataSpec]
    prepared: Path
    ledger: Ledger
    others: tuple[Ledger, ...] = ()
    stands: Mapping[str, schedule.Stand] = field(default_factory=dict)

    @cached_property
    def analysis(self) -> Report:
        """Everything that the report shows."""
        return analyse(
            self.plan,
            self.results,
            self.specs,
            self.params,
            families=families(),
            **schedule.found(self.stands),
            ensembles=ensembles(self.ledger, self.params, self.plan, self.results, self.specs),
            samples=sample_scores(self.ledger, self.params, self.plan, self.results, self.specs, self.prepared),
            agreements=agreements(self.ledger, self.params, self.plan, self.results, self.specs),
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row per trial; docs/results-schema.md describes the columns."""
        return self.analysis.context.frame

    def leaderboard(self, dataset: str | None = None) -> pd.DataFrame:
        """Every combination and control, best first: mean on test with its interval, finished seeds, cost."""
        rows = [
            {
                "dataset": part.name,
                "rank": row.rank_label or None,
                "combination": row.key,
                "metric": part.scale.metric,
                "mean": row.score.mean if row.score else None,
                "low": row.score.low if row.score and row.score.half is not None else None,
                "high": row.score.high if row.score and row.score.half is not None else None,
                "seeds": row.done,
                "parameters": row.cost.parameters if row.cost else None,
                "train_seconds": row.cost.train_seconds if row.cost else None,
                "state": row.state,
            }
            for part in self.analysis.context.datasets
            if part.name == self._check_dataset(dataset, part.name)
            for row in part.rows
        ]
        return pd.DataFrame(rows)

    def contrasts(self) -> pd.DataFrame:
        """The paired differences of the report: a positive one is better, whatever the metric."""
        rows = []
        for part in self.analysis.context.datasets:
            for row in part.rows:
                differences = [(other, getattr(row, name)) for name, other in CONTRASTS.items()]
                differences += [(found.reference, found) for found in row.gain_baselines.values()]
                for other, found in differences:
                    if found is not None:
                        rows.append(
                            {
                                "dataset": part.name,
                                "combination": row.key,
                                "compared_with": other,
                                "reference": found.reference,
                                "difference": found.mean,
                                "half_width": found.half,
                                "seeds": found.n,
                                "p": found.p,
                                "p_holm": found.p_holm,
                                "verdict": found.verdict,
                            }
                        )
        return pd.DataFrame(rows)

    def verdicts(self) -> pd.DataFrame:
        """What is decided: every two levels of an axis, every combination against the best, the best against controls.

        better, worse, equal within the margin, or open; with one seed None. Contrasts over all data sets together have
        "all data sets" in place of a data set.
        """
        context = self.analysis.context
        return pd.DataFrame([v.plain() for v in (*context.verdicts, *context.over_all)])

    def report(self, folder: str | Path) -> Path:
        """Write the whole report into a folder; returns its page. Raises UserError where it cannot be written."""
        from mmbench.stages.report import write

        return write(self.analysis, Path(folder))

    def best(self, dataset: str | None = None) -> nn.Module:
        """The trained model that is best on validation, in evaluation mode on the CPU.

        Its kept weights are used where they give the outputs on test that were kept; else it is trained again, which
        on the same hardware gives the same model bit by bit.
        """
        from mmbench.champion.choose import choose
        from mmbench.champion.restore import restore

        if dataset is None and len(self.specs) > 1:
            raise UserError(f"name one data set: {', '.join(self.specs)}")
        name = self._check_dataset(dataset, next(iter(self.specs)))
        job = choose(self.plan, self.results, self.specs[name])
        kept, limits = self.results[job.trial_id], limits_of(self.params.sweep)
        restored = restore(job, kept, self._holder(job.trial_id), self.prepared / name, limits)
        return restored.model.cpu().eval()

    def outputs(self, trial_id: str) -> Outputs:
        """What the trial's model gave on validation and test. Raises UserError where that was not kept."""
        if trial_id not in self.results:
            raise UserError(f"unknown trial {trial_id!r}; the column trial_id of `frame` has them")
        return self._holder(trial_id).outputs(trial_id)

    def _holder(self, trial_id: str) -> Ledger:
        """The ledger that holds the outputs of a trial; the results' own where none does."""
        holders = (ledger for ledger in (self.ledger, *self.others) if ledger.outputs_file(trial_id).is_file())
        return next(holders, self.ledger)

    def _check_dataset(self, dataset: str | None, default: str) -> str:
        if dataset is not None and dataset not in self.specs:
            raise UserError(f"unknown data set {dataset!r}{suggest(dataset, self.specs)}")
        return dataset or default

    def __repr__(self) -> str:
        counts = self.analysis.context.total
        return f"{self.analysis.headline}\n{counts.done} of {counts.declared} trials done, {counts.bad} without a score"

    def _repr_html_(self) -> str:
        from html import escape

        table = self.leaderboard()
        shown = table.head(SHOWN).to_html(index=False, border=0, float_format=lambda x: f"{x:.3g}", na_rep="–")
        more = f"<p>and {len(table) - SHOWN} more: leaderboard()</p>" if len(table) > SHOWN else ""
        return f"<p>{escape(self.analysis.headline)}</p>{shown}{more}"
