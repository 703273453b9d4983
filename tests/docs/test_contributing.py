"""The part of CONTRIBUTING about failed checks names checks and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

from mmbench import checks
from mmbench.cli import cli
from mmbench.registry import Axis

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
AXES: tuple[Axis, ...] = ("attention", "fusion", "architecture", "stem")


def test_the_checks_that_are_explained_exist() -> None:
    section = PAGE.partition("## When a check fails")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([\w/.]+)`", row)}
    known = {name for axis in AXES for name in checks.all_checks(axis)}
    assert len(named) >= 8 and {name for name in named if "/" not in name} <= known
    assert all((ROOT / name).is_file() for name in named if "/" in name)
    assert set(re.findall(r"mmbench ([a-z]+)[ `]", section)) <= set(cli.commands)


def test_its_contents_lead_to_every_part() -> None:
    heads = {h.lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    assert heads == set(re.findall(r"\(#([\w-]+)\)", PAGE.partition("## Send a change")[0]))
