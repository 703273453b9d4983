"""Every verdict, with the intervals over seeds and over test samples."""

from __future__ import annotations

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.samples.compute import DatasetSamples
from mmbench.report.values import titles
from mmbench.report.values.numbers import NONE
from mmbench.report.values.verdicts import VerdictRecord


def verdicts_table(d: DatasetSamples) -> Table:
    scale = d.scale

    def half(v: VerdictRecord) -> str:
        return NONE if v.low is None or v.high is None else f"±{scale.width((v.high - v.low) / 2)}"

    columns: list[Column] = [
        ("compared", lambda v: v.axis or v.kind, False),
        ("method", lambda v: titles.side(v.axis, v.subject), False),
        ("minus", lambda v: titles.side(v.axis, v.reference), False),
        ("difference", lambda v: scale.change(v.estimate), True),
        ("over seeds", half, True),
        ("over samples", lambda v: NONE if v.samples is None else f"±{scale.width(v.samples)}", True),
        ("verdict", lambda v: v.verdict or NONE, False),
        ("stands", lambda v: {True: "yes", False: "no", None: NONE}[v.stands], False),
    ]
    unit = "in points" if scale.unit == "points" else f"in {scale.unit or scale.label}, + better"
    caption = f"{d.name}: differences {unit}, with half widths of intervals over seeds and over test samples"
    return build(f"samples_{d.name}", caption, d.verdicts, (v.plain() for v in d.verdicts), columns)
