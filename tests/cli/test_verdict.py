"""`mmbench verdict` shows what the last report decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmbench.cli import main
from mmbench.report.build import analyse
from mmbench.report.export import export
from tests.report.test_ladder import FLAT, catches_up, laddered
from tests.support import small_project
from tests.support.factory import make


class Done:
    """Of one call: exit code and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> None:
        capsys.readouterr()
        self.code = main(["verdict", "--root", str(root), *arguments])
        self.stdout, self.stderr = capsys.readouterr()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    small_project.make(folder)
    export(analyse(**make().arguments()), folder / "reports")
    return folder


def test_every_comparison_is_shown_with_its_verdict(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = Done(capsys, root)
    assert done.code == 0, done.stderr
    lines = done.stdout.splitlines()
    raw = json.loads((root / "reports" / "verdicts.json").read_text(encoding="utf-8"))
    assert lines[0] == raw["headline"]
    plain = [" ".join(line.split()) for line in lines]
    for v in raw["verdicts"]:
        numbers = f"{100 * v['estimate']:+.1f} {100 * v['low']:+.1f} to {100 * v['high']:+.1f}"
        shown = [
            x for x in plain if x.startswith(f"{v['subject']} {v['reference']} {numbers} {v['seeds']} {v['verdict']}")
        ]
        assert shown, v
    assert any("seeds would decide" in x for x in lines)


def test_one_data_set_and_one_kind_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = Done(capsys, root, "--dataset", "synergy", "--kind", "contrast", "--json")
    found = json.loads(done.stdout)["verdicts"]
    assert len(found) == 9 and {(v["dataset"], v["kind"]) for v in found} == {("synergy", "contrast")}


def test_what_does_not_last_is_said_with_what_becomes_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_project.make(tmp_path)
    report = analyse(**laddered(make(truths=FLAT, seeds=4, noise=0.002), catches_up))
    export(report, tmp_path / "reports")
    lines = [" ".join(line.split()) for line in Done(capsys, tmp_path, "--kind", "contrast").stdout.splitlines()]
    assert any(line.endswith("seeds at ×0.5 at ×2 verdict") for line in lines)
    for v in report.context.verdicts:
        if v.kind == "contrast":
            half, twice = (f"{100 * v.budgets[factor]:+.1f}" for factor in ("0.5", "2"))
            ending = "" if v.lasts in (True, None) else ", not with more training"
            assert any(
                x.startswith(f"{v.subject} {v.reference} ") and x.endswith(f"{half} {twice} {v.verdict}{ending}")
                for x in lines
            ), v
    assert any(line.endswith("not with more training") for line in lines)


def only_open(root: Path, folder: Path, decided_at: int) -> dict[str, Any]:
    """A project in `folder` whose verdicts are the open ones of `root`, each decided by so many seeds."""
    small_project.make(folder)
    found: dict[str, Any] = json.loads((root / "reports" / "verdicts.json").read_text(encoding="utf-8"))
    found["verdicts"] = [v | {"decided_at": decided_at} for v in found["verdicts"] if v["verdict"] == "open"]
    (folder / "reports").mkdir()
    (folder / "reports" / "verdicts.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def test_more_seeds_than_anyone_would_run_are_not_offered(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert only_open(root, tmp_path, decided_at=15_464)["verdicts"]
    done = Done(capsys, tmp_path)
    assert done.code == 0 and "would decide" not in done.stdout


def test_more_seeds_of_a_training_that_is_too_short_are_not_offered(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only_open(root, tmp_path, decided_at=5)
    brief, long = dict.fromkeys(v["dataset"] for v in found["verdicts"])
    found["trained_too_briefly"] = {brief: "one combination of two learned on"}
    (tmp_path / "reports" / "verdicts.json").write_text(json.dumps(found), encoding="utf-8")
    for name, offered in ((brief, False), (long, True)):
        done = Done(capsys, tmp_path, "--dataset", name)
        assert done.code == 0 and ("would decide" in done.stdout) == offered


def test_what_is_wrong_is_said(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typo = Done(capsys, root, "--dataset", "sinergy")
    assert typo.code == 1 and "did you mean 'synergy'?" in typo.stderr
    small_project.make(tmp_path)
    missing = Done(capsys, tmp_path)
    assert missing.code == 1 and "dvc repro" in missing.stderr and "Traceback" not in missing.stderr
    (tmp_path / "reports").mkdir()
    for content in ("", "[]", '{"verdicts": 3}'):
        (tmp_path / "reports" / "verdicts.json").write_text(content, encoding="utf-8")
        broken = Done(capsys, tmp_path)
        assert broken.code == 1 and "mmbench report" in broken.stderr and "Traceback" not in broken.stderr
