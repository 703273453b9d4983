from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbench.data.table.card import Card
from mmbench.errors import UserError
from mmbench.schema.duration import as_seconds
from mmbench.schema.params import Choice, Params, load_params
from mmbench.schema.strict_yaml import load_yaml, parse
from mmbench.schema.trial import TrialConfig
from tests.support import small

DEFAULT = (small.ROOT / "params.yaml").read_text(encoding="utf-8")


def problem(folder: Path, text: str) -> str:
    """What a person is told about this params.yaml, with the path of the file taken off."""
    file = folder / "params.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_params(file)
    return str(caught.value).replace(str(file), "params.yaml")


def edited(before: str, after: str) -> str:
    assert DEFAULT.count(before) == 1, before
    return DEFAULT.replace(before, after)


def test_the_default_is_valid(tmp_path: Path) -> None:
    params = load_params(small.ROOT / "params.yaml")
    assert params.grid.attention == "core"
    assert params.model.width % params.model.heads == 0
    assert all((small.ROOT / "data" / "raw" / name / "dataset.yaml").is_file() for name in params.grid.datasets)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("heads: 2", "heds: 4", "params.yaml: unknown key 'model.heds'; did you mean 'heads'?"),
        ("grid:", "gird:", "params.yaml: unknown key 'gird'; did you mean 'grid'?"),
        ("heads: 2", "", "params.yaml: 'model.heads' is missing"),
        ("{least: 3,", "{lest: 3,", "params.yaml: unknown key 'grid.seeds.lest'; did you mean 'least'?"),
        ("{least: 3,", "{least: 15,", "params.yaml: grid.seeds: most is 12, which is fewer than least, 15"),
        ("{least: 3,", "{least: 1,", "params.yaml: grid.seeds.least is 1: should be greater than or equal to 2"),
        (
            "epochs: auto",
            "epochs: autoo",
            "params.yaml: train.epochs is 'autoo': should be a valid integer, or should be 'auto'",
        ),
        ("confidence: 0.95", "confidence: 0.5", "params.yaml: report.confidence is 0.5: should be greater than 0.5"),
        (
            "confidence: 0.95",
            "confidence: 0.999999999",
            "params.yaml: report.confidence is 0.999999999: should be less than or equal to 0.9999",
        ),
        ("depth: 2", "depth: two", "params.yaml: model.depth is 'two': should be a valid integer"),
        ("depth: 2", "depth: -2", "params.yaml: model.depth is -2: should be greater than 0"),
        ("depth: 2", "depth: 2.5", "params.yaml: model.depth is 2.5: should be a valid integer"),
        ("depth: 2", "depth: yes", "params.yaml: model.depth is True: should be a valid integer"),
        ("depth: 2", "depth:", "params.yaml: model.depth is None: should be a valid integer"),
        ("match_params: false", "match_params: 1", "params.yaml: model.match_params is 1: should be a valid boolean"),
        (
            "match_params: false",
            "match_parms: true",
            "params.yaml: unknown key 'model.match_parms'; did you mean 'match_params'?",
        ),
        ("mlp_ratio: 2 ", "mlp_ratio: 0 ", "params.yaml: model.mlp_ratio is 0: should be greater than 0"),
        ("heads: 2", "heads: 5", "params.yaml: model: width 32 is not a multiple of heads 5"),
        ("clip_norm: 1.0", "clip_norm: .nan", "params.yaml: train.clip_norm is nan: should be a finite number"),
        ("clip_norm: 1.0", "clip_norm: .inf", "params.yaml: train.clip_norm is inf: should be a finite number"),
        (
            "clip_norm: 1.0",
            "clip_norm: 1e0",
            "params.yaml: train.clip_norm is '1e0': should be a valid number (YAML takes 1e0 for text; write 1.0)",
        ),
        (
            "precision: auto",
            "precision: half",
            "params.yaml: train.precision is 'half': should be 'auto', 'float32' or 'bfloat16'",
        ),
        (
            "attention: core",
            "attention: aditive",
            "params.yaml: grid.attention: expected core, full, all, or a list of names such as [mean, additive], "
            "not 'aditive'",
        ),
        (
            "probes: default",
            "probes: calibration",
            "params.yaml: probes: expected default, all, or a list of names such as [calibration, noise], not "
            "'calibration'",
        ),
        (
            "probes: default",
            "probes: [noise, all]",
            "params.yaml: probes: all stands alone, not in a list of names: probes: all",
        ),
        (
            "attention: core",
            "attention: [{additive: 5}]",
            "params.yaml: grid.attention.0.options is 5: should be a valid mapping",
        ),
        (
            "attention: core",
            "attention: [mean, {additive: {}, dot: {}}]",
            "params.yaml: grid.attention.1: expected one `name`, or one `name: {option: value}` an entry",
        ),
        (
            "at_once: auto",
            "at_once: many",
            "params.yaml: sweep.at_once is 'many': should be a valid integer, or should be 'auto'",
        ),
        (
            "time_limit_s: 600",
            "time_limit_s: 1.0e+12",
            "params.yaml: sweep.time_limit_s is 1000000000000.0: should be less",
        ),
        (
            "budgets: [0.5]",
            "budgets: [0.5, 1]",
            "params.yaml: controls.budgets: 1 is no other budget: give multiples of the data set's own, such as 0.5",
        ),
        ("budgets: [0.5]", "budgets: [-2]", "params.yaml: controls.budgets: -2 is no other budget"),
        ("budgets: [0.5]", "budgets: [100]", "params.yaml: controls.budgets: 100 is no other budget"),
        ("budgets: [0.5]", "budgets: [2, 2.0]", "params.yaml: controls.budgets: a budget is named twice"),
        ("budgets: [0.5]", "budgets: 2", "params.yaml: controls.budgets is 2: should be"),
        ("budgets: [0.5]", "budgets: [.nan]", "params.yaml: controls.budgets.0 is nan: should be a finite number"),
        ("budgets: [0.5]", "budgets: [twice]", "params.yaml: controls.budgets.0 is 'twice': should be"),
        ("memory_limit_gb: null", "memory_limit_gb: 0", "params.yaml: sweep.memory_limit_gb is 0: should be greater"),
        ("budget: null", "budget: 30", "params.yaml: sweep.budget: expected a length of time with its unit, such as"),
        ("budget: null", "budget: 30.5", "params.yaml: sweep.budget: expected a length of time with its unit"),
        ("budget: null", "budget: half an hour", "params.yaml: sweep.budget: expected a length of time with its unit"),
        ("budget: null", "budget: 30 min or so", "params.yaml: sweep.budget: expected a length of time with its unit"),
        ("budget: null", "budget: 1:30", "params.yaml: sweep.budget: expected a length of time with its unit"),
        ("budget: null", "budget: 0 min", "params.yaml: sweep.budget is '0 min': should be greater than 0"),
        ("budget: null", "budget: true", "params.yaml: sweep.budget: expected a length of time with its unit"),
    ],
)
def test_bad_settings_are_told_in_one_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    told = problem(tmp_path, edited(before, after))
    assert told.startswith(said)
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "params.yaml is empty or not a mapping; the keys it needs: grid, controls, model, "),
        ("- a", "params.yaml is empty or not a mapping"),
        ("a: [", "params.yaml is not valid YAML: while parsing"),
        ("a: 2001-13-01", "params.yaml is not valid YAML: month must be in 1..12"),
        ("a: !!python/object/apply:os.system [ls]", "params.yaml is not valid YAML: could not determine a constructor"),
        ("!!timestamp x", "params.yaml is not valid YAML"),
        ("[" * 5000, "params.yaml is not valid YAML: maximum recursion"),
        ("a: " + "1" * 5000, "params.yaml is not valid YAML"),
    ],
)
def test_files_that_are_no_settings_are_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    told = problem(tmp_path, text)
    assert told.startswith(said)
    assert "\n" not in told


