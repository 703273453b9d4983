"""Runs that are no trials, in MLflow: the parent of the trials of each method, and the contrasts. Written once each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan, nan

from mmbench.schema.plan import Plan
from mmbench.schema.trial import TrialConfig
from mmbench.tracking.row import CONTRAST, METHOD, RowContent, key_of, stub
from mmbench.tracking.store import Store

KEY, HASH = "row_key", "row_hash"
"""Tags: what a run stands for, and the hash of what was written into it last."""


@dataclass(frozen=True, kw_only=True)
class KnownRow:
    """A run that is there already. start: ms since 1970. numbers: the keys of its metrics that are numbers."""

    run_id: str
    name: str
    start: int
    whole: bool
    tags: Mapping[str, str]
    numbers: frozenset[str]


def find_rows(store: Store, level: str) -> dict[str, KnownRow]:
    """The runs of one level by key. Where two hosts made one at the same time, the surplus is deleted; its trials
    find the other parent when they are imported next. Call it under the store's lock."""
    found: dict[str, KnownRow] = {}
    token = None
    while True:
        page = store.client.search_runs([store.experiment_id], f"tags.level = '{level}'", page_token=token)
        for run in sorted(page, key=lambda r: r.info.run_id):
            known = KnownRow(
                run_id=run.info.run_id,
                name=run.info.run_name,
                start=run.info.start_time,
                whole=run.info.status != "RUNNING",
                tags=run.data.tags,
                numbers=frozenset(key for key, value in run.data.metrics.items() if not isnan(value)),
            )
            if found.setdefault(known.tags[KEY], known) is not known:
                store.client.delete_run(known.run_id)
        token = page.token
        if not token:
            return found


class Parents:
    """The runs of methods, to which those of trials belong; made where they are missing. For use under the store's
    lock; kept from one trial to the next."""

    def __init__(self, store: Store, colour: Mapping[str, str]) -> None:
        self._store, self._colour = store, colour
        self._there = find_rows(store, METHOD)
        self._ids = {key: row.run_id for key, row in self._there.items()}

    def of(self, config: TrialConfig, start: int, end: int) -> str:
        """The run_id. start, end: of the trial, in ms since 1970, for a run that is made."""
        key = key_of(config)
        if key not in self._ids:
            self._ids[key] = _create(self._store, stub(config, self._colour), start, end)
        return self._ids[key]

    def mark(self, plan: Plan) -> None:
        """Say which methods the present plan has; end runs that were cut off."""
        configs = [*(job.config for job in plan.trials), *(skip.config for skip in plan.skipped)]
        planned = {key_of(config) for config in configs}
        for key, known in self._there.items():
            _mend(self._store, known, current=key in planned)


def _create(store: Store, content: RowContent, start: int, end: int) -> str:
    tags = {key: value for key, value in content.tags.items() if value}
    run_id: str = store.client.create_run(
        store.experiment_id,
        run_name=content.name,
        start_time=start,
        tags=tags | {"level": content.level, KEY: content.key, "current": "yes"},
    ).info.run_id
    store.client.set_terminated(run_id, end_time=end)
    return run_id


def _mend(store: Store, known: KnownRow, *, current: bool) -> None:
    said = "yes" if current else "no"
    if known.tags.get("current") != said:
        store.client.set_tag(known.run_id, "current", said)
    if not known.whole:
        store.client.set_terminated(known.run_id)


def put_methods(store: Store, rows: Iterable[RowContent], start: int) -> int:
    """Write what a report says of methods, unless it is there. start: ms since 1970, of runs that are made; returns
    when the first of all began. Which methods are current, the plan says."""
    there = find_rows(store, METHOD)
    for content in rows:
        _put(store, content, there.get(content.key), start)
    return min((known.start for known in there.values()), default=start)


def put_contrasts(store: Store, rows: Iterable[RowContent], start: int) -> None:
    """Write the contrasts of a report, unless they are there; others are no longer current. start: ms since 1970, of
    runs that are made."""
    there = find_rows(store, CONTRAST)
    written = set()
    for content in rows:
        written.add(content.key)
        _put(store, content, there.get(content.key), start)
    for key, known in there.items():
        _mend(store, known, current=key in written)


def _put(store: Store, content: RowContent, known: KnownRow | None, start: int) -> None:
    """All of it in one call, the hash last, so that what is cut off is written again."""
    if known is not None and known.tags.get(HASH) == content.hash:
        return
    from mlflow.entities import Metric, RunTag

    run_id = _create(store, content, start, start) if known is None else known.run_id
    if known is not None and known.name != content.name:
        store.client.update_run(run_id, name=content.name)
    had, tagged = (frozenset[str](), {}) if known is None else (known.numbers, known.tags)
    numbers = dict.fromkeys(sorted(had - content.metrics.keys()), nan) | content.metrics
    now = int(time.time() * 1000)
    tags = {key: value for key, value in content.tags.items() if tagged.get(key, "") != value}
    store.client.log_batch(
        run_id,
        metrics=[Metric(key, value, now, 0) for key, value in numbers.items()],
        tags=[RunTag(key, value) for key, value in (tags | {HASH: content.hash}).items()],
    )
