"""Cost against length: what a profile says, mechanism by mechanism."""

from __future__ import annotations

from collections.abc import Sequence

from mmbench.report.sections.cost.record import Growth, LengthReport, LengthRow
from mmbench.report.values.words import count, sentence
from mmbench.schema.cost_curves import ASYMPTOTIC, REFERENCE, RESTLESS, Fit, Profile, Series

NEAR_LINEAR = 1.15
"""An exponent up to this counts as linear growth: caches alone bend a straight line by so much."""


def _growth(fit: Fit | None) -> Growth | None:
    return None if fit is None else Growth(exponent=fit.exponent, half=fit.half, first=fit.first, last=fit.last)


def _row(profile: Profile, series: Series, longest: int) -> LengthRow:
    last, stop = series.at(longest), series.stop
    return LengthRow(
        attention=series.attention,
        lengths=tuple(p.length for p in series.points),
        forward=tuple(p.forward for p in series.points),
        training=tuple(p.training for p in series.points),
        memory=tuple(p.memory for p in series.points),
        time_growth=_growth(series.fit("training")),
        memory_growth=_growth(series.fit("memory")),
        last_training=last.training if last else None,
        last_memory=last.memory if last else None,
        speedup=profile.speedup(series, longest),
        stopped_at=stop.length if stop else None,
        why=stop.why if stop else None,
        message=stop.message if stop else None,
    )


def _times(factor: float | None) -> str:
    """`4,100`, `42`, `4.2`: two significant figures."""
    value = float(f"{factor or 0:.2g}")
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _finding(rows: Sequence[LengthRow], longest: int) -> str:
    """How many grow linearly, and what that is worth at the greatest length."""
    known = [r for r in rows if r.time_growth]
    linear = [r for r in known if r.time_growth and r.time_growth.exponent <= NEAR_LINEAR]
    said = f"{len(linear)} of {count(len(rows), 'attention')} grow about linearly with length" if known else ""
    faster = [r for r in rows if r.speedup and r.attention != REFERENCE]
    if faster:
        best = max(faster, key=lambda r: r.speedup or 0)
        worth = f"at {longest:,} tokens {best.attention} is {_times(best.speedup)} times as fast as the exact softmax"
        said = f"{said}; {worth}" if said else sentence(worth)
    return said or f"Cost of {count(len(rows), 'attention')} up to {longest:,} tokens"


def _busy(profile: Profile) -> str:
    return (
        f"Times vary by {profile.unrest:.0%} and more: the machine was busy, so comparisons are unreliable; run "
        "mmbench cost-curves again on a quiet one"
    )


def highlighted(report: LengthReport, most: int = 6) -> tuple[str, ...]:
    """The exact softmax and the quickest of the others: what a figure names; the rest is grey."""
    names = [r.attention for r in report.rows if r.lengths]
    first = [n for n in names if n == report.reference]
    return (*first, *[n for n in names if n != report.reference][: most - len(first)])


def length_report(profile: Profile) -> LengthReport:
    """Quickest at the greatest length first; then those that were stopped, by how far they came."""
    longest = profile.lengths[-1] if profile.lengths else 0
    rows = [_row(profile, s, longest) for s in profile.series]

    def order(row: LengthRow) -> tuple[bool, float, float, str]:
        reached = row.lengths[-1] if row.lengths else 0
        slowest = row.training[-1] if row.training else 0.0
        return row.last_training is None, -reached, slowest, row.attention

    rows.sort(key=order)
    return LengthReport(
        device=profile.device,
        conditions=(
            f"{profile.hardware}, {profile.precision}, {count(profile.threads, 'thread')}; self-attention on real "
            f"tokens, batch {profile.batch}, width {profile.width} in {count(profile.heads, 'head')}; measured "
            f"{profile.started[:10]}" + (f", commit {profile.commit[:10]}" if profile.commit else "")
        ),
        fitted_from=ASYMPTOTIC,
        lengths=profile.lengths,
        longest=longest,
        reference=REFERENCE,
        rows=tuple(rows),
        finding=_finding(rows, longest) if profile.unrest <= RESTLESS else _busy(profile),
    )
