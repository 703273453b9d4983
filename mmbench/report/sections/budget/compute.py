"""What is said of a budget."""

from __future__ import annotations

from mmbench.report.values.training import SETTLED, TrainingReport
from mmbench.report.values.words import count, percent


def sentence_of(training: TrainingReport) -> str:
    """One data set's budget: how long, how it was found, and what speaks for its being enough."""
    budget = training.budget
    said = f"{training.dataset}: {training.words}"
    if budget is None:
        said += ", as params.yaml says"
    elif not budget.length_found:
        said += "; the length is that of params.yaml"
    elif not budget.settled:
        said += "; no length was found at which the references stop getting better"
    else:
        said += f"; {SETTLED}"
    if training.several:
        last = f"{training.in_last:,} of {count(training.several, 'trained model')} were best in their last epoch"
        said += f". {last} ({percent(training.in_last / training.several)})"
    elif training.trained:
        said += ". Each sample is seen once, so there is no epoch to choose"
    return said + (". " + training.short if training.short else "") + "."
