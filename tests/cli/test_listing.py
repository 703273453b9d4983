"""Public data sets are listed beside those that mmbench makes."""

from __future__ import annotations

import inspect
import json

import pytest
from click.testing import CliRunner

from mmbench.cli import cli, main
from mmbench.cli.listing import _written_doc
from mmbench.registry import AXES, variants


def test_each_variant_has_a_line_that_says_what_it_is() -> None:
    shown = CliRunner().invoke(cli, ["list"], catch_exceptions=False).stdout.splitlines()
    for axis in AXES:
        for name, info in variants(axis).items():
            told = [line for line in shown if line.startswith(f"{name} ")]
            assert any(" ".join(info.summary.split()[:5]) in line for line in told), name
    assert max(map(len, shown)) <= 120
    assert "`mmbench list NAME` shows formula, shapes, options and source of one." in shown


def test_public_data_sets_are_listed_with_their_sources() -> None:
    shown = CliRunner().invoke(cli, ["list", "cmu_mosi"], catch_exceptions=False).stdout
    assert "Zadeh et al. 2016" in shown and "option   text, default 'features'" in shown
    printed = json.loads(CliRunner().invoke(cli, ["list", "dataset", "--json"], catch_exceptions=False).stdout)
    found = {d["name"]: d for d in printed["dataset"]}
    assert found["mm_imdb"]["page"] == "https://github.com/johnarevalo/gmu-mmimdb" and found["mm_imdb"]["licence"]
    assert "page" not in found["synergy"]


def test_one_variant_says_everything() -> None:
    shown = CliRunner().invoke(cli, ["list", "local"], catch_exceptions=False).stdout
    assert shown.startswith("local (attention)\n")
    assert "softmax(q k^T / sqrt(d)) v" in shown and "Shapes" in shown, "the formula and the shapes"
    assert "option   window" in shown and "source   Beltagy et al. 2020" in shown
    printed = json.loads(CliRunner().invoke(cli, ["list", "local", "--json"], catch_exceptions=False).stdout)
    assert [d["name"] for d in printed["attention"]] == ["local"] and list(printed) == ["attention"]


def test_a_name_of_two_axes_shows_both() -> None:
    shown = CliRunner().invoke(cli, ["list", "linear"], catch_exceptions=False).stdout
    assert "linear (attention)" in shown and "linear (baseline" in shown


def test_a_misspelt_name_is_told_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "aditive"]) == 1
    assert "no axis and no variant is named 'aditive'; did you mean 'additive'?" in capsys.readouterr().err


def test_what_is_read_of_a_variant_is_its_docstring() -> None:
    for axis in AXES:
        for info in variants(axis).values():
            assert _written_doc(info) in (None, inspect.getdoc(info.cls)), info.name
    assert _written_doc(variants("attention")["additive"]) is not None


def test_probes_say_whether_they_are_measured_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "probe"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for start in ("noise by default ", "faithfulness if asked for ", "adaptation if asked for "):
        assert any(line.startswith(start) for line in lines), start
    assert main(["list", "adaptation"]) == 0
    assert "measured where `probes` in params.yaml asks for it" in capsys.readouterr().out
