"""Stage `report`: the ledger, as far as it is filled, -> reports/. Ends with 0 also for a partial report, which says
so."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmbench import provenance
from mmbench.errors import UserError
from mmbench.ledger import idle_costs
from mmbench.ledger.agreements import agreements
from mmbench.ledger.breakdowns import breakdowns
from mmbench.ledger.ensembles import ensembles
from mmbench.ledger.sample_scores import sample_scores
from mmbench.ledger.store import Ledger, misnamed
from mmbench.project.folders import BUDGET, LEDGER, PREPARED, REPORTS, SETTINGS
from mmbench.registry import variants
from mmbench.report.build import analyse
from mmbench.report.export import PAGE, export, export_paper
from mmbench.report.pages.cell_page import Breakdowns, detailed
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.trials import merge, sources
from mmbench.report.values.provenance import Source
from mmbench.schema import cost_curves
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Params, load_params
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.stages import exit_code, parser
from mmbench.sweep.measure import counts, missing
from mmbench.sweep.planning.plan import load_specs
from mmbench.sweep.rounds.schedule import Schedule, declared, found

MERGED = Path("reports-merged")
"""Of several sources: reports/ belongs to DVC and to the project's own ledger."""


def _warn(broken: Mapping[str, str]) -> None:
    for file, reason in broken.items():
        print(f"warning: {file} is not a result ({reason}); its trial counts as not run", file=sys.stderr)


def _read_ledger(root: Path, plan: Plan) -> dict[str, TrialResult]:
    ledger = Ledger(root / LEDGER)
    results = ledger.of(plan.trials)
    _warn({str(file): reason for file, reason in ledger.broken.items()})
    for file, why in ledger.notes.items():
        print(f"warning: {file} {why}", file=sys.stderr)
    return results


def _unmeasured(root: Path, plan: Plan, specs: Mapping[str, DataSpec]) -> dict[str, int]:
    """How many finished trials lack each metric and probe, or have it by other source than there is now."""
    lacking = counts(missing(plan, Ledger(root / LEDGER).briefs(plan.trials), specs))
    return {name: number for names in lacking.values() for name, number in names.items()}


def _read_and_merge(root: Path, paths: Sequence[str], plan: Plan) -> tuple[dict[str, TrialResult], tuple[Source, ...]]:
    planned = {job.trial_id: job for job in plan.trials}
    parts = []
    for path in paths:
        part = sources.read(root / path, path)
        wrong = {i: why for i, r in part.results.items() if i in planned and (why := misnamed(r, planned[i]))}
        _warn({**part.broken, **{part.place(i): why for i, why in wrong.items()}})
        parts.append(replace(part, results={i: r for i, r in part.results.items() if i not in wrong}))
    return merge.merge(parts, plan)


def families() -> dict[str, str]:
    """Fusion -> its family."""
    return {name: str(info.cls.family) for name, info in variants("fusion").items()}  # type: ignore[attr-defined]


def write(analysis: Report, folder: Path, found: Breakdowns | None = None, *, paper_only: bool = False) -> Path:
    """Write the page and all other files; returns the page. found: what stands behind the scores, where outputs are at
    hand. paper_only: what papers take and nothing else; returns its folder. A section that fails is reported on stderr,
    and the rest is written. Raises UserError where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if paper_only:
            export_paper(analysis, folder)
            page = folder / "paper"
        else:
            export(analysis, folder, lambda files: render(analysis, downloads=files, breakdowns=found))
            page = folder / PAGE
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from None
    for name, reason in analysis.failures.items():
        print(f"warning: section {name} of the report failed and is left out ({reason})", file=sys.stderr)
    return page


def report(root: Path, paths: Sequence[str] = (), *, paper_only: bool = False) -> tuple[Params, Report, Path]:
    """Write the report of the project at `root`; returns where. paths: of sources to merge, in place of the project's
    own ledger. paper_only: as of `write`. Raises UserError for what a person can put right."""
    params = load_params(root / SETTINGS)
    specs = load_specs(params, root)
    schedule = Schedule(params=params, specs=specs, root=root, folder=root / BUDGET)
    whole = schedule.whole
    results, origins = _read_and_merge(root, paths, whole) if paths else (_read_ledger(root, whole), ())
    plan = declared(schedule, results)
    profiles = cost_curves.load(root / cost_curves.FOLDER)
    analysis = analyse(
        plan,
        results,
        specs,
        params,
        families=families(),
        profiles=profiles,
        sources=origins,
        **found(schedule.stands),
        # Outputs of a merged source are not at hand.
        ensembles={} if paths else ensembles(Ledger(root / LEDGER), params, plan, results, specs),
        costs={} if paths else idle_costs.known(root / LEDGER, plan, results),
        samples={} if paths else sample_scores(Ledger(root / LEDGER), params, plan, results, specs, root / PREPARED),
        agreements={} if paths else agreements(Ledger(root / LEDGER), params, plan, results, specs),
        unmeasured={} if paths else _unmeasured(root, plan, specs),
    )
    alone = bool(paths) or paper_only
    classes = {} if alone else breakdowns(Ledger(root / LEDGER), results, detailed(analysis.context))
    return params, analysis, write(analysis, root / (MERGED if paths else REPORTS), classes, paper_only=paper_only)


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""

    wanted = parser(__doc__)
    wanted.add_argument("sources", nargs="*", help="ledgers or results.parquet files to merge into reports-merged/")
    wanted.add_argument("--figures", choices=("all", "paper"), default="all", help="paper: only the folder `paper`")
    options = wanted.parse_args()

    def stage() -> int:
        root, paper_only, paths = Path.cwd(), options.figures == "paper", options.sources
        params, analysis, page = report(root, paths, paper_only=paper_only)
        if paper_only:
            print(f"for papers: {page.relative_to(root)}; its example.tex has everything in")
            return 0
        tracked = False
        if params.tracking.enabled and not paths:
            # Late: MLflow takes seconds to import, and a report does not need it.
            from mmbench.tracking import log_report

            tracked = log_report(params.tracking, root, page.parent)
        print(analysis.headline)
        print(f"report: {page.relative_to(root)}" + ("   every run in MLflow: mmbench ui" if tracked else ""))
        if not paths and analysis.context.total.done and provenance.commit(root)[0] is not None:
            print("next: git add dvc.lock && git commit   (`mmbench compare HEAD .` then says what later runs change)")
        return 0

    return exit_code(stage, "report")


if __name__ == "__main__":
    sys.exit(main())
