"""Trained models on data whose truth is planted: who carries the label, and whether modalities say the same."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from mmbench.data.batches import as_split
from mmbench.dataset.redundant import Redundant
from mmbench.dataset.synergy import Synergy
from mmbench.dataset.unique import Unique
from mmbench.model.build import build
from mmbench.probe.contribution import Contribution
from mmbench.probe.missing_modality import MissingModality
from mmbench.probe.shared.coalitions import coalitions
from mmbench.probe.shared.sample import value
from mmbench.schema.params import Choice, ModelSize
from mmbench.schema.trial import TrialConfig
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.sandbox import seed_everything
from tests.support import small

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Values = Mapping[str, float | list[float] | None]


def measured(generator: Redundant | Synergy | Unique, epochs: int) -> tuple[Values, Values, float, tuple[str, ...]]:
    """Contributions, scores of subsets, and what the model gains over a guess."""
    spec, arrays = generator.make("planted")
    splits = {name: as_split(spec, own) for name, own in arrays.items()}
    config = TrialConfig(
        role="cell",
        dataset="planted",
        modalities=tuple(spec.modalities),
        attention=Choice(name="scaled_dot_product"),
        fusion=Choice(name="concat"),
        architecture=Choice(name="shared"),
        seed=0,
        model=ModelSize(width=32, depth=2, heads=2, mlp_ratio=2),
        train=small.training(epochs=epochs, batch_size=16, learning_rate=0.003),
    )
    seed_everything(0)
    model = build(config, spec)
    assert config.train is not None
    fit(model, splits["train"], splits["validation"], config.train, objective(spec, splits["train"].labels), seed=0)
    model.eval()
    table = coalitions(model, splits, spec)
    whole = value(spec.task, table.outputs[tuple(spec.modalities)], table.labels)
    gain = whole - value(spec.task, table.outputs[()], table.labels)
    contribution = Contribution().measure(model, splits, spec, seed=0)
    return contribution, MissingModality().measure(model, splits, spec, seed=0), gain, tuple(spec.modalities)


def numbers(values: Values, name: str) -> np.ndarray:
    return np.array(values[name], float)


def test_who_carries_the_label_alone_does_nearly_all() -> None:
    found, _, gain, names = measured(Unique(train=800, validation=100, test=400), 8)
    shares = numbers(found, "shapley") / gain
    assert gain > 0.4 and shares[names.index("image")] >= 0.9
    assert numbers(found, "shapley").sum() == pytest.approx(gain, abs=1e-9)
    assert (found["imbalance"] or 0) > 0.8  # type: ignore[operator]


def test_who_say_the_same_share_equally_and_interact_negatively() -> None:
    found, scores, gain, names = measured(Redundant(train=800, validation=100, test=400), 8)
    shares = numbers(found, "shapley") / gain
    assert gain > 0.4 and np.abs(shares - 1 / len(names)).max() <= 0.15
    assert (numbers(found, "interaction") < 0).all()
    # Any of them says most of it.
    subsets = numbers(scores, "subset_scores")
    assert subsets[: len(names)].min() > 0.25 + 0.4 * gain
    rates = numbers(scores, "missing_rate_scores")
    assert rates[0] > rates[3] > rates[5]


def test_what_is_said_only_together_interacts_positively() -> None:
    found, _, gain, _ = measured(Synergy(train=1800, validation=180, test=450), 20)
    assert gain > 0.2 and (numbers(found, "interaction") > 0).all()
    assert numbers(found, "shapley").sum() == pytest.approx(gain, abs=1e-9)


def test_random_weights_have_nothing_to_share_out() -> None:
    """A model that was not trained, so that what is found above is not there by construction."""
    spec, arrays = Unique(train=80, validation=40, test=400).make("planted")
    splits = {name: as_split(spec, own) for name, own in arrays.items()}
    torch.manual_seed(0)
    model = build(small.config(dataset="planted", modalities=tuple(spec.modalities)), spec).eval()
    assert np.abs(numbers(Contribution().measure(model, splits, spec, seed=0), "shapley")).max() < 0.15
