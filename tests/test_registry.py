from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mmbench import registry
from mmbench.errors import UserError, suggest
from mmbench.registry import AXES, Axis, Option, Variant, check_options, collect, forget, get, variant, variants

CORE = {
    "attention": {"mean", "scaled_dot_product", "additive"},
    "fusion": {"early_concat", "cross_attention", "concat"},
    "architecture": {"independent", "shared", "hybrid"},
}


@pytest.mark.parametrize("axis", CORE)
def test_core_is_what_the_article_defines(axis: str) -> None:
    assert {name for name, v in variants(axis).items() if v.core} == CORE[axis]


@pytest.mark.parametrize("axis", AXES)
def test_every_axis_has_levels_with_names_in_order(axis: str) -> None:
    found = variants(axis)
    assert list(found) == sorted(found)
    assert all(v.name == name for name, v in found.items())


def test_every_file_of_an_axis_holds_one_variant() -> None:
    for axis in ("attention", "fusion", "architecture", "stem", "baseline", "metric"):
        package = Path(registry.__file__).parent / axis
        files = {f.stem for f in package.glob("*.py")} - {"__init__"}
        own = {name for name, v in variants(axis).items() if v.module.startswith("mmbench.")}
        assert files == own


@pytest.mark.parametrize(
    ("axis", "word", "message"),
    [
        (
            "attention",
            "aditive",
            "unknown attention 'aditive' in params.yaml: here; did you mean 'additive'?",
        ),
        ("fusion", "zzz", "unknown fusion 'zzz' in params.yaml: here; known: "),
    ],
)
def test_unknown_names_say_what_was_meant(axis: str, word: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        get(axis, word, where="params.yaml: here")
    assert str(caught.value).startswith(message)


def test_suggest_lists_everything_where_nothing_is_near() -> None:
    assert suggest("q", ["mean", "dot"]) == "; known: mean, dot"


def module(name: str, **contents: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(contents)
    return made


def marked(name: str, home: str) -> type:
    return variant(name, source="s")(type("Made", (), {"__module__": home, "__doc__": "First line.\n\nMore."}))


def test_two_variants_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match="two variants are named 'same': one and two"):
        collect([module("one", A=marked("same", "one")), module("two", B=marked("same", "two"))])


def test_imported_classes_and_subclasses_are_not_collected_again() -> None:
    base = marked("base", "one")
    child = type("Child", (base,), {"__module__": "two"})
    assert list(collect([module("one", A=base), module("two", A=base, B=child)])) == ["base"]
    assert collect([module("one", A=base)])["base"].summary == "First line."


class Takes:
    def __init__(self, heads: int, *, needed: int, width: int = 3) -> None: ...


TAKES = Variant(name="takes", source="", core=False, cls=Takes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"needed": 1, "widht": 2}, "unknown option 'widht' of 'takes' in here; did you mean 'width'?"),
        ({"width": 2}, "'takes' in here needs the option 'needed'"),
    ],
)
def test_options_are_those_of_the_constructor(options: dict[str, int], message: str) -> None:
    with pytest.raises(UserError) as caught:
        check_options(TAKES, options, where="here")
    assert str(caught.value) == message
    check_options(TAKES, {"needed": 1}, where="here")


def test_a_variant_without_options_says_so() -> None:
    with pytest.raises(UserError, match="unknown option 'x' of 'mean' in here; it takes no options"):
        check_options(get("attention", "mean", where=""), {"x": 1}, where="here")


