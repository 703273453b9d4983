from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbench.model import build as model
from mmbench.model import cost
from mmbench.registry import get, variants
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.sweep.planning.cell_costs import costs
from mmbench.sweep.planning.match_parameters import NAME, TOLERANCE, WIDEST, Matcher, around
from mmbench.sweep.planning.model_counts import ModelCounter
from mmbench.sweep.planning.plan import build
from tests.support import plain

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SPECS: dict[str, DataSpec] = {
    name: get("dataset", name, where="test").cls().describe(name).model_copy(update={"hash": name})
    for name in ("redundant", "unique", "synergy")
}
SOME = {
    "datasets": ["unique", "synergy"],
    "attention": ["mean", "scaled_dot_product", "routed"],
    "fusion": ["concat", "tensor", "latent_array"],
    "architecture": ["hybrid", "independent", "shared"],
    "seeds": 1,
}


def settings(*, match: bool = True, size: dict[str, Any] | None = None, **grid: Any) -> Params:
    raw = plain.params().model_dump(mode="json")
    raw["grid"] |= SOME | grid
    raw["model"] |= {"match_params": match} | (size or {})
    return Params.model_validate(raw)


def planned(params: Params, specs: dict[str, DataSpec] = SPECS, counter: ModelCounter | None = None) -> Plan:
    return build(params, specs, root=Path("/nowhere"), counter=counter)


def ids(plan: Plan) -> dict[str, str]:
    return {job.config.name: job.trial_id for job in plan.jobs if job.config.role != "baseline"}


def test_models_as_built_agree() -> None:
    params = settings()
    matcher = Matcher(params.model, ModelCounter())
    sizes: dict[str, list[int]] = {}
    for job in planned(params).jobs:
        if job.config.role != "baseline":
            spec = SPECS[job.config.dataset]
            sizes.setdefault(spec.name, []).append(cost.parameters(model.build(job.config, spec)))
    assert {name: len(found) for name, found in sizes.items()} == {"unique": 27 + 9, "synergy": 27 + 6}
    for name, found in sizes.items():
        target = matcher.target(SPECS[name])
        assert all(abs(n / target - 1) <= TOLERANCE for n in found)
        assert max(found) <= 1.1 * min(found)


@pytest.mark.exhaustive
def test_the_whole_space_agrees() -> None:
    params = settings(datasets=list(SPECS), **dict.fromkeys(("attention", "fusion", "architecture"), "full"))
    counter = ModelCounter()
    plan = planned(params, counter=counter)
    assert plan.skipped == ()
    found: dict[str, list[int]] = {}
    for job in plan.jobs:
        if job.config.role != "baseline":
            found.setdefault(job.config.dataset, []).append(counter.parameters(job.config, SPECS[job.config.dataset]))
    levels = [len(variants(axis)) for axis in ("attention", "fusion", "architecture")]
    cells = levels[0] * levels[1] * levels[2]
    for name, counts in found.items():
        assert len(counts) == cells + levels[0] * len(SPECS[name].modalities)
        assert max(counts) <= 1.1 * min(counts), name


def test_the_reference_keeps_its_size_and_its_identity() -> None:
    matched, nominal = ids(planned(settings())), ids(planned(settings(match=False)))
    assert matched.keys() == nominal.keys()
    same = {name for name, i in matched.items() if nominal[name] == i}
    assert {f"{NAME} · {dataset} · s0" for dataset in ("unique", "synergy")} <= same
    assert len(same) < len(matched) / 2


def test_a_wider_grid_changes_no_other_cell() -> None:
    narrow = ids(planned(settings(attention=["mean"], fusion=["tensor"], datasets=["synergy"])))
    assert narrow.items() < ids(planned(settings())).items()


def test_seeds_of_a_cell_have_one_size() -> None:
    sizes: dict[tuple[str, str], set[str]] = {}
    for job in planned(settings(seeds=3)).jobs:
        sizes.setdefault((job.config.dataset, job.config.cell), set()).add(str(job.config.model))
    assert {len(found) for found in sizes.values()} == {1}


def test_what_cannot_be_matched_is_skipped_and_says_why() -> None:
    """Sixteen heads: widths in steps of sixteen are too coarse for a model of half the size."""
    plan = planned(settings(size={"width": 16, "heads": 16}))
    reasons = {skip.config.cell: skip.reason for skip in plan.skipped}
    reason = reasons["mean + concat · hybrid"]
    assert reason.startswith("match_params: no size near width 16 (") and NAME in reason
    assert NAME in {job.config.cell for job in plan.jobs}
    assert plan.declared == planned(settings(match=False)).declared


def test_one_modality_is_matched_to_itself() -> None:
    spec = SPECS["synergy"]
    alone = spec.model_copy(update={"modalities": {"image": spec.modalities["image"]}})
    plan = planned(settings(datasets=["synergy"]), {"synergy": alone})
    found = {job.config.cell: job.config.model for job in plan.jobs}
    assert found["scaled_dot_product · image alone"] == settings().model.size
    assert {skip.reason for skip in plan.skipped} == {"fusion needs at least two modalities"}


def test_what_cannot_be_built_is_left_to_its_trial() -> None:
    """Differential attention halves a head, and here a head has a width of one."""
    params = settings(attention=["differential", "scaled_dot_product"], size={"width": 2}, datasets=["synergy"])
    counter = ModelCounter()
    plan = planned(params, counter=counter)
    cells = {job.config.cell: job.config.model for job in plan.jobs}
    assert cells["differential + concat · shared"] == params.model.size
    counted = costs(plan, SPECS, counter)
    assert "a head needs a width of 2" in str(counted["synergy", "differential + concat · shared"])
    assert not isinstance(counted["synergy", NAME], str)


@given(
    target=st.integers(1, 10**7),
    start=st.integers(1, 64),
    step=st.integers(1, 8),
    power=st.sampled_from([1, 2, 3]),
    fixed=st.integers(0, 10**5),
)
def test_the_two_nearest_widths_are_found(target: int, start: int, step: int, power: int, fixed: int) -> None:
    def count(width: int) -> int:
        return fixed + 3 * width**power

    widths = around(target, count, start=start * step, step=step)
    assert all(width > 0 and width % step == 0 for width in widths)
    if len(widths) == 2:
        assert widths[1] - widths[0] == step and count(widths[0]) < target < count(widths[1])
    else:
        (width,), found = widths, count(widths[0])
        assert (
            found == target or (width == step and found > target) or (width >= WIDEST * start * step and found < target)
        )


def test_a_count_that_falls_or_stands_still_ends_the_search() -> None:
    assert around(1000, lambda width: 10, start=4, step=2)[0] >= 4
    falls = around(1000, lambda width: width**2 if width < 20 else 5 * width, start=4, step=2)
    assert falls and all(width % 2 == 0 for width in falls)
