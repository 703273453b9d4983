"""How long a plan of the full grid takes on one core: 17 x 17 x 6 cells, three data sets, five seeds, and controls.

    OMP_NUM_THREADS=1 python benchmarks/plan.py

Prints processor seconds for identities alone, with parameters and FLOPs of every cell, and both with `match_params`.
Needs no prepared data: a data set's description is enough. Each case runs in a fresh process.
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import yaml

from mmbench.ledger.store import Ledger, limits_of
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Params
from mmbench.sweep.planning.cell_costs import costs
from mmbench.sweep.planning.model_counts import ModelCounter
from mmbench.sweep.planning.plan import build
from tests.support import plain

ROOT = Path(__file__).resolve().parents[1]


def settings(*, match: bool) -> Params:
    raw = plain.params().model_dump(mode="json")
    raw["grid"] |= {"seeds": 5} | dict.fromkeys(("attention", "fusion", "architecture"), "full")
    raw["model"] |= {"match_params": match}
    return Params.model_validate(raw)


def specs(params: Params) -> dict[str, DataSpec]:
    """Of the embedded data sets, as their cards ask for them."""
    found = {}
    for name in params.grid.datasets:
        card = yaml.safe_load((ROOT / "data" / "raw" / name / "dataset.yaml").read_text(encoding="utf-8"))
        asked = card["dataset"]
        ((generator, options),) = ({asked: {}} if isinstance(asked, str) else asked).items()
        made = get("dataset", generator, where="benchmark").cls(**options)
        found[name] = made.describe(name).model_copy(update={"hash": name})
    return found


def case(match: bool) -> None:
    params = settings(match=match)
    described, counter, began = specs(params), ModelCounter(), time.process_time()
    plan = build(params, described, root=ROOT, counter=counter)
    Ledger(ROOT / "no ledger").pending(plan, limits_of(params.sweep))
    ids = time.process_time() - began
    found = costs(plan, described, counter)
    both = time.process_time() - began
    cells = sum(job.config.role == "cell" for job in plan.jobs)
    print(
        f"match_params {match!s:5}: {cells:,} trials of cells, {plan.declared:,} in all, {len(plan.skipped)} skipped; "
        f"identities {ids:.1f} s, with parameters and FLOPs of {len(found):,} models {both:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    for match in (False, True):
        process = multiprocessing.get_context("spawn").Process(target=case, args=(match,))
        process.start()
        process.join()
