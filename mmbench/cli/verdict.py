"""`mmbench verdict`: what the report decided, comparison by comparison."""

from __future__ import annotations

import json
from typing import Any

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import Project, as_json_option, on_project
from mmbench.errors import UserError, suggest

FILE = "reports/verdicts.json"
KINDS = {
    "contrast": "Levels of one axis, all else equal",
    "combination": "Combinations against the best",
    "control": "The best combination against controls",
}


def _read(project: Project) -> dict[str, Any]:
    path = project.root / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `dvc repro` or `mmbench report` writes it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); `mmbench report` writes it again") from None
    if not isinstance(found, dict) or not isinstance(found.get("verdicts"), list):
        raise UserError(f"{path} holds no verdicts; `mmbench report` writes it again")
    return found


def _number(value: float | None, unit: float) -> str:
    return "–" if value is None else f"{value * unit:+.1f}" if unit == 100 else f"{value:+.3g}"


def _beyond(record: dict[str, Any]) -> bool:
    """Whether the interval that is shown reaches beyond the margin, so that it is not the one that decided."""
    return bool(max(-record["low"], record["high"]) > record["margin"])


def _row(record: dict[str, Any], found: dict[str, Any], shares: frozenset[str], factors: list[str]) -> list[str]:
    from mmbench.report.values.words import MANY_SEEDS

    unit = 100 if record["metric"] in shares else 1
    low, high = (_number(record[name], unit) for name in ("low", "high"))
    verdict = record["verdict"] or "one seed"
    if verdict == "open" and record["low"] is not None and not record["low"] <= 0 <= record["high"]:
        verdict += " (clear alone, not among all comparisons)"
    if verdict == "equal" and record.get("near") is not None and _beyond(record):
        ends = (_number(record["estimate"] + side * record["near"], unit) for side in (-1, 1))
        # Two one-sided tests.
        verdict += f" ({100 * (2 * found['confidence'] - 1):g} % interval: {' to '.join(ends)})"
    # Of a training that is too short, more seeds decide nothing that would last.
    brief = record["dataset"] in found["trained_too_briefly"]
    if not brief and 0 < (record["decided_at"] or 0) <= MANY_SEEDS:
        verdict += f", about {record['decided_at']} seeds would decide"
    if record.get("lasts") is False:
        verdict += ", not with more training"
    if record.get("stands") is False:
        verdict += ", not on other test samples"
    if brief and record["verdict"] in ("better", "worse", "equal"):
        verdict += ", so far"
    return [
        record["subject"],
        record["reference"],
        _number(record["estimate"], unit),
        f"{low} to {high}",
        str(record["seeds"]),
        *(_number(record.get("budgets", {}).get(factor), unit) for factor in factors),
        verdict,
    ]


def _show(found: dict[str, Any], records: list[dict[str, Any]]) -> None:
    from mmbench.schema.metric import METRICS

    shares = frozenset(name for name, metric in METRICS.items() if metric.is_share)
    click.secho(found["headline"], bold=True)
    for name, why in found["trained_too_briefly"].items():
        click.echo(f"{name}: no verdict stands yet: {why}")
    for dataset in dict.fromkeys(r["dataset"] for r in records):
        own = [r for r in records if r["dataset"] == dataset]
        unit = "points" if own[0]["metric"] in shares else own[0]["metric"]
        factors = sorted({factor for r in own for factor in r.get("budgets", {})}, key=float)
        for kind, title in KINDS.items():
            rows = [_row(r, found, shares, factors) for r in own if r["kind"] == kind]
            if rows:
                heading(f"{dataset}: {title}")
                table(
                    [
                        "better mean" if kind == "contrast" else "method",
                        "against",
                        unit,
                        "interval",
                        "seeds",
                        *(f"at ×{factor}" for factor in factors),
                        "verdict",
                    ],
                    rows,
                )


@click.command(short_help="What the report decided, comparison by comparison.")
@click.option("--dataset", help="Only this data set.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only comparisons of this kind.")
@on_project
@as_json_option
def verdict(project: Project, dataset: str | None, kind: str | None, json_: bool) -> None:
    """Show the verdicts of the last report: better, worse, equal within the margin, or open.

    A positive difference is always better. The interval of a combination is that of its difference to the best mean;
    like its verdict, it allows for all comparisons. "at ×2" is the difference when training is twice as long.
    """
    found = _read(project)
    known = list(dict.fromkeys(r["dataset"] for r in found["verdicts"]))
    if dataset is not None and dataset not in known:
        raise UserError(f"no verdict on {dataset!r} in --dataset{suggest(dataset, known)}")
    records = [r for r in found["verdicts"] if dataset in (None, r["dataset"]) and kind in (None, r["kind"])]
    over_all = found.get("over_all", []) if dataset is None and kind in (None, "contrast") else []
    if json_:
        methods = [m for m in found.get("methods", []) if dataset in (None, m["dataset"])]
        as_json(found | {"verdicts": records, "over_all": over_all, "methods": methods})
    else:
        _show(found, [*over_all, *records])
