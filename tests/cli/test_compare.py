"""`mmbench compare` on ledgers, Parquet files and revisions of a real git and DVC repository."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.cli import main
from mmbench.ledger.store import Ledger
from mmbench.report.trials import parquet
from mmbench.report.trials.frame import tidy
from mmbench.schema.plan import Plan
from tests.report.test_compare import BEST, rerun
from tests.support.factory import TRUTHS, Job, Made, make

Shown = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def old() -> Made:
    return make(truths={"synergy": TRUTHS["synergy"]})


@pytest.fixture(scope="module")
def new(old: Made) -> Made:
    return rerun(old, 1, shift={BEST: -0.2})


def ledger(folder: Path, made: Made) -> str:
    kept = Ledger(folder)
    for result in made.results.values():
        kept.write(result)
    return str(folder)


def table(file: Path, made: Made) -> str:
    file.parent.mkdir(exist_ok=True)
    ids = {r.config.name: (i, r.provenance.fingerprint) for i, r in made.results.items()}
    jobs = [
        Job(trial_id=ids[j.config.name][0], config=j.config, data_hash=j.data_hash, fingerprint=ids[j.config.name][1])
        for j in made.plan.jobs
    ]
    parquet.write(tidy(Plan(jobs=tuple(jobs), skipped=()), made.results, made.families, {"synergy": "accuracy"}), file)
    return str(file)


def test_it_says_what_changed_and_ends_with_0(old: Made, new: Made, tmp_path: Path, capsys: Shown) -> None:
    assert main(["compare", ledger(tmp_path / "a", old), ledger(tmp_path / "b", new)]) == 0
    out = capsys.readouterr().out
    assert "1 of 35 methods changed by more than noise (0 better, 1 worse)" in out
    row = next(line for line in out.splitlines() if BEST in line)
    assert row.split()[-1] == "worse" and "points" in row
    assert "source code that the methods reach" in out


def test_what_noise_hides_is_open_and_what_is_within_the_margin_is_equal(
    old: Made, tmp_path: Path, capsys: Shown
) -> None:
    for noise, said in ((0.02, "open"), (0.0005, "equal within the margin")):
        folder = tmp_path / said
        assert main(["compare", ledger(folder / "a", old), ledger(folder / "b", rerun(old, 2, noise=noise))]) == 0
        row = next(line for line in capsys.readouterr().out.splitlines() if BEST in line)
        assert row.rstrip().endswith(said)


def test_json_says_the_same_whatever_the_kind_of_source(old: Made, new: Made, tmp_path: Path, capsys: Shown) -> None:
    kinds = []
    for a, b in (
        (ledger(tmp_path / "a", old), ledger(tmp_path / "b", new)),
        (table(tmp_path / "a.parquet", old), table(tmp_path / "b.parquet", new)),
    ):
        assert main(["compare", a, b, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [c["method"] for c in found["changes"] if c["more_than_noise"]] == [BEST]
        kinds.append({k: v for k, v in found.items() if k not in ("old", "new")})
    assert kinds[0] == kinds[1]


def test_the_same_twice_is_the_same(old: Made, tmp_path: Path, capsys: Shown) -> None:
    folder = ledger(tmp_path / "a", old)
    assert main(["compare", folder, folder]) == 0
    out = capsys.readouterr().out
    assert "None of 35 methods changed" in out and "The same settings, source, data, versions and hardware" in out


def assert_helpful(err: str, what: str, command: str) -> None:
    """What is wrong, why, and two commands, none of them longer than a terminal is wide."""
    first, why, *ways = err.splitlines()
    assert first == f"error: {what}" and why.startswith("  why: ")
    assert len(ways) == 2 and all(way.startswith("  try: ") for way in ways) and command in ways[0]
    assert max(map(len, err.splitlines())) <= 130


@pytest.mark.slow
def test_revisions_of_git_are_read_through_dvc(old: Made, new: Made, tmp_path: Path, capsys: Shown) -> None:
    root = tmp_path / "project"
    root.mkdir()

    def do(*words: str) -> None:
        subprocess.run(words, cwd=root, check=True, capture_output=True, timeout=120)

    dvc = [sys.executable, "-m", "dvc"]
    do("git", "init", "-q")
    do("git", "config", "user.name", "a")
    do("git", "config", "user.email", "a@example.org")
    do(*dvc, "init", "-q")
    for made, tag in ((old, "before"), (new, "after")):
        table(root / "reports" / "results.parquet", made)
        do(*dvc, "add", "-q", "reports/results.parquet")
        do("git", "add", "-A")
        do("git", "commit", "-qm", tag)
        do("git", "tag", tag)
    assert main(["compare", "before", "after", "--root", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["old"], found["new"]) == ("reports/results.parquet at before", "reports/results.parquet at after")
    assert [c["method"] for c in found["changes"] if c["more_than_noise"]] == [BEST]
    assert main(["compare", "before", "nowhere", "--root", str(root)]) == 1
    assert_helpful(capsys.readouterr().err, "there are no results at nowhere", "git log")
    do("git", "rm", "-q", "reports/results.parquet.dvc")
    do("git", "commit", "-qm", "none")
    assert main(["compare", "HEAD", "after", "--root", str(root)]) == 1
    assert_helpful(capsys.readouterr().err, "git revision HEAD has no results", "git add dvc.lock && git commit")
    shutil.rmtree(root / ".dvc" / "cache")
    assert main(["compare", "before", "after", "--root", str(root)]) == 1
    assert_helpful(capsys.readouterr().err, "the results of before are not on this machine", "dvc pull")


def test_what_cannot_be_read_is_said_plainly(tmp_path: Path, capsys: Shown) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["compare", str(tmp_path / "empty"), str(tmp_path / "empty")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ") and "holds no finished trial" in err and err.count("\n") == 1
    assert main(["compare", "nowhere", "nowhere", "--root", str(tmp_path)]) == 1
    assert_helpful(capsys.readouterr().err, "there are no results at nowhere", "git log")
