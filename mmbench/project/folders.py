"""Where things are in a project's folder."""

from __future__ import annotations

from pathlib import Path

SETTINGS = "params.yaml"
RAW, PREPARED, LEDGER = Path("data/raw"), Path("data/prepared"), Path("data/ledger")
BUDGET = Path("data/budget")
REPORTS = Path("reports")
