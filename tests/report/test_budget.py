"""What was cut short is said under the headline, and in the metrics."""

from __future__ import annotations

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from tests.support.factory import EPOCHS, TRUTHS, make

LEVELS = {"attention": ["additive", "mean"], "fusion": ["concat"], "architecture": ["shared"]}
MADE = make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS)


def report(epochs: int) -> Report:
    """Of trials that were all best in epoch EPOCHS, had the budget been that many epochs."""
    arguments = MADE.arguments()
    params = arguments["params"]
    train = params.train.model_copy(update={"epochs": epochs})
    return analyse(**(arguments | {"params": params.model_copy(update={"train": train})}))


def test_models_that_were_still_learning_are_counted_under_the_headline() -> None:
    found = report(EPOCHS)
    trained = found.context.total.done - 2
    sentence = f"{trained} of {trained} trained models were best in the last of their {EPOCHS} epochs: with longer "
    assert f"{sentence}training the ranking may change." in found.lead
    assert found.metrics["best_in_last_epoch"] == 1.0


@pytest.mark.parametrize("epochs", [EPOCHS + 1, 3 * EPOCHS])
def test_nothing_is_said_where_training_went_on_for_longer(epochs: int) -> None:
    found = report(epochs)
    assert not any("were best in" in text for text in found.lead)
    assert found.metrics["best_in_last_epoch"] == 0.0
