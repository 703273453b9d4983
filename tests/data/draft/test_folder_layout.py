"""Layouts as people have them: what is a sample, its class, its modalities, and whom it belongs to."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from mmbench.cli import main
from mmbench.data.draft.draft import Draft
from mmbench.errors import UserError
from tests.cli.test_data import project as project
from tests.support.folders import drafted, fill, rows, unused

Paths = list[str]


def asks(made: Draft) -> bool:
    """Whether the target is marked as unsure in the card."""
    (line,) = [line for line in made.card.splitlines() if line.startswith("target:")]
    return "# ?" in line


def target(made: Draft) -> dict[str, str]:
    return yaml.safe_load(made.card)["target"]


def classes(found: list[dict[str, str]]) -> dict[str, int]:
    return dict(Counter(row["label"] for row in found))


def pairs(layout: str, names: tuple[str, ...] = ("a", "b", "c"), n: int = 24) -> Paths:
    """Pictures and sounds; layout: with {c} for the class, {m} for the modality, {i} for the number, {e} the ending."""
    kinds = (("images", "png"), ("audio", "wav"))
    return [
        layout.format(c=names[i % len(names)], m=m, i=i, e=e, s=("train", "test")[i % 5 == 4])
        for i in range(n)
        for m, e in kinds
    ]


@pytest.mark.parametrize(
    "layout",
    [
        "{c}/{i:03}.{e}",
        "{c}/{m}/{i:03}.{e}",
        "{m}/{c}/{i:03}.{e}",
        "{s}/{c}/{m}/{i:03}.{e}",
        "{m}/{s}/{c}/{i:03}.{e}",
        "{c}/{s}/{m}/{i:03}.{e}",
        "data/v1/{c}/{m}/{i:03}.{e}",
        "{c}/{m}/IMG_{i:03}_x.{e}",
    ],
)
def test_pictures_and_sounds_of_one_name_are_one_sample(tmp_path: Path, layout: str) -> None:
    made, found = drafted(fill(tmp_path, pairs(layout))), rows(tmp_path)
    assert len(found) == 24 and classes(found) == {"a": 8, "b": 8, "c": 8}
    assert all(row["image"] and row["audio"] for row in found)
    assert target(made) == {"classification": "label"} and not asks(made) and not made.unused
    for row in found:
        assert row["image"].replace("images", "audio").replace("png", "wav") == row["audio"]
        assert f"{row['label']}/" in row["image"]
        if "{s}" in layout:
            assert row["split"] and f"{row['split']}/" in row["image"]


def test_modalities_that_only_some_samples_have(tmp_path: Path) -> None:
    gone = {"a/audio/000.wav", "b/images/001.png"}
    found = rows(fill(tmp_path, [p for p in pairs("{c}/{m}/{i:03}.{e}") if p not in gone]))
    assert len(found) == 24 and classes(found) == {"a": 8, "b": 8, "c": 8}
    assert [row["image"] for row in found if not row["audio"]] == ["a/images/000.png"]
    assert [row["audio"] for row in found if not row["image"]] == ["b/audio/001.wav"]


def test_classes_on_one_side_only(tmp_path: Path) -> None:
    fill(
        tmp_path, [*(f"images/{'ab'[i % 2]}/{i:03}.png" for i in range(20)), *(f"sounds/{i:03}.wav" for i in range(20))]
    )
    found = rows(tmp_path)
    assert len(found) == 20 and classes(found) == {"a": 10, "b": 10}
    assert all(Path(row["image"]).stem == Path(row["audio"]).stem for row in found)


def test_folders_of_kinds_are_no_classes_even_without_a_name_in_common(tmp_path: Path) -> None:
    fill(
        tmp_path, [f"{'ab'[i % 2]}/{m}/{e}{i:03}.{e}" for i in range(10) for m, e in (("pics", "png"), ("snd", "wav"))]
    )
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {"a": 10, "b": 10} and asks(made)
    assert any("pics, snd" in line and "modalities" in line for line in made.unsure)


@pytest.mark.parametrize(
    ("folders", "layout", "stem"),
    [
        (("left", "right"), "{m}/{c}/{i}.png", "{:03}"),
        (("rgb", "depth"), "{c}/{m}/{i}.png", "{:03}"),
        (("rgb", "depth", "thermal"), "{s}/{m}/{c}/{i}.png", "{:05}"),
        (("image_2", "image_3"), "{m}/{c}/{i}.png", "{:06}"),
        (("cam0", "cam1"), "{c}/{m}/frame{i}.png", "{:04}"),
        (("first", "second"), "{m}/{c}/{i}.png", "IMG_7{:02}3"),
        (("T1", "T2"), "{m}/{c}/{i}.npy", "{:03}"),
        (("left_wav", "right_wav"), "{c}/{m}/{i}.wav", "{}"),
    ],
)
def test_parallel_folders_of_one_type_are_modalities(
    tmp_path: Path, folders: tuple[str, ...], layout: str, stem: str
) -> None:
    numbers = range(24)
    fill(
        tmp_path,
        [
            layout.format(m=m, c="abc"[i % 3], i=stem.format(i * 3), s=("train", "test")[i % 5 == 4])
            for i in numbers
            for m in folders
        ],
    )
    made, found = drafted(tmp_path), rows(tmp_path)
    assert len(found) == 24 and classes(found) == {"a": 8, "b": 8, "c": 8}
    for row in found:
        assert all(f"{m}/" in row[m] and Path(row[m]).name == Path(row[folders[0]]).name for m in folders)
    assert asks(made)
    assert any(", ".join(sorted(folders)) in line and line.endswith("?") for line in made.unsure)
    assert any("--folders" in line for line in made.unsure)
    assert set(yaml.safe_load(made.card)["columns"]) == set(folders)


def test_parallel_folders_alone_have_no_target(tmp_path: Path) -> None:
    fill(tmp_path, [f"{m}/{i:03}.png" for i in range(20) for m in ("left", "right")])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert len(found) == 20 and classes(found) == {"": 20}
    assert asks(made) and any("left, right" in line for line in made.unsure)
    assert any("`--force --folders class`" in line for line in made.unsure)
    again = rows(tmp_path, ("class",))
    assert len(again) == 40 and classes(again) == {"left": 20, "right": 20}


@pytest.mark.parametrize("names", [("cat", "dog"), ("with_mask", "without_mask"), ("happy", "sad", "calm")])
def test_classes_that_count_alike_are_classes_and_asked_about(tmp_path: Path, names: tuple[str, ...]) -> None:
    fill(tmp_path, [f"{c}/{i}.png" for c in names for i in range(12)])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == dict.fromkeys(names, 12) and asks(made)
    assert any("`--force --folders modality`" in line for line in made.unsure)
    assert len(rows(tmp_path, ("modality",))) == 12


@pytest.mark.parametrize(
    "paths",
    [
        [f"{c}/{c}.{i}.jpg" for c in ("cat", "dog") for i in range(12)],
        [f"n0{c}/n0{c}_{i * 17}.jpg" for c in (1440764, 1443537) for i in range(12)],
        [f"digit{c}/{i}.png" for c in range(10) for i in range(12)],
        [f"c{c}/img_{c * 100 + 7 * i}.jpg" for c in range(10) for i in range(12)],
        [f"train/{c}/{i}_{c}.png" for c in ("x", "y") for i in range(12)]
        + [f"val/{c}/{i}_{c}.png" for c in ("x", "y") for i in range(4)],
    ],
)
def test_plain_classes_are_sure(tmp_path: Path, paths: Paths) -> None:
    made, found = drafted(fill(tmp_path, paths)), rows(tmp_path)
    assert len(found) == len(paths) and not made.unused and not asks(made)
    assert all(f"{row['label']}/" in row["image"] for row in found)


def ravdess(person: str = "Actor_{:02}", form: str = "03-01-{:02}-01-01-{:02}-{:02}.wav") -> Paths:
    return [
        f"{person.format(a)}/{form.format(emotion, r, a)}"
        for a in range(1, 5)
        for emotion in range(1, 5)
        for r in (1, 2)
    ]


@pytest.mark.parametrize("person", ["Actor_{:02}", "subject{}", "s{}", "P{:03}", "sub-{:02}", "Speaker {}"])
def test_folders_of_persons_are_groups_and_the_class_is_asked(tmp_path: Path, person: str) -> None:
    made, found = drafted(fill(tmp_path, ravdess(person))), rows(tmp_path)
    assert len(found) == 32 and classes(found) == {f"0{e}": 8 for e in range(1, 5)}
    assert Counter(row["group"] for row in found) == {person.format(a): 8 for a in range(1, 5)}
    card = yaml.safe_load(made.card)
    assert asks(made) and card["group"] == "group" and card["target"] == {"classification": "label"}
    said = "\n".join(made.unsure)
    assert "`target: {classification: group}`" in said and "`target: {classification: name_6}`" in said
    assert re.search(r"^group: group .*# \? ", made.card, re.MULTILINE)
    whole = rows(tmp_path, ("class",))
    assert classes(whole) == {person.format(a): 8 for a in range(1, 5)}


def test_persons_whose_files_only_count_are_asked_about(tmp_path: Path) -> None:
    made, found = (
        drafted(fill(tmp_path, [f"p{p}/{i:03}.wav" for p in (225, 226, 227) for i in range(9)])),
        rows(tmp_path),
    )
    assert classes(found) == {"p225": 9, "p226": 9, "p227": 9} and asks(made)
    assert any("look like persons" in line for line in made.unsure)


@pytest.mark.parametrize("layout", ["{p}/{c}/{i}.png", "{c}/{p}/{i}.png", "{p}/{c}/frame_{i}.png"])
def test_persons_beside_classes_are_groups(tmp_path: Path, layout: str) -> None:
    fill(
        tmp_path,
        [layout.format(p=f"S{p:02}", c=c, i=i) for p in range(1, 5) for c in ("happy", "sad") for i in range(3)],
    )
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {"happy": 12, "sad": 12}
    assert Counter(row["group"] for row in found) == {f"S{p:02}": 6 for p in range(1, 5)}
    assert yaml.safe_load(made.card)["group"] == "group"


@pytest.mark.parametrize(
    "video",
    ["v_{c}_g{v:02}_c01", "vid{v}", "clip_{v:03}", "{v:04}", "{c}-{v}", "seq {v}"],
)
def test_frames_of_films_belong_together(tmp_path: Path, video: str) -> None:
    fill(
        tmp_path,
        [f"{c}/{video.format(c=c, v=v)}/frame_{i:04}.jpg" for c in ("jump", "run") for v in range(4) for i in range(5)],
    )
    made, found = drafted(tmp_path), rows(tmp_path)
    assert len(found) == 40 and classes(found) == {"jump": 20, "run": 20} and asks(made)
    assert set(Counter(row["group"] for row in found).values()) == {5}
    assert all(row["image"].startswith(f"{row['group']}/") for row in found), "each class counts its own films"
    assert any("recordings" in line for line in made.unsure)


def test_a_single_level_of_films_is_asked_about(tmp_path: Path) -> None:
    made = drafted(fill(tmp_path, [f"vid{v}/{v * 100 + i}.jpg" for v in range(6) for i in range(5)]))
    assert asks(made) and any("look like persons or recordings" in line for line in made.unsure)


def test_a_folder_of_views_is_a_sample(tmp_path: Path) -> None:
    scans = ("t1", "t2", "flair")
    fill(tmp_path, [f"{c}/patient_{p:03}/{m}.png" for c in ("ill", "well") for p in range(8) for m in scans])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {"ill": 8, "well": 8} and asks(made)
    assert found[0] == {m: f"ill/patient_000/{m}.png" for m in sorted(scans)} | {"label": "ill"}
    alone = rows(fill(tmp_path / "alone", [f"{p}/{m}.png" for p in range(8) for m in ("left", "right")]))
    assert classes(alone) == {"": 8} and set(alone[0]) == {"left", "right", "label"}


def test_folds_and_sessions_are_groups_where_the_names_say_the_class(tmp_path: Path) -> None:
    fill(tmp_path, [f"fold{k}/{i * 7 + k}-{c}-0.wav" for k in range(1, 4) for i in range(12) for c in range(2)])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert asks(made) and classes(found) == {"0": 36, "1": 36}
    assert {row["group"] for row in found} == {"fold1", "fold2", "fold3"}


def test_names_that_are_put_together_of_parts_are_no_sign_of_views(tmp_path: Path) -> None:
    fill(tmp_path, [f"{c}/Actor_{a:02}_{i}.wav" for c in ("angry", "calm") for a in range(4) for i in range(3)])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {"angry": 12, "calm": 12} and asks(made)
    assert "`target: {classification: name_2}`" in "\n".join(made.unsure)


def test_the_class_of_training_pictures_is_in_their_names_and_test_pictures_have_none(tmp_path: Path) -> None:
    fill(tmp_path, [f"train/{c}.{i}.jpg" for c in ("cat", "dog") for i in range(20)])
    made = drafted(fill(tmp_path, [f"test/{i}.jpg" for i in range(10)]))
    assert (made.samples, unused(made)) == (40, {"no class": 10}) and "# cat 20, dog 20" in made.card


def test_a_validation_folder_without_classes(tmp_path: Path) -> None:
    fill(tmp_path, [f"train/n{c}/images/n{c}_{i}.jpg" for c in (1443537, 1629819) for i in range(20)])
    fill(tmp_path, [f"train/n{c}/n{c}_boxes.txt" for c in (1443537, 1629819)])
    made = drafted(fill(tmp_path, ["val/val_annotations.txt", *(f"val/images/val_{i}.jpg" for i in range(9))]))
    assert (made.samples, unused(made)) == (40, {"no class": 9, "stray": 3})
    assert "# n1443537 20, n1629819 20" in made.card


def test_digits_of_several_fonts_are_classes(tmp_path: Path) -> None:
    fill(tmp_path, [f"{f}/{d}/{i}.png" for f in ("arial", "times", "courier") for d in range(10) for i in range(3)])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {str(d): 9 for d in range(10)} and asks(made)


def test_classes_within_classes_are_asked_about(tmp_path: Path) -> None:
    tree = {"animal": ("cat", "dog"), "plant": ("rose", "tulip")}
    fill(tmp_path, [f"{a}/{b}/{b}{i}.png" for a, bs in tree.items() for b in bs for i in range(6)])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {"cat": 6, "dog": 6, "rose": 6, "tulip": 6} and asks(made)
    said = "\n".join(made.unsure)
    assert "inner folders (cat, dog, rose, ...)" in said and "`target: {classification: folder_1}`" in said
    assert classes(rows(tmp_path, ("class", "-"))) == {"animal": 12, "plant": 12}
    assert set(classes(rows(tmp_path, ("class", "class")))) == {"animal/cat", "animal/dog", "plant/rose", "plant/tulip"}


def test_classes_at_different_depths(tmp_path: Path) -> None:
    fill(
        tmp_path,
        [f"{p}{i}.png" for p in ("cat/a", "cat/indoor/b", "dog/c", "wild/fox/d", "wild/wolf/e") for i in range(5)],
    )
    made, found = drafted(tmp_path), rows(tmp_path)
    assert classes(found) == {"cat": 10, "dog": 5, "fox": 5, "wolf": 5} and asks(made)


def test_a_class_that_is_called_test_is_a_class(tmp_path: Path) -> None:
    found = rows(fill(tmp_path, [f"{c}/{c}{i}.png" for c in ("control", "test") for i in range(8)]))
    assert classes(found) == {"control": 8, "test": 8} and "split" not in found[0]


@pytest.mark.parametrize(
    "beside", [["README.txt"], ["train.txt", "test.txt"], ["README.md", "LICENSE"], ["classes.txt"]]
)
@pytest.mark.parametrize("layout", ["{c}/{i:03}.{e}", "{s}/{c}/{m}/{i:03}.{e}", "{m}/{c}/{i:03}.{e}"])
def test_lists_and_notes_beside_the_folders_change_nothing(tmp_path: Path, layout: str, beside: Paths) -> None:
    before = rows(fill(tmp_path, pairs(layout)))
    made = drafted(fill(tmp_path, beside))
    assert rows(tmp_path) == before and sum(unused(made).values()) == len(beside)


def test_parts_of_names_that_could_be_the_class_are_all_offered(tmp_path: Path) -> None:
    made = drafted(fill(tmp_path, [f"{d}_{s}_{i}.wav" for d in range(3) for s in ("ann", "bob") for i in range(4)]))
    assert asks(made) and "name_2" in "\n".join(made.unsure)
    sure = drafted(fill(tmp_path / "sure", [f"{c}_{i}.wav" for c in ("cat", "dog") for i in range(12)]))
    assert not asks(sure) and "# cat 12, dog 12" in sure.card


def test_levels_that_a_person_names_are_checked(tmp_path: Path) -> None:
    fill(tmp_path, pairs("{c}/{m}/{i:03}.{e}"))
    assert len(rows(tmp_path, ("class", "modality"))) == 24
    for text, said in (("clas/modality", "did you mean 'class'"), ("split/split", "stands twice")):
        from mmbench.data.draft.folder_roles import parse

        with pytest.raises(UserError, match=said):
            parse(text)


@pytest.mark.parametrize(
    ("paths", "option", "new"),
    [
        ([f"{m}/{i:03}.png" for i in range(12) for m in ("left", "right")], "class", ["left/100.png"]),
        (ravdess(), "class", ["Actor_01/03-01-09-01-01-01-01.wav"]),
        ([f"{a}/{b}/{a}{b}{i}.png" for a in "ab" for b in "xy" for i in range(5)], "class/-", ["a/x/ax9.png"]),
        (pairs("{c}/{m}/{i:03}.{e}"), "", ["a/images/900.png", "a/audio/900.wav"]),
        ([f"{c}/vid{v}/{i}.png" for c in ("run", "go") for v in range(4) for i in range(5)], "", ["go/vid9/1.png"]),
    ],
)  # fmt: skip
def test_update_reads_the_folders_as_they_were_read(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], paths: Paths, option: str, new: Paths
) -> None:
    files = fill(tmp_path / "own", paths)
    assert main(["data", "init", str(files), *(["--folders", option] if option else [])]) == 0
    table = project / "data/raw/own/manifest.csv"
    before = table.read_text(encoding="utf-8")
    assert main(["data", "init", str(files), "--update"]) == 0
    assert table.read_text(encoding="utf-8") == before
    fill(files, new)
    assert main(["data", "init", str(files), "--update"]) == 0
    assert "1 rows added, 0 completed" in capsys.readouterr().out
    after = table.read_text(encoding="utf-8")
    assert after.startswith(before) and after.count("\n") == before.count("\n") + 1
    assert main(["data", "init", str(files), "--update"]) == 0
    assert table.read_text(encoding="utf-8") == after
    if option == "class":
        assert f",{new[0].split('/')[0]}" in after.splitlines()[-1]


def test_a_folder_of_another_kind_beside_classes_is_asked_about(tmp_path: Path) -> None:
    fill(tmp_path, [f"{c}/{n}.png" for c, k in (("cat", 0), ("dog", 1)) for n in range(k, 24, 2)])
    fill(tmp_path, [f"sounds/{n}.wav" for n in range(24)])
    made, found = drafted(tmp_path), rows(tmp_path)
    assert asks(made) and len(found) == 48
    assert any("the folder sounds holds no" in line or "no audio file" in line for line in made.unsure)


def test_a_folder_in_the_project_is_read_otherwise_by_force(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = fill(project / "data/raw/own", [f"{m}/{i:03}.png" for i in range(12) for m in ("left", "right")])
    assert main(["data", "init", str(files)]) == 0
    assert main(["data", "init", str(files), "--force", "--folders", "class"]) == 0
    assert "24 samples" in capsys.readouterr().out
    assert (files / "manifest.csv").read_text(encoding="utf-8").startswith("image,label\nleft/000.png,left\n")
    (files / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["data", "init", str(files), "--force", "--folders", "class"]) == 1
    assert "--folders is for a folder without one" in capsys.readouterr().err


def test_visits_of_patients_are_no_classes_and_a_second_copy_is_no_modality(tmp_path: Path) -> None:
    """scans/P001/visit1/t1.png: nothing says a target, patients stay together."""
    names = [f"scans/P{p:03}/visit{v}/{m}.png" for p in range(12) for v in (1, 2) for m in ("flair", "t1", "t2")]
    made = drafted(fill(tmp_path, [*names, "scans/P003/visit1/t1 (1).png"]))
    found = rows(tmp_path)
    assert len(found) == 24 and not {"visit1", "visit2"} & {row["label"] for row in found}
    assert {"flair", "t1", "t2"} <= set(found[0]) and "t1 (1)" not in found[0]
    assert sum(unused(made).values()) == 1
    assert asks(made) or "fill in the column `label`" in " ".join(made.unsure)
