from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmbench.model.attention_cost import Bench, Setting, record_allocations
from mmbench.model.interfaces import Attention, Pooling, Values
from mmbench.probe.cost_curves import CostCurves
from mmbench.registry import Variant, get, variants
from mmbench.schema.cost_curves import LENGTHS, Point, Stop
from mmbench.schema.quantity import QUANTITIES
from mmbench.sweep.length_sweep import Limits, collect, expected, profile

SETTING = Setting(device=torch.device("cpu"), seconds=0.001)
QUICK = CostCurves(seconds=0.001)
NO_LIMITS = Limits(seconds=60, memory=4e9)
LINEAR = ("linear", "linformer", "local", "mean", "nystrom", "performer")


def make(name: str) -> Callable[[], Attention]:
    return lambda: variants("attention")[name].cls(2, 32)


class Breaks(Pooling):
    """Copies the values up to 40 tokens, and raises beyond."""

    def __init__(self, error: Exception) -> None:
        super().__init__(2, 32)
        self.error = error

    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        if heads.v.shape[2] > 40:
            raise self.error
        return heads.v * 2, None


def test_memory_is_what_was_held_at_one_time() -> None:
    def run() -> None:
        first = torch.ones(1000)
        second = torch.ones(2000)
        del first
        third = torch.ones(500)
        del second, third

    found = record_allocations(run)
    assert (found.peak, found.largest) == (4 * 3000, 4 * 2000)


def test_memory_of_a_training_pass_holds_output_gradients_and_what_is_saved() -> None:
    """The exact softmax, written plainly, keeps its (N, N) weights for the backward pass."""
    n = 256
    for name, quadratic in (("topk", True), ("mean", False)):
        matrix = 4 * 2 * n * n
        assert (Bench(make(name), n, SETTING).memory() > matrix) == quadratic


@pytest.mark.parametrize("name", LINEAR)
def test_mechanisms_of_linear_cost_hold_nothing_of_the_size_of_all_pairs(name: str) -> None:
    n = 2048
    found = record_allocations(Bench(make(name), n, SETTING).training)
    assert found.largest < 4 * n * n, f"{name} allocates {found.largest} bytes at once"
    assert found.peak < 4 * n * n, f"{name} holds {found.peak} bytes"


def test_a_mechanism_with_all_pairs_would_be_seen() -> None:
    n = 512
    assert record_allocations(Bench(make("cosine"), n, SETTING).training).largest < 4 * n * n
    assert record_allocations(Bench(make("topk"), n, SETTING).training).largest >= 4 * n * n


def test_additive_holds_far_less_than_every_pair_with_every_hidden_number() -> None:
    n = 512
    found = record_allocations(Bench(make("additive"), n, SETTING).training)
    assert found.largest <= 4 * 2 * n * n * 32 / 8


def test_it_is_a_probe_on_attentions_which_no_trial_waits_for() -> None:
    info = get("probe", "cost_curves", where="a test")
    assert info.attribute("on") == "attention" and issubclass(info.cls, CostCurves)
    assert not QUANTITIES.keys() & CostCurves.quantities.keys()
    values = QUICK.measure(make("mean"), "32")
    assert values.keys() == CostCurves.quantities.keys()
    for name, quantity in CostCurves.quantities.items():
        assert quantity.machine and quantity.levels == tuple(map(str, LENGTHS))
        assert quantity.misfit([float(values[name])]) is None


def test_an_attention_with_an_option_that_has_no_default_cannot_be_measured() -> None:
    class Needy(Pooling):
        def __init__(self, heads: int, head_width: int, *, rank: int) -> None:
            super().__init__(heads, head_width)

    needy = Variant(name="needy", source="own", core=False, cls=Needy)
    assert CostCurves.cannot(needy) == "it needs the option 'rank', which has no default"
    assert all(CostCurves.cannot(info) is None for info in variants("attention").values())


def test_every_mechanism_is_measured_at_every_length() -> None:
    makers = {name: make(name) for name in variants("attention")}
    found = collect(list(profile(makers, (64, 32), QUICK, NO_LIMITS)))
    assert [s.attention for s in found] == list(makers)
    for series in found:
        assert series.stop is None, series
        assert [p.length for p in series.points] == [32, 64]
        assert all(0 < p.forward < 5 and 0 < p.training < 5 and p.memory > 0 for p in series.points)


def test_a_mechanism_that_would_not_fit_is_stopped_and_the_rest_goes_on() -> None:
    limits = Limits(seconds=60, memory=1.5e6)
    makers = {"topk": make("topk"), "mean": make("mean")}
    topk, mean = collect(list(profile(makers, (64, 128, 256, 512, 1024), QUICK, limits)))
    assert topk.stop is not None and topk.stop.why == "out of memory"
    assert "GB may be used" in topk.stop.message
    assert topk.points and topk.points[-1].length == topk.stop.length // 2
    assert all(p.memory <= limits.memory for p in topk.points)
    assert mean.stop is None and mean.points[-1].length == 1024


def test_one_length_alone_is_foreseen_too() -> None:
    steps = list(profile({"topk": make("topk")}, (16384,), QUICK, Limits(seconds=60, memory=1e8)))
    (series,) = collect(steps)
    assert not series.points and series.stop is not None
    assert (series.stop.length, series.stop.why) == (16384, "out of memory")


@pytest.mark.slow
def test_a_mechanism_that_would_take_too_long_is_stopped() -> None:
    """Also far beyond what is known: what is cheap at 32 tokens says nothing of a million."""
    makers = {"topk": make("topk")}
    limits = Limits(seconds=0.1, memory=4e9)
    (series,) = collect(list(profile(makers, (32, 1_000_000), QUICK, limits)))
    assert [p.length for p in series.points] == [32]
    assert series.stop is not None and (series.stop.length, series.stop.why) == (1_000_000, "too long")
    assert series.stop.message.startswith("already at ") and series.stop.message.endswith("more than 0.1 s")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (torch.OutOfMemoryError("no room"), "out of memory"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
            "out of memory",
        ),
        (ValueError("an odd thing\nwith details"), "failed"),
    ],
)
def test_a_mechanism_that_raises_is_recorded_and_the_rest_goes_on(error: Exception, why: str) -> None:
    makers = {"breaks": lambda: Breaks(error), "mean": make("mean")}
    steps = list(profile(makers, (32, 64), QUICK, NO_LIMITS))
    broken, mean = collect(steps)
    assert [p.length for p in broken.points] == [32]
    assert broken.stop is not None and (broken.stop.length, broken.stop.why) == (64, why)
    assert "\n" not in broken.stop.message
    assert [p.length for p in mean.points] == [32, 64]
    assert [type(outcome) for *_, outcome in steps] == [Point, Point, Stop, Point]


@pytest.mark.parametrize(("exponent", "known"), [(1.0, 3), (2.0, 3), (2.0, 2), (2.0, 1)])
def test_what_is_expected_follows_the_last_lengths(exponent: float, known: int) -> None:
    lengths = [64, 128, 256][:known]
    values = [3.0 * n**exponent for n in lengths]
    assert expected(lengths, values, 1024) == pytest.approx(3.0 * 1024**exponent)


def test_what_bends_upwards_is_expected_to_go_on_so() -> None:
    assert expected([64, 128, 256], [10, 10, 40], 512) == pytest.approx(160)
