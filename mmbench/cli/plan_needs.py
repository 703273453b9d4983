"""What a plan needs, in words: time, memory and disk, from trials that have ended or from steps that are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmbench.cli.project import Loaded, Project

if TYPE_CHECKING:
    from mmbench.schema.plan import Job
    from mmbench.sweep.planning.estimate import TimeLeft

Steps = Mapping[tuple[str, str], float]
"""By data set and cell: seconds of a gradient step, where it was tried."""


def tried(loaded: Loaded, project: Project) -> Steps:
    """A few steps of every model of which no trial has ended."""
    from mmbench.project.folders import PREPARED
    from mmbench.sweep.planning.timed_steps import step_seconds

    ended = {(r.config.dataset, r.config.cell) for r in loaded.results.values() if r.state == "done"}
    jobs = [j for j in loaded.plan.jobs if (j.config.dataset, j.config.cell) not in ended]
    return step_seconds(jobs, project.root / PREPARED)


def unknown_lengths(loaded: Loaded) -> list[str]:
    """The data sets for which the sweep still has to find how long training takes."""
    if loaded.params.train.epochs != "auto":
        return []
    return [name for name, stand in loaded.stands.items() if stand.calibrating]


def time_left_of(loaded: Loaded, timed: Steps, steps: int | None = None) -> TimeLeft:
    """Of data sets whose budget is not known only where steps were tried: then of so many, or of the fewest that it
    may be."""
    from mmbench.schema.budget import LEAST_STEPS
    from mmbench.sweep.planning.estimate import at_least, slots_of, time_left

    open_ = set(unknown_lengths(loaded))
    jobs = [j for j in loaded.plan.trials if j.config.dataset not in open_]
    if timed:
        jobs += [
            at_least(j, steps or LEAST_STEPS, loaded.specs[j.config.dataset])
            for j in loaded.plan.trials
            if j.config.dataset in open_
        ]
    return time_left(jobs, loaded.results, loaded.specs, slots_of(loaded.params.sweep), timed=timed)


def jobs_left(loaded: Loaded) -> list[Job]:
    return [job for job in loaded.plan.trials if job.trial_id not in loaded.results]


def _megabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def peak_bytes(loaded: Loaded, timed: Steps) -> int | None:
    """Bytes of the largest trial: of those that ended, else of the models whose steps were tried in this process."""
    from mmbench.sweep.planning.space import in_memory

    known = in_memory(loaded.results.values())
    if known is None and timed:
        import resource
        import sys

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most
    return known


def memory(loaded: Loaded, timed: Steps) -> str:
    from mmbench.sweep.planning.estimate import slots_of

    peak, slots = peak_bytes(loaded, timed), slots_of(loaded.params.sweep)
    if peak is None:
        return "not known yet; `mmbench plan --time` measures that as well."
    return f"up to {_megabytes(peak)} a trial, {_megabytes(slots * peak)} with {slots} at a time."


def disk(loaded: Loaded) -> str:
    from mmbench.sweep.planning.space import on_disk

    kept = loaded.params.sweep.keep_weights
    weights = f", and at most {kept:g} GB of weights (sweep.keep_weights)" if kept else ""
    size = _megabytes(on_disk(jobs_left(loaded), loaded.specs, loaded.params.probes))
    return f"about {size} of results, as much again in DVC's cache{weights}."


def time_words(loaded: Loaded, timed: Steps) -> str:
    """How long what is pending will take, as far as trials that have ended, or steps that were tried, tell."""
    from mmbench.report.values.lists import listing
    from mmbench.schema.budget import LEAST_STEPS, MOST_STEPS, USUAL_STEPS
    from mmbench.sweep.planning.plan import ladder_budgets
    from mmbench.sweep.wording import duration

    found, open_ = time_left_of(loaded, timed), unknown_lengths(loaded)
    if found.known == 0:
        why = (
            "no trial of this plan has ended yet" if not open_ else f"the budget of {', '.join(open_)} is not known yet"
        )
        return f"not known yet, since {why}. `mmbench plan --time` tries a few steps of every model."
    told, search = f"about {duration(found.seconds)} on this machine, with {found.slots} trials at a time", ""
    if open_ and timed:
        told = (
            told.replace("about", "at least", 1) + f", if {LEAST_STEPS} gradient steps are enough on {', '.join(open_)}"
        )
        usual, most = (duration(time_left_of(loaded, timed, n).seconds) for n in (USUAL_STEPS, MOST_STEPS))
        search = (
            " The sweep first finds how many it takes: on the data sets of a new project, 800 and 1,600. "
            f"{USUAL_STEPS:,} would take about {usual}, the most that it tries ({MOST_STEPS:,}) {most}."
        )
        open_ = []
    missing = (
        [f"{found.unknown:,} trial{'s' if found.unknown > 1 else ''} of methods that have not run yet"]
        if found.unknown
        else []
    )
    missing += [f"{', '.join(open_)}, whose budget is not known yet"] if open_ else []
    race, ladder = loaded.params.grid.race is not None, bool(ladder_budgets(loaded.params))
    rates = not open_ and not search and any(stand.calibrating for stand in loaded.stands.values())
    later = ["the search for the learning rate"] if rates else []
    later += [x for x, there in (("the seeds that a race may add", race), ("the budget ladder", ladder)) if there]
    more = f" This leaves out {listing(later)}." if later else ""
    return told + (f", not counting {' and '.join(missing)}." if missing else ".") + search + more


def race_words(budget: float, loaded: Loaded) -> str:
    """What races may take, and on which data sets it is spent."""
    from mmbench.sweep.wording import duration

    spent = [name for name, stand in loaded.stands.items() if stand.race is not None and stand.race.unpaid]
    told = f"sweep.budget: {duration(budget)} of training"
    if len(loaded.specs) > 1:
        told += f", {duration(budget / len(loaded.specs))} for each data set"
    return told + (f"; spent on {', '.join(spent)}" if spent else "")
