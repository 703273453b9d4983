"""Public data sets are listed beside those that mmbench makes."""

from __future__ import annotations

import json

from click.testing import CliRunner

from mmbench.cli import cli


def test_public_data_sets_are_listed_with_their_sources() -> None:
    shown = CliRunner().invoke(cli, ["list", "dataset"], catch_exceptions=False).stdout
    line = next(line for line in shown.splitlines() if line.startswith("cmu_mosi "))
    assert "Zadeh et al. 2016" in line and "text='features'" in line
    assert any(line.startswith("synergy ") for line in shown.splitlines())
    printed = json.loads(CliRunner().invoke(cli, ["list", "dataset", "--json"], catch_exceptions=False).stdout)
    found = {d["name"]: d for d in printed["dataset"]}
    assert found["mm_imdb"]["page"] == "https://github.com/johnarevalo/gmu-mmimdb" and found["mm_imdb"]["licence"]
    assert "page" not in found["synergy"]
