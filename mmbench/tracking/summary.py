"""The one run of a sweep that is not a trial: it counts the trials and carries the report."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmbench.schema.params import Tracking
from mmbench.schema.report_files import REPORT_FILES, REPORT_FOLDERS
from mmbench.schema.result import State
from mmbench.tracking import links
from mmbench.tracking.reported import put_records, records
from mmbench.tracking.store import Store, TrackingError, open_store, plain_errors

log = logging.getLogger("mmbench.tracking")
CHAMPION, VERDICTS, HEADLINE = "champion.", "verdicts.", "headline"
"""How the tags begin that tell of the best model of a data set and of what is decided there; the tag of the answer."""


def _run_id(store: Store) -> str:
    """The summary run of the experiment, made where it is missing. The store's lock is held."""
    found = store.client.search_runs([store.experiment_id], filter_string="tags.role = 'summary'", max_results=1)
    if found:
        return found[0].info.run_id
    run_id: str = store.client.create_run(store.experiment_id, run_name="summary", tags={"role": "summary"}).info.run_id
    store.client.set_terminated(run_id)
    return run_id


def report_address(store: Store) -> str:
    """Where the report is in MLflow's pages, from any of them. The store's lock is held."""
    return _report(store, _run_id(store))


def _report(store: Store, run_id: str) -> str:
    return links.run(store.experiment_id, run_id, "report/report.html")


def _set_tags(store: Store, run_id: str, tags: Mapping[str, str]) -> None:
    there = store.client.get_run(run_id).data.tags
    for key, value in tags.items():
        if there.get(key) != value:
            store.client.set_tag(run_id, key, value)


def write_summary(store: Store, counts: Mapping[str, int]) -> None:
    """Write how many trials of the declared grid are in which state. The store's lock is held."""
    run_id = _run_id(store)
    _set_tags(store, run_id, {f"trials.{state}": str(counts.get(state, 0)) for state in State})
    _describe(store, run_id)


def add_champion(store: Store, dataset: str, sentence: str, folder: Path) -> None:
    """Tell which model is best on a data set, and attach what lies in `folder` about it. The store's lock is held."""
    run_id = _run_id(store)
    store.client.log_artifacts(run_id, str(folder), f"champions/{dataset}")
    _set_tags(store, run_id, {f"{CHAMPION}{dataset}": sentence})
    _describe(store, run_id)


def _linked(said: str) -> str:
    """`NAME: sentence`, with a link to the registered model of that name."""
    name, colon, rest = said.partition(":")
    return f"[{name}]({links.model(name)}){colon}{rest}"


def _describe(store: Store, run_id: str) -> None:
    """The description, from the run's own tags and artifacts."""
    tags = store.client.get_run(run_id).data.tags
    counts = {state: int(tags.get(f"trials.{state}", 0)) for state in State}
    text = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count)
    lines = [f"{sum(counts.values())} declared trials: {text}.", ""]
    lines += [f"[The report]({report_address(store)}), once made, is among the artifacts."]
    if HEADLINE in tags:
        lines += ["", f"**{tags[HEADLINE]}**", ""]
        lines += [f"- {k.removeprefix(VERDICTS)}: {v}" for k, v in sorted(tags.items()) if k.startswith(VERDICTS)]
    champions = {k.removeprefix(CHAMPION): v for k, v in sorted(tags.items()) if k.startswith(CHAMPION)}
    if champions:
        lines += ["", "**The model to use on each data set**, chosen on validation by the mean over seeds:", ""]
        for name, said in champions.items():
            errors = links.run(store.experiment_id, run_id, f"champions/{name}")
            lines.append(f"- {_linked(said)} [Where it errs]({errors})")
    _set_tags(store, run_id, {"mlflow.note.content": "\n".join(lines)})


def _verdicts(found: Mapping[str, Any]) -> dict[str, str]:
    """Tags: the report's headline, and how much is decided on each data set. found: verdicts.json."""
    if not found:
        return {}
    counts: dict[str, dict[str, Counter[str]]] = {}
    for record in found["verdicts"]:
        own = counts.setdefault(record["dataset"], {}).setdefault(record["kind"], Counter())
        own[record["verdict"] or "undecided with one seed"] += 1
        own["not lasting with more training"] += record["lasts"] is False
    tags = {f"{VERDICTS}{name}": "; ".join(map(_told, kinds.items())) for name, kinds in counts.items()}
    return {HEADLINE: found["headline"]} | tags


def _told(kind: tuple[str, Counter[str]]) -> str:
    """`contrasts: 5 better, 4 equal`."""
    name, counts = kind
    return f"{name}s: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common() if n)


def _files(folder: Path) -> Iterator[Path]:
    """Those that a report consists of. What else lies in its folder (pages about the data, say) is not to be sent."""
    yield from (folder / name for name in REPORT_FILES if (folder / name).is_file())
    yield from (path for name in REPORT_FOLDERS for path in (folder / name).rglob("*") if path.is_file())


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(_files(folder)):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def log_report(settings: Tracking, root: Path, folder: Path) -> bool:
    """Attach the report's files to the summary run, and write what it says of each method and contrast, unless that is
    there. True where it is now in MLflow.

    Never an exception: a report that is not in MLflow lies in its folder all the same, and a warning says so.
    """
    if not settings.enabled:
        return False
    try:
        store = open_store(settings, root)
        with plain_errors(store.uri), store.lock:
            run_id, content = _run_id(store), _content_hash(folder)
            summary, found = store.client.get_run(run_id), records(folder)
            put_records(store, found, _report(store, run_id), summary.info.start_time)
            if summary.data.tags.get("report_hash") != content:
                for name in REPORT_FILES:
                    if (folder / name).is_file():
                        store.client.log_artifact(run_id, str(folder / name), "report")
                for name in REPORT_FOLDERS:
                    if (folder / name).is_dir():
                        store.client.log_artifacts(run_id, str(folder / name), f"report/{name}")
                _set_tags(store, run_id, _verdicts(found))
                _describe(store, run_id)
                store.client.set_tag(run_id, "report_hash", content)
    except TrackingError as error:
        log.warning("warning: the report is not in MLflow: %s", error)
        return False
    return True
