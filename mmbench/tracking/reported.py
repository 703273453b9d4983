"""The report's records -> MLflow: the mean, interval and verdict of each method, and the contrasts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmbench.schema.report_files import VERDICTS_FILE
from mmbench.tracking.palette import colours
from mmbench.tracking.row import contrast_rows, method_rows
from mmbench.tracking.rows import put_contrasts, put_methods
from mmbench.tracking.store import Store


def records(folder: Path) -> Mapping[str, Any]:
    """verdicts.json of the report in that folder; empty where there is none."""
    file = folder / VERDICTS_FILE
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def put_records(store: Store, found: Mapping[str, Any], report: str, start: int) -> None:
    """Write what a report says of methods and contrasts, unless it is there. report: its address in MLflow. start: ms
    since 1970, of runs that are made. A report from before methods were in its records changes nothing. The store's
    lock is held."""
    if "methods" not in found:
        return
    architectures = {m["architecture"] for m in found["methods"] if m["architecture"]}
    rows = method_rows(found, colours(architectures), experiment_id=store.experiment_id, report=report)
    # MLflow's list of all runs begins with the newest: contrasts come after the trials.
    put_contrasts(store, contrast_rows(found), put_methods(store, rows, start) - 1)
