"""Whether verdicts hold: the same project with twice the budget, and with other seeds.

`python -m benchmarks.verdict PROJECT --work FOLDER` copies a project whose sweep has run, trains what it lacks for
twice the budget (every data set's own, as data/budget has it) and, apart from that, under six new seeds, and prints
side by side what became of every verdict: no better may turn into worse or equal, no equal into better or worse, in
more than one case of twenty, apart from those of which the report itself says that they do not last. It trains two to
three times as much as the project itself, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import yaml
from rich.console import Console
from scipy import stats

from mmbench.ledger.store import Ledger, limits_of
from mmbench.project.folders import BUDGET, LEDGER, PREPARED, SETTINGS
from mmbench.report.build import analyse
from mmbench.report.scores.context import Context
from mmbench.report.values.verdicts import VerdictRecord
from mmbench.schema.params import load_params
from mmbench.schema.plan import Plan
from mmbench.stages.report import families
from mmbench.stages.sweep import sweep
from mmbench.sweep import engine
from mmbench.sweep.planning.plan import load_specs
from mmbench.sweep.progress import Watch
from mmbench.sweep.rounds.schedule import Schedule, declared, found
from mmbench.sweep.rounds.work import planned

ALLOWED = 1 / 20
"""The share of decided verdicts that may turn."""
TURNED = {("better", "worse"), ("worse", "better"), ("better", "equal"), ("worse", "equal")}
TURNED |= {("equal", "better"), ("equal", "worse")}

Key = tuple[str, str, str | None, frozenset[str]]


def copy(project: Path, folder: Path) -> Path:
    """The project with its data, budgets and ledger; nothing where it has been copied before."""
    if not (folder / SETTINGS).exists():
        folder.mkdir(parents=True, exist_ok=True)
        for part in (PREPARED, BUDGET, LEDGER):
            shutil.copytree(project / part, folder / part, dirs_exist_ok=True)
        shutil.copytree(project / "data" / "raw", folder / "data" / "raw", dirs_exist_ok=True)
        raw = yaml.safe_load((project / SETTINGS).read_text(encoding="utf-8"))
        raw["tracking"]["enabled"] = False
        raw["controls"]["budgets"] = []
        (folder / SETTINGS).write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def lengthen(folder: Path, factor: float) -> None:
    """Change every budget that was found by this factor."""
    for file in sorted((folder / BUDGET).glob("*.json")):
        raw = json.loads(file.read_text(encoding="utf-8"))
        if "lengthened" not in raw["why"]:
            per_epoch = raw["steps"] // raw["epochs"]
            raw["epochs"] = max(1, round(raw["epochs"] * factor))
            raw |= {"steps": raw["epochs"] * per_epoch, "why": f"{raw['why']}, lengthened {factor:g} times"}
            file.write_text(json.dumps(raw), encoding="utf-8")


def with_new_seeds(folder: Path, seeds: int) -> int:
    """Ask for so many seeds beyond those that any method may have; returns the first new one."""
    file, note = folder / SETTINGS, folder / "first-new-seed"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not note.exists():
        grid = raw["grid"]["seeds"]
        first = grid["most"] if isinstance(grid, dict) else grid
        raw["grid"]["seeds"] = first + seeds
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        note.write_text(str(first), encoding="utf-8")
    return int(note.read_text(encoding="utf-8"))


def train_from(folder: Path, first: int, console: Console) -> int:
    """Train every trial of these seeds and no others; returns how many are left."""
    params = load_params(folder / SETTINGS)
    schedule = Schedule(params=params, specs=load_specs(params, folder), root=folder, folder=folder / BUDGET)
    ledger, watch = Ledger(folder / LEDGER), Watch(console)
    jobs = tuple(j for j in schedule.whole.jobs if j.config.seed >= first or j.config.role == "baseline")
    plan = Plan(jobs=jobs, skipped=schedule.whole.skipped)
    with ledger.lock():
        work = planned(plan, ledger, limits_of(params.sweep), folder / PREPARED)
        outcome = engine.run(work, ledger, params.sweep, folder / PREPARED, on_start=watch.start, on_result=watch.add)
        watch.close()
    return outcome.left


def context_of(folder: Path, first_seed: int = 0) -> Context:
    """What the report of that project knows; of trials from this seed on, and of baselines."""
    params = load_params(folder / SETTINGS)
    specs = load_specs(params, folder)
    schedule = Schedule(params=params, specs=specs, root=folder, folder=folder / BUDGET)
    results = Ledger(folder / LEDGER).of(schedule.whole.trials)
    plan = declared(schedule, results)
    kept = tuple(
        j
        for j in (schedule.whole if first_seed else plan).jobs
        if j.config.seed >= first_seed or j.config.role == "baseline"
    )
    stands = schedule.stands
    return analyse(
        Plan(jobs=kept, skipped=plan.skipped, ladder=() if first_seed else plan.ladder),
        results,
        specs,
        params,
        families=families(),
        **found(stands),
    ).context


def keyed(records: Iterable[VerdictRecord]) -> dict[Key, VerdictRecord]:
    """Contrasts and combinations; which of two is the subject does not matter."""
    return {
        (v.kind, v.dataset, v.axis, frozenset((v.subject, v.reference) if v.kind == "contrast" else (v.subject,))): v
        for v in records
        if v.kind != "control"
    }


def changes(old: Mapping[Key, VerdictRecord], new: Mapping[Key, VerdictRecord]) -> Counter[tuple[str, str, bool]]:
    """(verdict before, verdict after, whether the report before says that it does not last) of what both have."""
    found: Counter[tuple[str, str, bool]] = Counter()
    flipped = {"better": "worse", "worse": "better"}
    for key, before in old.items():
        after = new.get(key)
        if after is not None and before.verdict is not None and after.verdict is not None:
            turned = before.kind == "contrast" and before.subject != after.subject
            now = flipped.get(after.verdict, after.verdict) if turned else after.verdict
            found[before.verdict, now, before.lasts is False] += 1
    return found


def agreement(old: Context, new: Context) -> dict[str, tuple[float, float]]:
    """Kendall's tau between the means of the combinations, and among pairs that differ by more than the margin."""
    found = {}
    for before, after in zip(old.datasets, new.datasets, strict=True):
        means = {r.key: r.score.mean for r in before.cells if r.score}
        other = {r.key: r.score.mean for r in after.cells if r.score and r.key in means}
        keys = list(other)
        apart = [(a, b) for a, b in combinations(keys, 2) if abs(means[a] - means[b]) > before.scale.rope]
        same = sum((means[a] > means[b]) == (other[a] > other[b]) for a, b in apart)
        tau = stats.kendalltau([means[k] for k in keys], [other[k] for k in keys]).statistic
        found[before.name] = (float(tau), (2 * same - len(apart)) / len(apart) if apart else 1.0)
    return found


