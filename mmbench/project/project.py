"""What the stages and most commands work on: a project's folder with its settings, data and ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.errors import UserError
from mmbench.project.folders import BUDGET, LEDGER, PREPARED, SETTINGS

if TYPE_CHECKING:
    from mmbench.ledger.briefs import Brief
    from mmbench.ledger.store import Ledger
    from mmbench.schema.dataset import DataSpec
    from mmbench.schema.params import Params
    from mmbench.schema.plan import Plan
    from mmbench.schema.result import TrialResult
    from mmbench.sweep.planning.model_counts import ModelCounter
    from mmbench.sweep.rounds.schedule import Stand


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project on disk; nothing is read yet."""

    root: Path
    params_file: Path

    @classmethod
    def at(cls, root: Path) -> Project:
        """The project in that folder, with its own settings."""
        return cls(root=root, params_file=root / SETTINGS)

    @property
    def prepared(self) -> Path:
        """The folder of the prepared data sets."""
        return self.root / PREPARED

    def params(self) -> Params:
        from mmbench.schema.params import load_params

        return load_params(self.params_file)

    def grid(self) -> tuple[str, ...]:
        """The data sets that are in the grid; none where the settings cannot be read."""
        try:
            return self.params().grid.datasets
        except UserError:
            return ()

    def margin(self) -> float:
        """Differences within it count as equal; that of a new project where the settings cannot be read."""
        try:
            return self.params().report.rope
        except UserError:
            return 0.01

    def with_dataset(self, name: str) -> str:
        """The line of params.yaml that compares on this data set and on others of one's own that are in the grid."""
        from mmbench.project.create import generated

        others = (n for n in self.grid() if n != name and n not in generated())
        return f"datasets: [{', '.join([*others, name])}]"

    def ledger(self) -> Ledger:
        from mmbench.ledger.store import Ledger

        return Ledger(self.root / LEDGER)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Everything about a project that a report of it needs."""

    params: Params
    specs: dict[str, DataSpec]
    plan: Plan
    ledger: Ledger
    results: dict[str, TrialResult]
    stands: dict[str, Stand]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What those who count need to know about a project. briefs: of all results, planned or not."""

    params: Params
    specs: dict[str, DataSpec]
    plan: Plan
    ledger: Ledger
    briefs: dict[str, Brief]


def load_specs(params: Params, root: Path) -> dict[str, DataSpec]:
    """spec.json of every data set in the grid. Raises UserError that names one command for all that are missing."""
    from mmbench.sweep.planning import plan

    plan.check_names(params, plan.known_datasets(root))
    missing = [n for n in params.grid.datasets if not (root / PREPARED / n / "spec.json").exists()]
    if missing:
        what = "data set" if len(missing) == 1 else "data sets"
        stages = " ".join(f"prepare@{name}" for name in missing)
        raise UserError(f"{what} {', '.join(missing)} not prepared in {root / PREPARED}; run `dvc repro {stages}`")
    return plan.load_specs(params, root)


def load(project: Project, params: Params | None = None, counter: ModelCounter | None = None) -> Loaded:
    """Read settings, specs and ledger and make the plan. `params`: instead of those of the project's file; `counter`:
    counts for the plan, and can be asked afterwards."""
    from mmbench.sweep.rounds.schedule import Schedule, declared

    params = params or project.params()
    specs = load_specs(params, project.root)
    schedule = Schedule(params=params, specs=specs, root=project.root, folder=project.root / BUDGET, counter=counter)
    ledger = project.ledger()
    results = ledger.whole(schedule.whole.trials)
    return Loaded(
        params=params,
        specs=specs,
        plan=declared(schedule, results),
        ledger=ledger,
        results=results,
        stands=schedule.stands,
    )


def look(project: Project) -> Looked:
    """As `load`, without reading results that are known already."""
    from mmbench.sweep.rounds import schedule

    params = project.params()
    specs = load_specs(params, project.root)
    asked = schedule.Schedule(params=params, specs=specs, root=project.root, folder=project.root / BUDGET)
    ledger = project.ledger()
    plan, briefs = schedule.look(asked, ledger, quick=True)
    return Looked(params=params, specs=specs, plan=plan, ledger=ledger, briefs=briefs)
