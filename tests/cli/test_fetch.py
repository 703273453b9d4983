"""`mmbench data fetch`: what is open is fetched, what is not is told; both end in samples that can be read."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from mmbench.cli.fetch import fetch
from mmbench.data.public.loader import GitFolder, Origin
from mmbench.data.table.card import load_card
from mmbench.dataset.cmu_mosi import CmuMosi
from mmbench.errors import UserError
from tests.support.affect_files import mmsa, multibench, write


def call(root: Path, args: Sequence[str]) -> Result:
    result = CliRunner().invoke(fetch, [*args, "--root", str(root)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_gated_one_tells_exactly_what_to_do(tmp_path: Path) -> None:
    result = call(tmp_path, ["av_mnist"])
    folder = tmp_path / "data/raw/av_mnist"
    assert result.exit_code == 1
    for word in ("avmnist.tar.gz", "https://drive.google.com/", "image/train_data.npy", str(folder.resolve())):
        assert word in result.stdout
    assert "not ready: image/train_data.npy" in result.stderr
    assert "Several data sets share the name" in result.stderr
    assert not (folder / "dataset.yaml").exists()


def test_once_the_files_are_there_it_is_ready(tmp_path: Path) -> None:
    folder = tmp_path / "data/raw/mustard"
    write(folder, multibench(labels="sign"), "sarcasm.pkl")
    result = call(tmp_path, ["mustard"])
    assert result.exit_code == 0, result.output
    assert "23 samples (12 train, 5 validation, 6 test) can be read" in result.stdout
    card = load_card(folder)
    assert card.dataset is not None and card.dataset.name == "mustard" and card.root == "."
    again = call(tmp_path, ["mustard"])
    assert again.exit_code == 0 and "stays as it is" in again.stdout


def test_a_card_of_the_persons_own_stays_and_its_options_count(tmp_path: Path) -> None:
    folder = tmp_path / "data/raw/cmu_mosi"
    write(folder, mmsa(), "mine.pkl")
    write(folder, {}, "other.pkl")
    assert call(tmp_path, ["cmu_mosi"]).exit_code == 1
    text = "dataset: {cmu_mosi: {file: mine.pkl, text: raw}}\n"
    (folder / "dataset.yaml").write_text(text)
    assert "23 samples" in call(tmp_path, ["cmu_mosi"]).stdout
    assert (folder / "dataset.yaml").read_text() == text
    (folder / "dataset.yaml").write_text("dataset: {cmu_mosi: {fil: mine.pkl}}\n")
    with pytest.raises(UserError, match="'file'"):
        call(tmp_path, ["cmu_mosi"])
    (folder / "dataset.yaml").write_text("dataset: mustard\n")
    with pytest.raises(UserError, match="another data set"):
        call(tmp_path, ["cmu_mosi"])


def test_a_file_got_by_hand_that_is_not_the_published_one(tmp_path: Path) -> None:
    write(tmp_path / "data/raw/cmu_mosi", mmsa(), "aligned_50.pkl")
    with pytest.raises(UserError, match=r"aligned_50.pkl is not the published file.*d3994fd2"):
        call(tmp_path, ["cmu_mosi"])


def test_files_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "large disk"
    write(elsewhere, multibench(labels="zero or one"), "humor.pkl")
    result = call(tmp_path, ["ur_funny", "--into", str(elsewhere)])
    assert result.exit_code == 0, result.output
    card = yaml.safe_load((tmp_path / "data/raw/ur_funny/dataset.yaml").read_text())
    assert card == {"dataset": "ur_funny", "root": str(elsewhere.resolve())}
    stage = yaml.safe_load((tmp_path / "data/raw/ur_funny/dvc.yaml").read_text())["stages"]["files"]
    assert stage["deps"] == [elsewhere.resolve().as_posix()]
    assert (tmp_path / "data/raw/ur_funny/files.txt").read_text().startswith("humor.pkl\t")


def test_an_open_one_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader's files out of a real repository, at its commit."""
    repository = tmp_path / "repository"
    data = write(repository / "files", mmsa(), "mosi.pkl").read_bytes()
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for args in (["init"], ["add", "."], [*who, "commit", "-m", "files"]):
        subprocess.run(["git", *args], cwd=repository, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, check=True, capture_output=True, text=True)
    item = GitFolder(url=str(repository), commit=head.stdout.strip(), folder="files", path="files")
    known = {"files/mosi.pkl": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    origin = Origin(page="p", revision="r", licence="free", citation="c", downloads=(item,), checksums=known)
    monkeypatch.setattr(CmuMosi, "origin", origin)
    result = call(tmp_path, ["cmu_mosi"])
    assert result.exit_code == 0, result.output
    for line in ("licence: free", "files fetched from", "mosi.pkl is as published", "23 samples"):
        assert line in result.stdout
    assert "is there, of commit" in call(tmp_path, ["cmu_mosi"]).stdout


def test_one_that_mmbench_makes(tmp_path: Path) -> None:
    result = call(tmp_path, ["synergy"])
    assert result.exit_code == 0 and "nothing to fetch" in result.stdout
    assert load_card(tmp_path / "data/raw/synergy").dataset is not None


def test_one_that_needs_an_option(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'multiview' in .*dataset.yaml needs the option 'file'"):
        call(tmp_path, ["multiview"])


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'cmu_mosi'"):
        call(tmp_path, ["cmu_mosj"])
    assert not list(tmp_path.iterdir())


def test_broken_files_of_a_gated_one_are_told_with_the_remedy(tmp_path: Path) -> None:
    data = multibench(labels="sign")
    data["train"]["labels"] = np.full((12, 1), 5)
    write(tmp_path / "data/raw/mustard", data, "sarcasm.pkl")
    result = call(tmp_path, ["mustard"])
    assert result.exit_code == 1
    assert "sarcasm.pkl train 0: label 5 is none of 0 and 1" in result.stderr and "sarcasm.pkl, from" in result.stdout