def test_every_problem_has_a_line_of_its_own(tmp_path: Path) -> None:
    told = problem(tmp_path, edited("depth: 2", "depth: -2").replace("epochs: ", "epocs: ")).splitlines()
    assert [line.split(" ", 1)[1] for line in told] == [
        "model.depth is -2: should be greater than 0",
        "unknown key 'train.epocs'; did you mean 'epochs'?",
    ]


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml is missing; run this in the project's folder"):
        load_params(tmp_path / "nowhere.yaml")
    with pytest.raises(UserError, match="is no regular file"):
        load_params(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not valid YAML"):
        load_params(file)


def test_levels_may_carry_options(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(edited("attention: core", "attention: [mean, {additive: {score_dim: 4}}, {mean: }]"))
    assert load_params(file).grid.attention == (
        Choice(name="mean"),
        Choice(name="additive", options={"score_dim": 4}),
        Choice(name="mean"),
    )


def test_labels() -> None:
    assert Choice(name="additive", options={"b": 1, "a": "x"}).label == "additive(a=x, b=1)"
    assert small.config().name == "scaled_dot_product + concat · independent · small · s0"
    single = small.config(role="single", modalities=("b",), fusion=None, architecture=None)
    assert single.cell == "scaled_dot_product · b alone"
    assert small.baseline("linear").name == "linear baseline · small · s0"


def test_canonical_form_survives_a_round_trip_and_the_order_of_options() -> None:
    one = small.config(attention=Choice(name="x", options={"a": 1, "b": 2.5}))
    two = small.config(attention=Choice(name="x", options={"b": 2.5, "a": 1}))
    assert one.canonical() == two.canonical()
    assert TrialConfig.model_validate_json(one.canonical()) == one


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def loads_or_explains(file: Path, text: str) -> None:
    """The one thing that may be raised is a UserError without a line that is empty."""
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(load_params(file), Params)
    except UserError as error:
        assert all(line.strip() for line in str(error).split("\n"))


@quick
@given(text=st.text(alphabet=st.sampled_from(" \n:-[]{}&*!|>'\"#%@`,?abc01.~\t\x00é"), max_size=60) | st.text())
def test_any_text_loads_or_is_explained(tmp_path: Path, text: str) -> None:
    loads_or_explains(tmp_path / "params.yaml", text)


@quick
@given(content=anything)
def test_any_yaml_loads_or_is_explained(tmp_path: Path, content: Any) -> None:
    loads_or_explains(tmp_path / "params.yaml", yaml.safe_dump(content, allow_unicode=True))


@quick
@given(data=st.data(), value=anything)
def test_the_default_with_anything_anywhere_loads_or_is_explained(
    tmp_path: Path, data: st.DataObject, value: Any
) -> None:
    content = copy.deepcopy(yaml.safe_load(DEFAULT))
    section = data.draw(st.sampled_from(sorted(content)))
    if not isinstance(content[section], dict) or data.draw(st.booleans()):
        content[section] = value
    else:
        content[section][data.draw(st.sampled_from(sorted(content[section])) | st.text(max_size=5))] = value
    loads_or_explains(tmp_path / "params.yaml", yaml.safe_dump(content, allow_unicode=True))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 s", 90),
        ("30 min", 1800),
        ("1 h 30 min", 5400),
        ("1h30min", 5400),
        ("1.5h", 5400),
        ("2 days", 172_800),
        ("1 day 1 s", 86_401),
    ],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert as_seconds(text) == seconds and as_seconds(f" {text} ") == seconds


@pytest.mark.parametrize("text", ["1 min 1 min", "30 min 1 h", "1 day 2 days", "5", "h", "-1 h", "1 h,", "１ h", ""])
def test_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected a length of time with its unit, such as 90 s"):
        as_seconds(text)


def test_a_budget_for_a_race_needs_a_race(tmp_path: Path) -> None:
    with_budget = edited("budget: null", "budget: 1 h")
    assert "sweep.budget ends a race early, and there is none" in problem(
        tmp_path, with_budget.replace("seeds: {least: 3, most: 12}", "seeds: 3")
    )
    (tmp_path / "params.yaml").write_text(with_budget, encoding="utf-8")
    params = load_params(tmp_path / "params.yaml")
    assert params.sweep.budget == 3600
    assert Params.model_validate(params.model_dump()) == Params.model_validate_json(params.model_dump_json()) == params


@pytest.mark.parametrize("name", ["../ledger", "/tmp/x", "a/b", "", ".", " "])
def test_a_data_set_name_is_never_a_path(name: str, tmp_path: Path) -> None:
    raw = yaml.safe_load((small.ROOT / "params.yaml").read_text(encoding="utf-8"))
    raw["grid"]["datasets"] = [name]
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError, match="use letters, digits"):
        load_params(file)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(DEFAULT + "\ntrain: {epochs: 3}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"params.yaml is not valid YAML: 'train' appears twice, in lines \d+ and \d+"):
        load_params(file)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("train.epochs", "epochs: auto", "epochs: 1{}"),
        ("train.learning_rate", "learning_rate: auto", "learning_rate: 1{}"),
        ("tuning.space.dropout.choice.0", "choice: [0.0, 0.1, 0.2]", "choice: [1{}]"),
    ],
)
def test_a_number_that_no_machine_can_take_is_refused(key: str, old: str, new: str, tmp_path: Path) -> None:
    assert problem(tmp_path, edited(old, new.format("0" * 400))).endswith(
        f"{key}: should be a number of at most 15 digits"
    )


def test_a_million_epochs_are_the_most(tmp_path: Path) -> None:
    told = problem(tmp_path, edited("epochs: auto", "epochs: 1000001"))
    assert "train.epochs is 1000001: should be less than or equal to 1000000" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("columns: {photo: image, photo: text}", "'photo' appears twice, in line 1"),
        ("a: {x: 1}\na: {x: 2}", "'a' appears twice, in lines 1 and 2"),
    ],
)
def test_a_key_that_stands_twice_is_told_wherever_it_stands(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "card.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told):
        load_yaml(tmp_path / "card.yaml", ("a",))


@pytest.mark.parametrize("text", ["x: &a [*a]", "x: &a {b: *a}", "x: &a {b: [*a, *a]}"])
def test_what_holds_itself_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.yaml").write_text(text, encoding="utf-8")
    raw = load_yaml(tmp_path / "card.yaml", ("a",))
    with pytest.raises(UserError, match="unknown key 'x'"):
        parse(Card, raw, tmp_path / "card.yaml")
    with pytest.raises(UserError, match="description"):
        parse(Card, {"description": raw["x"]}, tmp_path / "card.yaml")