def show(title: str, old: Context, new: Context, *, allow: bool) -> bool:
    """Print both side by side; whether the verdicts hold. allow: what the report says of verdicts that do not last."""
    counts = changes(keyed(old.verdicts), keyed(new.verdicts))
    decided = sum(n for (a, b, _), n in counts.items() if "open" not in (a, b))
    turned = sum(n for (a, b, told), n in counts.items() if (a, b) in TURNED and not (told and allow))
    print(f"\n{title}")
    print(f"  before: {old.headline}\n  after:  {new.headline}")
    for before, after in zip(old.datasets, new.datasets, strict=True):
        reached = [d.scale.number(d.row(d.best).score.mean) if d.best else "none" for d in (before, after)]
        print(f"  {before.name}: best {before.scale.label} {reached[0]} before, {reached[1]} after")
    for context, name in ((old, "before"), (new, "after")):
        print(f"  {name}: " + "; ".join(f"{t.dataset} {t.words}" for t in context.training))
    for (a, b, told), n in sorted(counts.items(), key=lambda x: -x[1]):
        note = "   turned" if (a, b) in TURNED else ""
        print(f"  {n:4d}  {a} -> {b}{note}{'   (the report says that it does not last)' if told and allow else ''}")
    share = turned / decided if decided else 0.0
    print(f"  {turned} of {decided} that both decide have turned ({share:.1%}; at most {ALLOWED:.0%})")
    for name, (tau, far) in agreement(old, new).items():
        print(f"  {name}: Kendall's tau {tau:.2f}, among pairs more than the margin apart {far:.2f}")
    return share <= ALLOWED


