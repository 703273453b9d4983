"""`mmbench cost-curves`: what every attention costs as sequences grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmbench.cli.output import table
from mmbench.errors import UserError
from mmbench.registry import Variant, get, variants

if TYPE_CHECKING:
    from mmbench.probe.cost_curves import CostCurves
    from mmbench.schema.cost_curves import Point, Profile, Series, Stop
    from mmbench.sweep.length_sweep import Limits


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _lengths(text: str) -> list[int]:
    found = _words(text)
    for word in found:
        if not word.isdecimal() or int(word) < 1:
            raise UserError(f"{word!r} in --lengths is not a number of tokens; give some like 128,256,512")
    if not found:
        raise UserError("--lengths names no length; give some like 128,256,512")
    return sorted({int(word) for word in found})


def _seconds(value: float) -> str:
    return f"{1e3 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def _bytes(value: int) -> str:
    return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.3g} MB"


def _row(profile: Profile, series: Series) -> list[str | int]:
    longest = profile.lengths[-1]
    fits = [series.fit(what) for what in ("training", "memory")]
    last = series.at(longest)
    speedup = profile.speedup(series, longest)
    return [
        series.attention,
        *("–" if f is None else f"{f.exponent:.2f}" + ("" if f.half is None else f" ± {f.half:.2f}") for f in fits),
        "–" if last is None else _seconds(last.training),
        "–" if last is None else _bytes(last.memory),
        "–" if speedup is None else f"{speedup:,.0f}x" if speedup >= 100 else f"{speedup:.3g}x",
        "" if series.stop is None else f"{series.stop.length:,} tokens: {series.stop.why} ({series.stop.message})",
    ]


def show(profile: Profile) -> None:
    from mmbench.schema.cost_curves import ASYMPTOTIC

    longest = profile.lengths[-1]
    click.echo(
        f"{profile.hardware}, {profile.precision}, {profile.threads} threads; batch {profile.batch}, width "
        f"{profile.width} in {profile.heads} heads; forward and backward; exponents from {ASYMPTOTIC:,} tokens"
    )
    header = ("attention", "time ~ N^", "memory ~ N^", f"time at {longest:,}", "memory", "vs exact", "stopped at")
    table(header, [_row(profile, series) for series in profile.series])


def _show_progress(
    steps: Iterator[tuple[str, int, Point | Stop]], total: int
) -> Iterator[tuple[str, int, Point | Stop]]:
    """The steps, with a bar on a terminal and one line per length elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from mmbench.schema.cost_curves import Stop

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    seen = 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        for name, length, outcome in steps:
            bar.update(task, advance=1, description=f"{name} at {length:,} tokens")
            if isinstance(outcome, Stop):
                console.print(
                    f"{name} stops at {length:,} tokens: {outcome.why} ({outcome.message})",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
            if not console.is_terminal and length != seen:
                console.print(f"{length:,} tokens ...", highlight=False, soft_wrap=True)
            seen = length
            yield name, length, outcome


def _probe(device: str, precision: str | None, **size: Any) -> CostCurves:
    import torch

    from mmbench.probe.cost_curves import CostCurves

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch finds no GPU here; leave it out, or say cpu")
    if precision is None:
        precision = "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    options = {"device": device, "precision": precision, **size}
    return CostCurves(**options)


def _measurable(chosen: Sequence[Variant]) -> list[Variant]:
    """Those that the probe can measure; says of the others why not. Raises UserError where none is left."""
    from mmbench.probe.cost_curves import CostCurves

    why = {info.name: CostCurves.cannot(info) for info in chosen}
    for name, reason in why.items():
        if reason is not None:
            click.echo(f"{name} is left out: {reason}", err=True)
    left = [info for info in chosen if why[info.name] is None]
    if not left:
        raise UserError("none of these mechanisms can be measured; name others with --attention")
    return left


def _record(root: Path, probe: CostCurves, limits: Limits, series: Sequence[Series]) -> Profile:
    from datetime import UTC, datetime

    import torch

    from mmbench import provenance
    from mmbench.schema.cost_curves import Profile

    return Profile(
        device=probe.device,
        hardware=str(provenance.hardware()["gpu" if probe.device == "cuda" else "cpu"]),
        precision=probe.precision,
        threads=torch.get_num_threads(),
        batch=probe.batch,
        heads=probe.heads,
        width=probe.width,
        limits={"seconds": limits.seconds, "memory_gb": round(limits.memory / 1e9, 3)},
        versions=provenance.versions(),
        commit=provenance.commit(root)[0],
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        series=tuple(series),
    )


@click.command("cost-curves", short_help="What every attention costs as sequences grow.")
@click.option("--attention", "names", default="", help="Mechanisms, such as linear,local; default: all.")
@click.option("--lengths", show_default="the powers of two from 128 to 16384", help="Numbers of tokens.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Default: a GPU if found.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), help="Default: as training would choose.")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--heads", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--width", type=click.IntRange(min=1), default=64, show_default=True, help="Width of all heads together.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="Stop a mechanism when one forward and backward pass would take longer.",
)
@click.option(
    "--memory-gb",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop a mechanism when it would need more memory; default: 60 % of what is free.",
)
@click.option("--no-save", is_flag=True, help="Only show the numbers; keep those of the last run.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder of the project; default: this one.",
)
def cost_curves(
    names: str,
    lengths: str | None,
    device: str,
    precision: str | None,
    batch: int,
    heads: int,
    width: int,
    seconds: float,
    memory_gb: float | None,
    no_save: bool,
    root: Path,
) -> None:
    """Measure time and peak memory of attention mechanisms at growing lengths, and fit how they grow.

    The numbers go to data/profile/, one file per kind of device; the report shows them (`dvc repro`, `mmbench report`).
    Run nothing else on the machine meanwhile, since that would distort the times.
    """
    from mmbench.schema.cost_curves import LENGTHS

    for name, value in (("--seconds", seconds), ("--memory-gb", memory_gb)):
        if value is not None and not math.isfinite(value):
            raise UserError(f"{name} {value} is not a limit; give a number")
    chosen = [get("attention", n, where="--attention") for n in _words(names)] or list(variants("attention").values())
    tokens = list(LENGTHS) if lengths is None else _lengths(lengths)
    if width % heads:
        raise UserError(f"--width {width} is not a multiple of --heads {heads}")
    import os

    # The library that counts allocations writes to stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    import torch

    from mmbench.model.attention_cost import free_memory
    from mmbench.schema import cost_curves as records
    from mmbench.sweep.length_sweep import SHARE, Limits, collect, profile

    measurable = _measurable(chosen)
    probe = _probe(device, precision, batch=batch, heads=heads, width=width)
    memory = memory_gb * 1e9 if memory_gb is not None else SHARE * free_memory(torch.device(probe.device))
    limits = Limits(seconds=seconds, memory=memory)

    def maker(cls: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: cls(heads, width // heads)

    if not no_save:
        records.check_writable(root / records.FOLDER)
    makers = {info.name: maker(info.cls) for info in measurable}
    steps = profile(makers, tokens, probe, limits)
    found = _record(root, probe, limits, collect(list(_show_progress(steps, len(makers) * len(tokens)))))
    show(found)
    if not found.measured:
        raise UserError("nothing was measured, so nothing is kept; allow shorter lengths, more seconds or more memory")
    if found.unrest > records.RESTLESS:
        warning = f"times vary by {found.unrest:.0%} and more: this machine was busy; measure again on a quiet one"
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    if not no_save:
        file = records.save(found, root / records.FOLDER, keep=True)
        click.echo()
        click.echo(f"kept in {file}; `dvc repro` or `mmbench report` puts it into the report")
