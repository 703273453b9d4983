from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.data.batches import Example, Split
from mmbench.model.interfaces import Heads
from mmbench.probe.adaptation import Adaptation
from mmbench.probe.faithfulness import Faithfulness
from mmbench.schema.metric import fitting
from mmbench.schema.params import Choice, ModelSize
from mmbench.schema.quantity import QUANTITIES
from mmbench.schema.result import State, TrialResult
from mmbench.training.sandbox import seed_everything
from mmbench.training.trial import TrainedTrial, _name_one, repeatably
from tests.support import small
from tests.support.run_trial import numbers, spoilt, trial


def test_a_finished_trial_tells_everything() -> None:
    result = trial(small.config())
    assert (result.state, result.message, result.traceback) == (State.DONE, None, None)
    assert set(result.metrics) == {"validation", "test"}
    assert all(set(scores) == set(fitting("classification")) for scores in result.metrics.values())
    assert result.metrics["test"]["accuracy"] > 0.6
    # An alignment needs more samples than these.
    absent = {"cka_layers", "cka_stem", "cka_last"}
    # These data do not say where the evidence is; the others are measured when asked for.
    absent |= {name for name in QUANTITIES if name.startswith("plausibility_")}
    absent |= {*Adaptation.quantities, *Faithfulness.quantities}
    assert set(result.quantities) == set(QUANTITIES) - absent
    assert result.quantities["parameters"] > 100 and result.quantities["flops"] > 100
    assert 0 < result.quantities["train_seconds"] < result.seconds
    best = result.curves["validation_accuracy"][result.best_epoch or 0]
    assert best == result.metrics["validation"]["accuracy"], "the score that chose the epoch, bit by bit"
    assert result.provenance.commit == "c" and torch.__version__.startswith(result.provenance.versions["torch"])
    assert TrialResult.model_validate_json(result.model_dump_json()) == result


