"""Where the numbers of a ledger come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from mmbench.report.trials.frame import Results
from mmbench.report.values.provenance import Provenance
from mmbench.schema.params import Params


def provenance(params: Params, frame: pd.DataFrame, results: Results, hashes: Mapping[str, str]) -> Provenance:
    """Of the results that the plan holds. No clock and no environment is read."""
    found = [results[i] for i in frame["trial_id"].dropna() if i in results]
    found.sort(key=lambda r: (r.started, r.trial_id))
    versions: dict[str, set[str]] = {}
    hardware = set()
    for r in found:
        for package, version in r.provenance.versions.items():
            versions.setdefault(package, set()).add(version)
        facts = r.provenance.hardware.items()
        hardware.add(", ".join(f"{k} {v}" for k, v in facts if v is not None))
    dirty = [r.provenance.dirty for r in found if r.provenance.dirty is not None]
    size, train = params.model.size.model_dump(), params.train.model_dump()
    if params.model.match_params:
        size["width"] = f"{params.model.width} before parameters were matched"
    return Provenance(
        commits=tuple(dict.fromkeys(r.provenance.commit for r in reversed(found) if r.provenance.commit)),
        dirty=any(dirty) if dirty else None,
        data_hashes=dict(hashes),
        versions={package: tuple(sorted(versions[package])) for package in sorted(versions)},
        hardware=tuple(sorted(hardware)),
        seeds=tuple(sorted({r.config.seed for r in found})),
        hours=sum(r.seconds for r in found) / 3600,
        fingerprints=int(frame["fingerprint"].nunique()),
        first=found[0].started if found else None,
        last=found[-1].started if found else None,
        budget={k: "–" if v is None else str(v) for k, v in (size | train).items()},
        unrepeatable=dict(sorted(Counter(r.unrepeatable for r in found if r.unrepeatable).items())),
    )
