"""What runs are called. A list shows about 40 characters of a name, so what tells runs apart comes in short words."""

from __future__ import annotations

from mmbench.report.values import titles
from mmbench.report.values.methods import Method, method_of
from mmbench.schema.trial import TrialConfig


def method_name(dataset: str, method: Method) -> str:
    """`unique · SDPA + cross · hybrid`."""
    return f"{dataset} · {titles.method(method, short=True)}"


def trial_name(config: TrialConfig) -> str:
    """`unique · SDPA + cross · hybrid · s1`, ` · c3` with configuration 3, ` · budget x2` at twice the budget."""
    number = f" · c{config.configuration}" if config.configuration else ""
    budget = f" · budget x{config.budget:g}" if config.budget != 1 else ""
    return f"{method_name(config.dataset, method_of(config, {}))} · s{config.seed}{number}{budget}"


def contrast_name(dataset: str, axis: str, subject: str, reference: str) -> str:
    """`unique · fusion: concat − early`."""
    better, other = (titles.level(axis, label, short=True) for label in (subject, reference))
    return f"{dataset} · {axis}: {better} − {other}"