def test_single_modality() -> None:
    config = small.config(role="single", modalities=("c",), fusion=None, architecture=None)
    result = trial(config)
    assert result.state is State.DONE
    assert 0.4 < result.metrics["test"]["accuracy"] < 0.75, "c alone tells one of the two bits"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits() -> None:
    """In two fresh processes, and in this one after other trials have left their random state behind."""
    program = (
        "import torch; torch.set_num_threads(1)\n"
        "from tests.support import small; from tests.training import test_trial as t; import json\n"
        "print(json.dumps([t.numbers(t.trial(small.config(attention=t.Choice(name=a), architecture="
        "t.Choice(name='hybrid')))) for a in ('scaled_dot_product', 'additive')]))"
    )
    fresh = [
        subprocess.run([sys.executable, "-c", program], cwd=small.ROOT, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    first, second = (json.loads(done.stdout.splitlines()[-1]) for done in fresh)
    assert first == second
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trial(small.config(seed=5))
        torch.randn(17)
        hybrid = Choice(name="hybrid")
        config = small.config(attention=Choice(name="additive"), architecture=hybrid)
        assert numbers(trial(config)) == second[1]
        assert numbers(trial(config.model_copy(update={"seed": 1}))) != second[1]
    finally:
        torch.set_num_threads(threads)


def test_the_test_split_decides_nothing() -> None:
    """Changing the test data changes test metrics alone: no curve, no choice of epoch, no validation metric."""
    a = small.splits()["test"].inputs["a"]
    clean = trial(small.config())
    other = trial(small.config(), spoilt("test", a=Example(values=-a.values, mask=a.mask)))
    assert other.metrics["test"] != clean.metrics["test"]
    assert other.metrics["validation"] == clean.metrics["validation"]
    assert (other.curves, other.best_epoch) == (clean.curves, clean.best_epoch)


def test_failed() -> None:
    data = small.splits()
    wrong = {**data, "train": Split(inputs=data["train"].inputs, labels=data["train"].labels + 1)}
    result = trial(small.config(), wrong)
    assert result.state is State.FAILED
    assert result.message == "IndexError: Target 3 is out of bounds."
    assert result.traceback and "cross_entropy" in result.traceback and str(small.ROOT) not in result.traceback
    assert result.metrics == {} and result.quantities == {} and result.outputs is None


def test_diverged() -> None:
    b = small.splits()["train"].inputs["b"]
    result = trial(small.config(), spoilt("train", b=Example(values=b.values * float("inf"))))
    assert result.state is State.DIVERGED
    assert result.message == "loss nan, gradient norm nan at epoch 0, step 0"
    assert result.metrics == {}


def test_outputs_that_are_not_finite_on_the_test_split_are_divergence() -> None:
    b = small.splits()["test"].inputs["b"]
    result = trial(small.config(), spoilt("test", b=Example(values=b.values * float("inf"))))
    assert (result.state, result.metrics) == (State.DIVERGED, {})
    assert result.message == "the trained model's outputs on test are not finite"


def test_any_message_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError("first line\n\udcff second line")

    monkeypatch.setattr("mmbench.training.trial.fit", fails)
    result = trial(small.config())
    assert result.message == r"RuntimeError: first line \udcff second line"
    assert TrialResult.model_validate_json(result.model_dump_json().encode()) == result


def test_timeout_and_its_alarm_is_put_away() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    result = trial(small.config(train=small.training(epochs=100_000)), seconds=0.5)
    assert result.state is State.TIMEOUT
    assert result.message == "took longer than its limit of 0.5 s"
    assert 0.4 < result.seconds < 5
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert trial(small.config(), seconds=60).state is State.DONE


def test_a_timeout_that_gets_lost_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finaliser:
        def __del__(self) -> None:
            time.sleep(0.6)

    def train(*args: object, **kwargs: object) -> None:
        thing = Finaliser()
        del thing
        time.sleep(60)

    monkeypatch.setattr("mmbench.training.trial.fit", train)
    monkeypatch.setattr(sys, "unraisablehook", lambda args: None)
    result = trial(small.config(), seconds=0.3)
    assert result.state is State.TIMEOUT
    assert result.seconds < 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux only")
def test_out_of_memory_and_its_limit_is_put_away() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    large = small.config(model=ModelSize(width=4096, depth=2, heads=2, mlp_ratio=2))
    result = trial(large, memory_gb=0.1)
    assert result.state is State.OUT_OF_MEMORY
    assert result.message and result.message.endswith("(limit: 0.1 GiB)") and "\n" not in result.message
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert trial(small.config()).state is State.DONE


def test_interrupts_are_not_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mmbench.training.trial.fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trial(small.config())


def test_a_variant_that_ends_the_program_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaves(*args: object, **options: object) -> None:
        sys.exit(3)

    monkeypatch.setattr("mmbench.training.trial.fit", leaves)
    result = trial(small.config())
    assert (result.state, result.message) == (State.FAILED, "SystemExit: 3")


@pytest.mark.parametrize(
    "change",
    [
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_grad_enabled(False),
        lambda: torch.set_default_device("meta"),
        lambda: torch.set_num_threads(torch.get_num_threads() + 1),
        lambda: torch.set_float32_matmul_precision("medium"),
        lambda: torch.autograd.set_detect_anomaly(True),
    ],
    ids=["dtype", "gradients", "device", "threads", "precision", "anomaly"],
)
def test_a_variant_that_changes_pytorchs_settings_does_not_touch_the_next_trial(
    change: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def settings() -> tuple[object, ...]:
        return (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.get_default_device(),
            torch.get_num_threads(),
            torch.get_float32_matmul_precision(),
            torch.is_anomaly_enabled(),
        )

    before, attend = settings(), ScaledDotProduct.attend

    def changing(*arguments: object, **named: object) -> object:
        change()
        return attend(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ScaledDotProduct, "attend", changing)
    trial(small.config(train=small.training(epochs=1)))
    assert settings() == before


def test_what_a_gpu_cannot_repeat_runs_all_the_same_and_is_named() -> None:
    strict: list[bool] = []

    def train() -> TrainedTrial:
        strict.append(not torch.is_deterministic_algorithms_warn_only_enabled())
        if strict[-1]:
            raise RuntimeError("cumsum_cuda_kernel does not have a deterministic implementation, but you set ...")
        return TrainedTrial(fields={"best_epoch": torch.randint(1000, ()).item()}, outputs={}, model=nn.Identity())

    first, again = (repeatably(3, train, _name_one) for _ in range(2))
    assert strict == [True, False, True, False]
    assert first.fields == again.fields
    assert first.fields["unrepeatable"] == "cumsum_cuda_kernel"


def test_no_other_error_is_tried_again() -> None:
    tries = []

    def train() -> TrainedTrial:
        tries.append(1)
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        repeatably(0, train, _name_one)
    assert len(tries) == 1
    seed_everything(0)


def test_new_memory_is_filled_in_the_first_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    deterministic: Any = torch.utils.deterministic
    attend, filled = ScaledDotProduct.attend, []

    def watched(self: ScaledDotProduct, *args: Any, **options: Any) -> Any:
        if self.training:
            filled.append(bool(deterministic.fill_uninitialized_memory))
        return attend(self, *args, **options)

    monkeypatch.setattr(ScaledDotProduct, "attend", watched)
    monkeypatch.setattr(deterministic, "fill_uninitialized_memory", True)
    assert trial(small.config(train=small.training(epochs=3))).state is State.DONE
    calls = len(filled) // (3 * 6)  # three epochs of six batches, too few to be replayed
    assert all(filled[:calls])
    assert not any(filled[calls:])
    assert deterministic.fill_uninitialized_memory, "afterwards as it was"


def test_parameters_of_two_types_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    init = ScaledDotProduct.__init__

    def exact(self: ScaledDotProduct, heads: int, head_dim: int) -> None:
        init(self, heads, head_dim)
        self.temperature = nn.Parameter(torch.ones((), dtype=torch.float64))

    def warm(self: ScaledDotProduct, heads: Heads, **options: Any) -> Any:
        y, weights = attend(self, heads, **options)
        return y * self.temperature.float(), weights

    attend = ScaledDotProduct.attend
    monkeypatch.setattr(ScaledDotProduct, "__init__", exact)
    monkeypatch.setattr(ScaledDotProduct, "attend", warm)
    result = trial(small.config())
    assert result.state is State.DONE, result.message
