"""Commands that look import nothing that builds, and wrong calls are one line, without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.cli import main
from mmbench.cli.project import Loaded

HEAVY = {"torch", "ray", "mlflow", "pandas", "sklearn"}
READERS = ("plan", "status", "track", "champion")


def modules(words: list[str]) -> tuple[int, set[str]]:
    code = f"import sys; from mmbench.cli import main; code = main({words}); print(); print(code, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, *found = done.stdout.splitlines()[-1].split()
    return int(exit_code), set(found)


@pytest.mark.slow
def test_commands_that_look_import_nothing_heavy(
    ended: Loaded, root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of processes that end at once, one may lose what another has kept; then it is asked again.
    monkeypatch.setenv("MMBENCH_SOURCE_CACHE", str(tmp_path_factory.mktemp("cache")))
    at = ["--root", str(root)]
    modules(["plan", *at])  # what a fusion cannot do is asked once
    for words in (
        ["list"],
        ["list", "additive"],
        ["list", "concat"],
        ["plan", *at],
        ["plan", "--json", "--no-cells", *at],
        ["status", *at],
        ["data", "list", *at],
    ):
        code, found = modules(words)
        assert (code, HEAVY & found) == (0, set()), words
    file = root / "params.yaml"
    good = file.read_text(encoding="utf-8")
    for bad in (good.replace("- additive", "- aditive"), good.replace("- small", "- smal"), "", None):
        file.unlink() if bad is None else file.write_text(bad, encoding="utf-8")
        code, found = modules(["plan", *at])
        assert (code, HEAVY & found) == (1, set()), bad


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("fault", ["missing", "empty", "folder", "key", "name", "dataset", "ledger"])
def test_a_fault_is_reported_in_one_line(
    command: str, fault: str, ended: Loaded, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, ledger = root / "params.yaml", root / "data" / "ledger"
    good = file.read_text(encoding="utf-8")
    match fault:
        case "missing" | "folder":
            file.unlink()
            if fault == "folder":
                file.mkdir()
        case "empty":
            file.write_text("", encoding="utf-8")
        case "key":
            file.write_text(good.replace("depth: 2", "deppth: 2"), encoding="utf-8")
        case "name":
            file.write_text(good.replace("- additive", "- aditive"), encoding="utf-8")
        case "dataset":
            file.write_text(good.replace("- small", "- smal"), encoding="utf-8")
        case "ledger":
            for kept in ledger.iterdir():
                kept.unlink()
            ledger.rmdir()
            ledger.touch()
    assert main([command, "--root", str(root)]) == 1
    out, error = capfd.readouterr()
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert "Traceback" not in out + error
    assert ("data/ledger" if fault == "ledger" else "params.yaml") in error


@pytest.mark.parametrize(
    ("words", "now"),
    [(["profile"], "`mmbench cost-curves`"), (["plan", "--profile", "full"], "mmbench plan --grid full")],
)
def test_an_old_name_says_the_new_one(words: list[str], now: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert f"is now {now}" in capsys.readouterr().err.replace("--grid: ", "")
