"""Means and intervals over seeds of whatever probes measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from mmbench.report.scores.context import Context
from mmbench.report.sections.probes.record import Measured, Number
from mmbench.report.trials.frame import quantity_columns
from mmbench.report.values.datasets import DatasetReport
from mmbench.schema.quantity import Quantity, describe, group_of
from mmbench.stats import paired


def find_measured(context: Context, claimed: Collection[str]) -> tuple[Measured, ...]:
    """By probe, then by data set; only what was measured. claimed: probes that other sections show."""
    by_probe: dict[str, list[str]] = {}
    for name in quantity_columns(context.frame):
        if group_of(name) not in claimed:
            by_probe.setdefault(group_of(name), []).append(name)
    found = (_of_dataset(context, d, probe, names) for probe, names in by_probe.items() for d in context.datasets)
    return tuple(part for part in found if part is not None)


def _of_dataset(context: Context, d: DatasetReport, probe: str, names: Sequence[str]) -> Measured | None:
    records = [r for r in context.records[d.name] if r["state"] == "done"]
    numbers = [number for name in names for number in _numbers(name, records, context.confidence)]
    methods = tuple(r.key for r in d.rows if any(r.key in number.values for number in numbers))
    if not methods:
        return None
    return Measured(
        probe=probe,
        dataset=d.name,
        methods=methods,
        roles={r.key: r.method.role for r in d.rows},
        numbers=tuple(numbers),
        seeds_words=context.seeds_words,
    )


def _numbers(name: str, records: Sequence[Mapping[str, Any]], confidence: float) -> Iterator[Number]:
    """One per modality or level where the quantity is a list. A trial without a value counts for nothing."""
    quantity: Quantity | None = None
    values: dict[str, dict[str, list[float]]] = {}
    for record in records:
        value = record[name]
        if value is None:
            continue
        plain = list(map(float, value)) if hasattr(value, "__len__") else float(value)
        quantity = describe(name, plain)
        for part, number in quantity.rows(plain, tuple(record["modalities"].split("+"))):
            values.setdefault(part, {}).setdefault(record["method"], []).append(number)
    for part, by_method in values.items():
        assert quantity is not None
        estimates = {key: paired.estimate(numbers, confidence) for key, numbers in by_method.items()}
        yield Number(
            name=name, part=part, quantity=quantity, values={k: e for k, e in estimates.items() if e is not None}
        )
