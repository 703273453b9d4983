"""Provenance in words."""

from __future__ import annotations

from datetime import UTC, datetime

from mmbench.report.draw import words
from mmbench.report.scores.context import Context
from mmbench.report.values import numbers


def facts(context: Context) -> list[tuple[str, str]]:
    p = context.provenance
    dirty = {True: " (with uncommitted changes)", False: "", None: ""}[p.dirty]
    rows = [
        ("Commit", ", ".join(p.commits) + dirty if p.commits else "not recorded"),
        ("Data", "\n".join(f"{name} {value}" for name, value in p.data_hashes.items())),
        ("Source", f"{words.plural(p.fingerprints, 'fingerprint')} of the code that the combinations reach"),
        ("Versions", ", ".join(f"{name} {' / '.join(v)}" for name, v in p.versions.items())),
        ("Hardware", "; ".join(p.hardware)),
        ("Seeds", ", ".join(str(s) for s in p.seeds)),
        ("Time", f"{numbers.seconds(p.hours * 3600)} of training in all trials together"),
        ("Run", f"{_minute(p.first)} to {_minute(p.last)}" if p.first and p.last else ""),
    ]
    return [(term, text) for term, text in rows if text]


def _minute(moment: str) -> str:
    """An ISO 8601 moment as `2026-11-22 10:00 UTC`."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