def decisions(context: Context) -> None:
    """How much is decided, and how many trials it took."""
    for name in context.names:
        for kind in ("contrast", "combination"):
            own = [v for v in context.verdicts if v.dataset == name and v.kind == kind]
            found = Counter(v.verdict or "one seed" for v in own)
            told = ", ".join(f"{n} {verdict}" for verdict, n in found.most_common())
            share = sum(found[v] for v in ("better", "worse", "equal")) / len(own) if own else 0.0
            print(f"{name}: {share:.0%} of {len(own)} {kind}s decided ({told})")
    last, trained = context.best_in_last
    in_last = f"{last} of {trained} ({last / trained:.0%})" if trained else "none has several"
    print(f"best in their last epoch, of trained models that have several: {in_last}")
    grid = context.params.grid
    if grid.race is not None:
        per_seed = sum(j.config.seed == 0 and j.config.role != "baseline" for j in context.plan.jobs)
        most = max(j.config.seed for j in context.plan.jobs) + 1
        ran = sum(j.config.role != "baseline" for j in context.plan.jobs)
        print(f"race: {ran} trials; a full grid at {most} seeds, the most that any method has: {per_seed * most}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict", description=__doc__.split("\n", 1)[0])
    parser.add_argument("project", type=Path, nargs="?", help="one whose sweep has run")
    parser.add_argument("--data", type=Path, nargs="+", help="folders with a dataset.yaml instead: are budgets good?")
    parser.add_argument("--work", type=Path, help="where copies are trained; without it only what there is is told")
    parser.add_argument("--factor", type=float, help="of the budget (default 2, with --data 3)")
    parser.add_argument("--seeds", type=int, help="new ones of every method (default 6); with --data all (default 3)")
    parser.add_argument("--choices", nargs="+", default=[], help="with --data: only these attentions, fusions, ...")
    parser.add_argument("--not-further", action="store_true", help="with --data: no training ten times as long")
    parser.add_argument("--only", choices=["budget", "seeds"], help="one of the two")
    options = parser.parse_args(arguments)
    if (options.project is None) == (options.data is None) or (options.data and options.work is None):
        parser.error("give a project, or --data CARD... with --work FOLDER")
    if options.data:
        # Late: it takes its tools from here.
        from benchmarks import budgets

        return budgets.compare(
            options.data,
            options.work,
            seeds=options.seeds or 3,
            factor=options.factor or 3.0,
            choices=options.choices,
            further=not options.not_further,
        )
    factor, seeds = options.factor or 2.0, options.seeds or 6
    before = context_of(options.project)
    print(before.headline)
    decisions(before)
    if options.work is None:
        return 0
    console, held = Console(stderr=True), True
    if options.only in (None, "budget"):
        folder = copy(options.project, options.work / "budget")
        lengthen(folder, factor)
        if (code := sweep(folder, console)) != 0:
            return code
        held &= show(f"{factor:g} times the budget", before, context_of(folder), allow=True)
    if options.only in (None, "seeds"):
        folder = copy(options.project, options.work / "seeds")
        first = with_new_seeds(folder, seeds)
        if train_from(folder, first, console) != 0:
            return 1
        held &= show(f"other seeds, from {first} on", before, context_of(folder, first), allow=False)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
