"""Stage `report`: the ledger, as far as it is filled, -> reports/. Ends with 0 also for a partial report, which says
so."""

from __future__ import annotations

import sys
from pathlib import Path

from mmbench import scaling
from mmbench.config import Params, load_params
from mmbench.registry import UserError, variants
from mmbench.report.analysis import Analysis
from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.page import render
from mmbench.sweep.ledger import Ledger
from mmbench.sweep.plan import build, load_specs


def report(root: Path) -> tuple[Params, Analysis, Path]:
    """Write the report of the project at `root`; returns where. Raises UserError for what a person can put right."""
    params = load_params(root / "params.yaml")
    specs = load_specs(params, root)
    plan = build(params, specs, root=root)
    ledger = Ledger(root / "data" / "ledger")
    results = ledger.read(job.trial_id for job in plan.jobs)
    for file, reason in ledger.broken.items():
        print(f"warning: {file} is no result ({reason}); its trial counts as not run", file=sys.stderr)
    families = {name: str(info.cls.family) for name, info in variants("fusion").items()}  # type: ignore[attr-defined]
    profiles = scaling.load(root / scaling.FOLDER)
    analysis = analyse(plan, results, specs, params, families=families, profiles=profiles)
    folder = root / "reports"
    try:
        folder.mkdir(exist_ok=True)
        files = export(analysis, folder)
        page = folder / "report.html"
        page.write_text(render(analysis, downloads=files), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from None
    return params, analysis, page


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""
    root = Path.cwd()
    try:
        params, analysis, page = report(root)
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return 1
    if params.tracking.enabled:
        # Late: MLflow takes seconds to import, and a report does not need it.
        from mmbench.tracking import log_report

        log_report(params.tracking, root, page.parent)
    print(analysis.headline)
    print(f"report: {page.relative_to(root)}   every run in MLflow: make ui")
    return 0


if __name__ == "__main__":
    sys.exit(main())