PLUGIN = '''
from mmbench.attention.mean import Mean
from mmbench.registry import variant

@variant("{name}", source="a third party")
class Foreign(Mean):
    """y = mean v, (B, H, M, d) -> (B, H, 1, d)."""
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, with the metadata of a distribution that names the module `foreign_attention`."""
    info = tmp_path / "foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mmbench.attention]\nforeign = foreign_attention\n")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield tmp_path
    sys.modules.pop("foreign_attention", None)
    forget()


def test_another_distribution_adds_a_variant(installed: Path) -> None:
    (installed / "foreign_attention.py").write_text(PLUGIN.format(name="foreign"))
    assert get("attention", "foreign", where="").module == "foreign_attention"
    assert set(variants("attention")) > CORE["attention"]


def test_another_distribution_cannot_take_a_name(installed: Path) -> None:
    (installed / "foreign_attention.py").write_text(PLUGIN.format(name="additive"))
    with pytest.raises(UserError, match=r"two variants are named 'additive': mmbench\.attention\.additive and foreign"):
        variants("attention")


@pytest.mark.parametrize("source", ["import a_module_that_is_not_there", "1 / 0", "def", "raise SystemExit"])
def test_a_distribution_that_cannot_be_imported_is_named(installed: Path, source: str) -> None:
    (installed / "foreign_attention.py").write_text(source)
    with pytest.raises(UserError, match=r"module 'foreign_attention', which an installed package names .*uninstall"):
        variants("attention")
    assert json.dumps(list(variants("fusion"))), "the other axes still work"


def test_an_option_of_the_wrong_type_or_size_is_told_before_anything_runs() -> None:
    additive = get("attention", "additive", where="test")
    check_options(additive, {"score_dim": 2}, where="test")
    with pytest.raises(UserError, match=r"option 'score_dim' of 'additive' in test is -1: .*greater than 0"):
        check_options(additive, {"score_dim": -1}, where="test")
    with pytest.raises(UserError, match="valid integer"):
        check_options(additive, {"score_dim": "4"}, where="test")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package in the place of mmbench.attention."""
    package = tmp_path / "own_axis"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "PACKAGES", {**registry.PACKAGES, "attention": "own_axis"})
    forget()
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "own_axis"]:
        del sys.modules[name]
    forget()


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ("def broken(:", "SyntaxError: "),
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"),
        ("from mmbench.model.interfaces import Attnetion", "ImportError: cannot import name 'Attnetion' from "),
    ],
)
def test_a_variant_file_whose_text_shows_that_it_cannot_be_imported_is_named(own: Path, before: str, why: str) -> None:
    (own / "broken.py").write_text(f"{before}\n{PLUGIN.format(name='broken')}", encoding="utf-8")
    with pytest.raises(UserError, match=rf"own_axis/broken.py cannot be imported \({why}.*correct or remove it"):
        variants("attention")


def test_a_variant_file_that_fails_when_it_runs_is_named_when_it_is_used(own: Path) -> None:
    (own / "broken.py").write_text(f"{PLUGIN.format(name='broken')}\n1 / 0\n", encoding="utf-8")
    found = get("attention", "broken", where="")
    assert found.summary == "y = mean v, (B, H, M, d) -> (B, H, 1, d)."
    with pytest.raises(UserError, match=r"own_axis/broken.py cannot be imported \(ZeroDivisionError: .*correct or"):
        found.cls  # noqa: B018


@pytest.mark.parametrize("axis", AXES)
def test_the_text_of_a_variant_says_what_its_class_says(axis: Axis) -> None:
    for info in variants(axis).values():
        cls = info.cls
        imported = cls.__variant__  # type: ignore[attr-defined]
        assert (info.name, info.source, info.core) == (imported.name, imported.source, imported.core)
        assert (info.module, info.summary) == (cls.__module__, imported.summary)
        for asked in (("family",), ("ordered",), ("origin", "page"), ("origin", "licence")):
            assert info.attribute(*asked) == imported.attribute(*asked)
        found, real = info.options(), imported.options()
        assert list(found) == list(real)
        for name in found:
            assert found[name].default == real[name].default
            assert repr(found[name].annotation) == repr(real[name].annotation)


@pytest.mark.parametrize(
    "source",
    [
        "mark = variant('made', source='s')\nclass Made: ...\nmark(Made)",
        "if True:\n    @variant('made', source='s')\n    class Made: ...",
        "@variant(str('made'), source='s')\nclass Made: ...",
        "@variant(**{'name': 'made', 'source': 's'})\nclass Made: ...",
    ],
)
def test_a_module_whose_text_does_not_show_its_variants_is_imported(own: Path, source: str) -> None:
    (own / "made.py").write_text(f"from mmbench.registry import variant\n{source}\n", encoding="utf-8")
    assert list(variants("attention")) == ["made"]
    assert "own_axis.made" in sys.modules


def test_options_that_the_text_does_not_show_are_those_of_the_class(own: Path) -> None:
    source = """
import dataclasses
from mmbench.registry import variant

def three():
    return 3

@variant("fields", source="s")
@dataclasses.dataclass(kw_only=True)
class Fields:
    width: int = 1

@variant("called", source="s")
class Called:
    def __init__(self, *, width: "int | None" = three()) -> None: ...

class Base:
    def __init__(self, *, depth: int) -> None: ...

@variant("derived", source="s")
class Derived(Base):
    family = "late".title()
"""
    (own / "made.py").write_text(source, encoding="utf-8")
    found = variants("attention")
    assert found["fields"].options()["width"].default == 1
    assert found["called"].options()["width"].default == 3
    assert found["derived"].options()["depth"].default is Option.empty
    assert found["derived"].attribute("family") == "Late"


def test_names_need_no_import_of_what_classes_need() -> None:
    code = (
        "import sys; from mmbench.registry import AXES, get, variants\n"
        "for axis in AXES:\n"
        "    for v in variants(axis).values(): v.summary, v.source, v.options(), v.attribute('family')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "ray", "mlflow", "pandas", "sklearn", "numpy", "pydantic"}
    assert not heavy & set(done.stdout.split())
