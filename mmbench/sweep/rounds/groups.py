"""Which trials are trained together, as one program.

Those of one combination (or control) on one data set that differ in numbers alone: in their seeds and in what they are
tuned with. Sums are added in another order in a group than alone, so who is in a group follows from what is asked for
in a round and never from what happens to be pending.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mmbench.schema.plan import Job
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.rounds.assignment import Assignment

NUMBERS = ("learning_rate", "weight_decay")
"""Settings of `train` that may differ within a group."""

Group = tuple[Job, ...]


def kind_of(config: TrialConfig) -> str | None:
    """The same for trials that can be one program; None of a baseline, which is not trained in steps."""
    if config.train is None:
        return None
    plain = config.model_dump(mode="json", exclude={"seed", "configuration"})
    plain["train"] = {name: value for name, value in plain["train"].items() if name not in NUMBERS}
    return json.dumps(plain, sort_keys=True)


def groups_of(jobs: Sequence[Job], most: int) -> list[Group]:
    """All of these trials in groups of at most so many, in the order of their first ones."""
    found: list[list[Job]] = []
    room: dict[str, list[Job]] = {}
    for job in jobs:
        kind = kind_of(job.config)
        mates = room.get(kind) if kind is not None else None
        if mates is None or len(mates) >= most:
            mates = []
            found.append(mates)
            if kind is not None:
                room[kind] = mates
        mates.append(job)
    return [tuple(group) for group in found]


def together(pending: Sequence[Assignment], groups: Sequence[Group]) -> list[Assignment]:
    """The trials to be trained, those of a group as one assignment. A group of which one trial is pending is trained
    whole, so that it is the group that it was before."""
    by_id = {a.job.trial_id: a for a in pending}
    found = []
    for group in groups:
        own = [by_id.get(job.trial_id) for job in group]
        wanted = next((a for a in own if a is not None), None)
        if wanted is None:
            continue
        silent = wanted.without_probes()
        members = [
            silent.model_copy(update={"job": job, "kept": False}) if a is None else a
            for job, a in zip(group, own, strict=True)
        ]
        found.append(members[0].model_copy(update={"mates": tuple(members[1:])}))
    return found
