"""What holds for every command: quick help, errors in one line, codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmbench.cli import cli, main

HEAVY = ("torch", "mlflow", "ray", "pydantic", "rich", "sklearn")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["", *cli.commands])
def test_help_imports_nothing_heavy(command: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    code = f"import sys; from mmbench.cli import main; print(main({words})); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, exit_code, modules = done.stdout.splitlines()
    assert exit_code == "0"
    assert "Usage: mmbench" in done.stdout
    assert not set(HEAVY) & set(modules.split())


def test_commands_are_listed_under_headings_in_the_order_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    chapters = {}
    for part in capsys.readouterr().out.split("\n\n")[1:]:
        title, *lines = part.strip("\n").splitlines()
        if title.endswith(":") and title != "Options:":
            chapters[title] = [line.split()[0] for line in lines]
            assert not any(line.endswith("...") for line in lines)
            assert len({len(line) - len(line[2:].split(maxsplit=1)[1]) for line in lines} | {15}) == 1, "in line"
    assert chapters == {
        "Start:": ["new", "list", "data"],
        "Run:": ["plan", "go", "run", "status", "forget", "cost-curves"],
        "Read the results:": ["report", "verdict", "compare", "ui", "track"],
        "Use the best models:": ["champion", "predict", "explain"],
    }
    assert sorted(name for names in chapters.values() for name in names) == sorted(cli.commands)


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Usage: mmbench data") and "fetch" in said.out and not said.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pln"], 2, "unknown command 'pln'; did you mean 'plan'?"),
        (["plan", "--rooot", "x"], 2, "'--root'"),
        (["plan", "--root", "/nowhere"], 2, "'/nowhere' does not exist"),
        (["plan", "--grid", "medium"], 2, "'medium' is not one of"),
        (["list", "fuson"], 1, "no axis and no variant is named 'fuson'; did you mean 'fusion'?"),
        (["run"], 2, "--dataset"),
        (["run", "--dataset", "synergy", "--seed", "99999999999"], 2, "99999999999 is not in the range 0<=x<=999"),
    ],
)
def test_a_wrong_call_is_told(words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == code
    shown = capsys.readouterr()
    assert not shown.out
    assert shown.err.startswith("error: ")
    assert said in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("command", ["plan", "status", "track", "report"])
def test_a_folder_without_settings_is_told(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--root", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert str(tmp_path) in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "- additive",
            "- aditive",
            "unknown attention 'aditive' in params.yaml: grid.attention; did you mean 'additive'?",
        ),
        ("width: 32", "width: -1", "width"),
        ("epochs: 1", "epochs: many", "epochs"),
        ("depth: 2", "deppth: 2", "did you mean 'depth'?"),
    ],
)
def test_bad_settings_name_place_and_remedy(
    old: str, new: str, said: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = root / "params.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert main(["plan", "--root", str(root)]) == 1
    error = capsys.readouterr().err
    assert all(line.startswith("error: ") for line in error.splitlines())
    assert "params.yaml" in error
    assert said in error


def test_a_plan_tells_what_a_budget_for_races_is_shared_out_to(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"]["seeds"], raw["sweep"]["budget"] = {"least": 2, "most": 4}, "1 h 30 min"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert main(["plan", "--root", str(root)]) == 0
    assert "sweep.budget: 1 h 30 min of training\n" in capsys.readouterr().out


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.commands["list"], "callback", interrupt)
    assert main(["list"]) == 130


def test_a_reader_that_leaves_is_not_complained_about() -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from mmbench.cli import main; sys.exit(main(['list', '--json']))"
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode == 1
    assert not done.stderr
