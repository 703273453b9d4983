"""The description of an experiment, and which metric leads."""

from __future__ import annotations

from collections.abc import Mapping

from mmbench.schema.metric import METRICS
from mmbench.tracking import palette
from mmbench.tracking.store import Store
from mmbench.tracking.views import charts_key, curves_key, data_key, names, saved_view_url, write_views


def _metrics(mains: Mapping[str, str]) -> tuple[str, ...]:
    """The main metrics, each once; of an empty plan accuracy."""
    return tuple(dict.fromkeys(mains.values())) or ("accuracy",)


def _way(metric: str) -> str:
    return "" if METRICS[metric].higher else " (lower is better)"


def _headline(mains: Mapping[str, str]) -> str:
    """Which numbers lead, and which way is better."""
    once = "read once on the test split, with the weights of the epoch best on validation"
    metrics = _metrics(mains)
    if len(metrics) == 1:
        (metric,) = metrics
        return f"- `test/{metric}` is the headline{_way(metric)}: {once}."
    said = [f"`test/{m}`{_way(m)} on {', '.join(d for d, main in mains.items() if main == m)}" for m in metrics]
    return f"- The headline is {'; '.join(said)}: {once}. Scores of different metrics do not compare."


def _links(experiment_id: str, mains: Mapping[str, str]) -> str:
    def link(text: str, key: str) -> str:
        return f"[{text}]({saved_view_url('', experiment_id, key).removeprefix('/')})"

    shown = {data_key(d): d for d in mains}
    lines = [
        f"- **{link(d, key)}** · {link('score against cost', charts_key(d))} · {link('learning curves', curves_key(d))}"
        for key, d in shown.items()
    ]
    apart = (*shown, *map(charts_key, mains), *map(curves_key, mains))
    rest = [link(name.partition(" ")[2], key) for key, name in names(mains).items() if key not in apart]
    return "\n".join([*lines, f"- {' · '.join(rest)}"])


def _description(
    experiment_id: str, counts: Mapping[str, int], mains: Mapping[str, str], colour: Mapping[str, str]
) -> str:
    table = "\n".join(f"| {state.replace('_', ' ')} | {count} |" for state, count in counts.items())
    legend = f": {palette.legend(colour)}" if colour else ""
    return f"""\
A row is a mean over seeds, as in the report; its trials are below it.

It stands for a combination, or a control, on one data set.

**Start with a data set**
{_links(experiment_id, mains)}

**How to read a row**
- `mean/test/...` is the mean over seeds, `half_width` that of its interval, `gap_to_best` the difference to the best
  combination (below zero: worse), in the metric's own unit. `row` is the place in the report's table.
- `verdict`: best; equal to it within the margin; worse; open, which more seeds would decide. Controls are held against
  the best combination.
- `usage/...` are medians: parameters, seconds of training, microseconds a sample, operations a sample.
- Colours tell the architecture{legend}; controls are grey.
- The numbers are those of the last report, an artifact of the run `summary`.

**How to read a trial**
{_headline(mains)}
- `curves/...` have a value an epoch (from 0); all else is one number.
- A failed trial has the status *Failed*, its tag `state` says how it ended and `reason` why. One that cannot be has the
  state `skipped`.
- One trial compares nothing. The best single trial of a list is there by luck, too: compare means.
- The tag `current` is `no` for what the present plan no longer contains (settings, data or source changed).

MLflow folds trials below their rows where runs are sorted by *Created*, and loads 100 runs at a time. Under any other
order a row's own page lists them (*Child runs*).

The ledger in the project's folder is the record and this is a view of it; `mmbench track` builds it again.

| state | trials |
| --- | ---: |
{table}
| **declared** | **{sum(counts.values())}** |
"""


def describe(store: Store, counts: Mapping[str, int], mains: Mapping[str, str], colour: Mapping[str, str]) -> None:
    """Write the description and the saved views of the experiment.

    counts: the declared trials by state. mains: the main metric of each data set. colour: by architecture.
    """
    first = _metrics(mains)[0]
    experiment = store.client.get_experiment(store.experiment_id)
    tags = {
        "mlflow.note.content": _description(store.experiment_id, counts, mains, colour),
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": f"mean/test/{first}",
        "mlflow.experiment.primaryMetric.greaterIsBetter": str(METRICS[first].higher).lower(),
    }
    for key, value in tags.items():
        if experiment.tags.get(key) != value:
            store.client.set_experiment_tag(store.experiment_id, key, value)
    write_views(store, mains, palette.legend(colour))
