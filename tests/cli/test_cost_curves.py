"""`mmbench cost-curves` as it is called: tiny lengths, the file, the table, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.cli import main
from mmbench.registry import variants
from mmbench.schema import cost_curves


def call(root: Path, *words: str) -> int:
    return main(["cost-curves", "--root", str(root), "--device", "cpu", *words])


@pytest.mark.exhaustive
def test_every_attention_is_measured_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "--lengths", "64,32,64", "--width", "8") == 0
    shown = capsys.readouterr()
    assert "kept in" in shown.out and "32 tokens ..." in shown.err
    (kept,) = cost_curves.load(tmp_path / cost_curves.FOLDER)
    assert [s.attention for s in kept.series] == list(variants("attention"))
    assert all([p.length for p in s.points] == [32, 64] for s in kept.series)
    assert (kept.device, kept.precision, kept.batch, kept.width, kept.heads) == ("cpu", "float32", 1, 8, 2)
    assert kept.limits["memory_gb"] > 0
    for name in variants("attention"):
        assert f"\n{name} " in shown.out


@pytest.mark.slow
def test_what_does_not_fit_is_told_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "--attention", "topk,mean", "--lengths", "64,512", "--memory-gb", "0.001") == 0
    shown = capsys.readouterr()
    assert "topk stops at 512 tokens: out of memory" in shown.err
    assert "512 tokens: out of memory" in shown.out
    (kept,) = cost_curves.load(tmp_path / cost_curves.FOLDER)
    topk, mean = kept.series
    assert topk.stop is not None and topk.stop.why == "out of memory" and len(topk.points) == 1
    assert mean.stop is None and len(mean.points) == 2


def test_the_profile_before_is_kept_beside(tmp_path: Path) -> None:
    for name in ("mean", "dot"):
        assert call(tmp_path, "--attention", name, "--lengths", "16") == 0
    folder = tmp_path / cost_curves.FOLDER
    assert [s.attention for s in cost_curves.load(folder)[0].series] == ["dot"]
    assert '"mean"' in (folder / "cpu.json.before").read_text()


def test_a_message_with_brackets_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("expected [/x] tensor")

    monkeypatch.setattr(variants("attention")["topk"].cls, "attend", fail)
    assert call(tmp_path, "--attention", "topk,mean", "--lengths", "16") == 0
    assert "topk stops at 16 tokens: failed (RuntimeError: expected [/x] tensor)" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("in the way")
    assert call(tmp_path, "--attention", "mean", "--lengths", "16") == 1
    shown = capsys.readouterr()
    assert "cannot be written" in shown.err and "tokens ..." not in shown.err


def test_where_nothing_was_measured_nothing_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "--attention", "mean", "--lengths", "128", "--memory-gb", "0.000001") == 1
    assert "nothing was measured, so nothing is kept" in capsys.readouterr().err
    assert cost_curves.load(tmp_path / cost_curves.FOLDER) == ()


def test_a_look_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "--attention", "mean", "--lengths", "16", "--no-save") == 0
    assert "mean" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--attention", "lnear"], 1, "unknown attention 'lnear' in --attention; did you mean 'linear'?"),
        (["--lengths", "128,x"], 1, "'x' in --lengths is not a number of tokens"),
        (["--lengths", "0"], 1, "'0' in --lengths is not a number of tokens"),
        (["--lengths", ","], 1, "--lengths names no length"),
        (["--heads", "3"], 1, "--width 64 is not a multiple of --heads 3"),
        (["--seconds", "0"], 2, "--seconds"),
        (["--seconds", "inf"], 1, "--seconds inf is not a limit"),
        (["--memory-gb", "nan"], 1, "--memory-gb nan is not a limit"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(
    tmp_path: Path, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, *words) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and "Traceback" not in error
