"""reports/results.parquet: the tidy frame as a file with a versioned schema, and back into results.

docs/results-schema.md lists the columns. Learning curves, tracebacks and limits are in the ledger only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic

from mmbench.errors import UserError
from mmbench.report.trials.frame import columns, ordered
from mmbench.schema.metric import METRICS
from mmbench.schema.result import FINISHED, Provenance, TrialResult
from mmbench.schema.trial import TrialConfig

SCHEMA_VERSION = 3
"""Counts up when a column goes away or changes its meaning; new columns alone do not change it."""

VERSION_KEY = b"mmbench.schema_version"

QUANTITIES_KEY = b"mmbench.quantities"
"""JSON: the columns that are quantities, from version 2 on."""

_FIRST = ("parameters", "flops", "train_seconds", "seconds_per_epoch", "inference_us", "peak_memory")
_RENAMED = {"inference_us": "inference_us_per_sample"}
"""Quantities of version 1, and what has another name since."""

_LATER = ("measured_on",)
"""Text columns that came later than others of their version; a file without one has nothing to say there."""


def write(frame: pd.DataFrame, file: Path) -> None:
    """Equal frames give equal bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    names = list(frame.columns)
    quantities = names[names.index("best_epoch") + 1 : names.index("seconds")]
    metadata = {
        **(table.schema.metadata or {}),
        VERSION_KEY: str(SCHEMA_VERSION).encode(),
        QUANTITIES_KEY: json.dumps(quantities).encode(),
    }
    pq.write_table(table.replace_schema_metadata(metadata), file)


def read(file: Path | BytesIO, where: str) -> pd.DataFrame:
    """The frame as it was written. where: what messages call it.

    Raises UserError where the file is none of mmbench's, or of another version of the schema.
    """
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, ValueError) as error:
        raise UserError(f"{where} is no Parquet file: {str(error).splitlines()[0]}") from None
    metadata = table.schema.metadata or {}
    version = metadata.get(VERSION_KEY, b"").decode(errors="replace")
    if version == "1":
        table = table.rename_columns([_RENAMED.get(name, name) for name in table.column_names])
        quantities = [_RENAMED.get(name, name) for name in _FIRST]
    elif version in ("2", str(SCHEMA_VERSION)):
        quantities = _names(metadata.get(QUANTITIES_KEY, b""), where)
    else:
        found = f"has version {version} of the schema" if version else "has no schema version of mmbench"
        raise UserError(
            f"{where} {found}; this mmbench reads versions 1 to {SCHEMA_VERSION}: make the file again with "
            "`mmbench report`, or use the ledger that it came from"
        )
    metrics = {name.removeprefix("test_") for name in table.column_names if name.startswith("test_")}
    types = columns(ordered(metrics, METRICS), quantities)
    for name in _LATER:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table), pa.string()))
    if "configuration" not in table.column_names:
        table = table.append_column("configuration", pa.array([0] * len(table), pa.int64()))
    missing = [name for name in types if name not in table.column_names]
    if missing:
        raise UserError(f"{where} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
    try:
        frame = table.select(list(types)).to_pandas().astype(types)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UserError(f"{where} has a column of another type: {str(error).splitlines()[0]}") from None
    if version in ("1", "2"):
        frame["best_epoch"] += 1  # they count epochs from 0
    return frame


def _names(content: bytes, where: str) -> list[str]:
    try:
        names = json.loads(content)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{where} does not say which columns are quantities; make it again with `mmbench report`")
    return names


def _scores(row: dict[str, Any], split: str) -> dict[str, float]:
    prefix = f"{split}_"
    return {name.removeprefix(prefix): x for name, x in row.items() if name.startswith(prefix) and x is not None}


def _quantity(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _result(row: dict[str, Any], quantities: list[str]) -> TrialResult:
    metrics = {split: scores for split in ("validation", "test") if (scores := _scores(row, split))}
    config = TrialConfig.model_validate_json(row["config"])
    return TrialResult(
        trial_id=row["trial_id"],
        config=config.model_copy(update={"configuration": row["configuration"]}),
        state=row["state"],
        message=row["message"],
        metrics=metrics,
        best_epoch=None if row["best_epoch"] is None else row["best_epoch"] - 1,
        quantities={name: _quantity(row[name]) for name in quantities if row[name] is not None},
        measured_on=json.loads(row["measured_on"] or "{}"),
        started=row["started"],
        seconds=row["seconds"],
        provenance=Provenance(
            **{name: row[name] for name in ("data_hash", "fingerprint", "commit", "dirty")},
            versions=json.loads(row["versions"]),
            hardware=json.loads(row["hardware"]),
        ),
    )


def results(frame: pd.DataFrame, where: str) -> Iterator[TrialResult]:
    """The finished trials in the frame, without curves. Raises UserError naming the file and the trial."""
    names = list(frame.columns)
    quantities = names[names.index("best_epoch") + 1 : names.index("seconds")]
    finished = frame[frame["state"].isin([str(s) for s in FINISHED])].astype(object)
    for record in finished.where(finished.notna(), None).to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        try:
            yield _result(row, quantities)
        except (pydantic.ValidationError, TypeError, ValueError) as error:
            why = str(error).splitlines()[0]
            if isinstance(error, pydantic.ValidationError):
                first = error.errors(include_url=False)[0]
                why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
            raise UserError(f"{where}: trial {row['trial_id']} is no valid result: {why}") from None
