"""Whether a worker has the source that the driver planned with: what other source finds must not bear its fingerprint.

A node of a cluster may have another version. And workers look first into the folder in which the sweep was started, by
Ray's doing: a clone may lie there.
"""

from __future__ import annotations

import platform
from pathlib import Path

from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec
from mmbench.sweep.planning.fingerprint import fingerprint, measure_fingerprint
from mmbench.sweep.rounds.assignment import Assignment

DIFFERS = "its source is another than that of the process that started the sweep"


def other_code(todo: Assignment, spec: DataSpec) -> str:
    """What is wrong, for a person; empty where the source is the same."""
    try:
        same = all(_is_own(a, spec) for a in todo.members)
    except UserError as error:
        return where(str(error))
    return "" if same else where(DIFFERS)


def _is_own(a: Assignment, spec: DataSpec) -> bool:
    if a.trains and fingerprint(a.job.config, spec) != a.job.fingerprint:
        return False
    metrics = a.measures.metrics if a.trains else {}
    return all(measure_fingerprint("metric", name) == wanted for name, wanted in metrics.items()) and all(
        measure_fingerprint("probe", name) == wanted for name, wanted in a.measures.probes.items()
    )


def where(why: str) -> str:
    """The message, with the node and the folder of the mmbench that was imported there."""
    return (
        f"a worker on {platform.node()} has mmbench from {Path(__file__).parents[1]}, and {why}. Nothing of it was "
        "kept. Give all nodes one version of mmbench and of your own variants, and start the sweep in a folder that "
        "holds no other mmbench"
    )
