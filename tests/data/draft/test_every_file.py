"""Whatever a folder holds: every file is in a row, with the right class, or named as not used, and counts add up."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbench.data.files.folder import contents
from mmbench.data.files.left_out import told
from mmbench.data.files.unlisted_files import unnamed
from tests.support.folders import drafted, table, unused

LAYOUTS = (
    "{c}/{i}.{e}", "{c}/{m}/{i}.{e}", "{m}/{c}/{i}.{e}", "{s}/{c}/{i}.{e}", "{s}/{c}/{m}/{i}.{e}",
    "{m}/{s}/{c}/{i}.{e}", "top/{c}/{i}.{e}", "{c}/{v}/{i}.{e}", "{p}/{c}/{i}.{e}",
)  # fmt: skip
KINDS = {"image": ("pics", "png"), "audio": ("sounds", "wav"), "text": ("words", "txt")}
EXTRAS = (
    "README.txt", "readme.md", "{c}/readme.txt", "train_list.txt", "a.heic", "{c}/b.HEIC", "c.xyz", "{c}/no ending",
    "logo.jpg", "{c}/._x.png", ".DS_Store", "__MACOSX/{c}/._1.png", "deep/er/notes.json", "{c}/Thumbs.db", "rest.rar",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """paths of the samples -> their class; extras: other files."""

    samples: dict[str, str]
    kinds: tuple[str, ...]
    extras: frozenset[str]


@st.composite
def folders(draw: st.DrawFn) -> Made:
    layout = draw(st.sampled_from(LAYOUTS))
    kinds = tuple(draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=3, unique=True)))
    names = draw(
        st.lists(st.sampled_from(["cat", "dog", "owl", "ant", "über", "a b"]), min_size=2, max_size=4, unique=True)
    )
    count = draw(st.integers(6, 14))
    found = {}
    for c in names:
        for k in range(count):
            # A number of its own for every sample, so that no two folders count alike.
            i = f"x{names.index(c)}_{k * 7:04}"
            fields = {
                "c": c,
                "i": i,
                "s": ("train", "test")[k % 4 == 3],
                "v": f"{c}-clip{k % 3}",
                "p": f"Actor_{k % 3:02}",
            }
            lacks = draw(st.integers(0, 9)) == 0 and len(kinds) > 1
            for kind in kinds[lacks:]:
                folder, ending = KINDS[kind]
                found[layout.format(**fields, m=folder, e=ending)] = c
    extras = draw(st.sets(st.sampled_from(EXTRAS)))
    return Made(found, kinds, frozenset(e.format(c=names[0]) for e in extras))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(folders())
def test_every_file_is_used_with_its_class_or_named(made: Made) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        for path in {*made.samples, *made.extras}:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(b"some words")
        draft = drafted(folder)
        assert draft.manifest is not None
        rows = table(draft.manifest)
        columns = [name for name in rows[0] if name in KINDS]
        used = [row[name] for row in rows for name in columns if row[name]]
        assert len(used) == len(set(used))
        # The counts add up: of what lies there, so many are used and so many are not.
        lies = contents(folder)
        unseen = len([p for p in lies.passed if p.why == "system"]) - unused(draft).get("system", 0)
        assert len(used) + sum(n for why, n in unused(draft).items() if why != "column") + unseen == len(
            {*made.samples, *made.extras}
        )
        # Every sample is used, whole, with its class.
        of = {row[name]: row["label"] for row in rows for name in columns if row[name]}
        assert {path: of.get(path) for path in made.samples} == made.samples
        for row in rows:
            stems = {Path(row[name]).stem for name in columns if row[name]}
            assert len(stems) == 1, "files of one row have one name"
        assert len(rows) == len({(Path(p).stem) for p in made.samples})
        # `check` says the same of the drafted table.
        seen = unnamed(folder, used)
        told_of = Counter({left.why: left.count for left in seen.left})
        known = {why: n for why, n in unused(draft).items() if why in ("system", "ending")}
        assert {why: told_of[why] for why in known} == known
        assert len(used) + len(seen.files) + sum(told_of.values()) + unseen == len({*made.samples, *made.extras})
        assert told(lies.passed) == [left for left in seen.left if left.why == "system"]
    finally:
        shutil.rmtree(folder)
