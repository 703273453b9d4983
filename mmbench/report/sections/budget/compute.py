"""What is said of a budget."""

from __future__ import annotations

from mmbench.report.scores.context import Context
from mmbench.report.values.training import TrainingReport
from mmbench.report.values.words import count, percent


def sentence_of(context: Context, training: TrainingReport) -> str:
    """One data set's budget: how long, how it was found, and what speaks for its being enough."""
    scale = context.dataset(training.dataset).scale
    budget = training.budget
    said = f"{training.dataset}: {training.words}"
    if budget is None:
        said += ", as params.yaml says"
    elif not budget.settled:
        said += "; no length was found at which the references stop getting better"
    elif budget.gain is not None and context.dataset(training.dataset).curve.metric == scale.metric:
        most = f"{scale.change(budget.gain)}{scale.unit_words}"
        said += f"; training twice as long brought the references at most {most} on validation"
    else:
        said += "; training twice as long brought the references nothing"
    last = f"{training.in_last:,} of {count(training.trained, 'trained model')} were best in their last epoch"
    said += f". {last}" + (f" ({percent(training.in_last / training.trained)})" if training.trained else "")
    return said + (". " + training.short if training.short else "") + "."
