from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mmbench import registry
from mmbench.errors import UserError, suggest
from mmbench.registry import AXES, Variant, check_options, collect, get, variant, variants

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
    variants.cache_clear()
    yield tmp_path
    sys.modules.pop("foreign_attention", None)
    variants.cache_clear()


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


def test_a_variant_file_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__init__.py").touch()
    (tmp_path / "broken.py").write_text("def broken(:\n", encoding="utf-8")
    package = type(registry)("broken_axis")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "broken_axis", package)
    with pytest.raises(UserError, match=r"broken_axis/broken.py cannot be imported \(SyntaxError: .*mend or remove it"):
        list(registry._own(package))
