"""What is left of an answer without some tokens: against a naive version, and wrong versions that the checks find."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from mmbench.data.batches import Example
from mmbench.probe import check_values
from mmbench.probe.faithfulness import Faithfulness
from mmbench.probe.shared import faithful
from mmbench.probe.shared import relevance as by
from mmbench.probe.shared.answer import Answer
from mmbench.probe.shared.embedded import Embedded, embedded
from mmbench.probe.shared.explained import explain
from mmbench.schema.relevance import FAITHFUL, METHODS
from mmbench.schema.task import TaskKind
from tests.probe.test_relevance import OtherModel, some_inputs, some_model, trained
from tests.support import planted_tokens, small


def some(count: int = 8) -> tuple[Embedded, Answer]:
    x = embedded(some_model(), some_inputs(count))
    assert x is not None
    return x, Answer(task=small.spec().task, outputs=x.outputs)


def test_shares_are_of_the_tokens_that_are_there() -> None:
    x, answer = some()
    places = faithful.order(by.occlusion(x, answer), x.mask)
    for share in (*faithful.SHARES, 1.0):
        for name, first in faithful.top(places, x.mask, share).items():
            real = x.mask[name]
            assert (first.sum(1) == (real.sum(1) * share).ceil()).all() and not (first & ~real).any()


def test_the_most_relevant_go_first() -> None:
    relevance, mask = torch.tensor([[0.1, 0.9, 0.5, 7.0]]), torch.tensor([[True, True, True, False]])
    assert faithful.order({"a": relevance}, {"a": mask})["a"].tolist() == [[2, 0, 1, 3]]


def test_another_samples_token_stands_at_its_place() -> None:
    x, _ = some()
    given, there = faithful.donors(x)
    assert there["a"].all() and not x.mask["a"].all()
    for (i, name), t in given.items():
        tokens, mask = x.tokens[i, name], x.mask[name]
        for row in range(len(t)):
            for at in range(t.shape[1]):
                others = [j for j in range(len(t)) if j != row and mask[j, at]]
                assert any(torch.equal(t[row, at], tokens[j, at]) for j in others)


def test_where_no_other_sample_has_a_token_it_is_masked() -> None:
    inputs = dict(some_inputs(3))
    mask = torch.ones(3, 6, dtype=torch.bool)
    mask[1:, 5] = False
    inputs["a"] = Example(values=inputs["a"].values, mask=mask)
    x = embedded(some_model(), inputs)
    assert x is not None
    others = faithful.donors(x)
    assert others[1]["a"][0].tolist() == [True] * 5 + [False]
    tokens, left = faithful._without(x, {n: m.clone() for n, m in x.mask.items()}, "swapped", others)
    assert left["a"].tolist() == [[True] * 5 + [False]] + [[True] * 5 + [False]] * 2
    assert not torch.equal(tokens[0, "a"], x.tokens[0, "a"])


def naive(x: Embedded, answer: Answer, ranking: Mapping[str, Tensor], operator: str) -> list[float]:
    """One sample, one share at a time."""
    given, there = faithful.donors(x)

    def left(i: int, gone: Mapping[str, list[int]]) -> float:
        tokens = {p: t[i : i + 1].clone() for p, t in x.tokens.items()}
        mask = {n: m[i : i + 1].clone() for n, m in x.mask.items()}
        for name, places in gone.items():
            for at in places:
                if operator == "masked" or not there[name][i, at]:
                    mask[name][0, at] = False
                    continue
                for p in tokens:
                    if p[1] == name:
                        tokens[p][0, at] = given[p][i, at]
        with torch.no_grad():
            out = x.run(tokens, mask)
        return float(Answer(task=answer.task, outputs=answer.outputs[i : i + 1]).kept(out))

    rows = []
    for i in range(len(x.outputs)):
        ranked = {
            n: sorted([j for j in range(m.shape[1]) if m[i, j]], key=lambda j, n=n: -float(ranking[n][i, j]))
            for n, m in x.mask.items()
        }
        full, nothing = left(i, {}), left(i, ranked)
        removed, only = [], []
        for share in faithful.SHARES:
            count = {n: int(np.ceil(np.float32(len(r)) * np.float32(share))) for n, r in ranked.items()}
            removed.append(left(i, {n: r[: count[n]] for n, r in ranked.items()}))
            only.append(left(i, {n: r[count[n] :] for n, r in ranked.items()}))
        at = [0, *faithful.SHARES, 1]
        first = faithful.FIRST
        rows.append(
            [
                full - np.mean(removed[:first]),
                full - np.mean(only[:first]),
                np.trapezoid([full, *removed, nothing], at),
                np.trapezoid([nothing, *only, full], at),
            ]
        )
    return [float(v) for v in np.mean(rows, 0)]


def test_all_at_once_is_what_one_at_a_time_gives() -> None:
    x, answer = some()
    ranking = by.occlusion(x, answer)
    found = faithful.faithfulness(x, answer, {"occlusion": ranking, "random": by.at_random(x.mask, 0)})
    expected = [*naive(x, answer, ranking, "masked"), *naive(x, answer, ranking, "swapped")]
    assert len(found["occlusion"]) == len(FAITHFUL)
    assert found["occlusion"] == pytest.approx(expected, abs=1e-5)
    assert found["random"] != pytest.approx(expected, abs=1e-3)


def of_planted(kind: TaskKind) -> dict[str, list[float]]:
    raw = Faithfulness().measure(trained(kind), planted_tokens.splits(kind), planted_tokens.spec(kind), seed=0)
    checked = check_values(Faithfulness.quantities, raw, ("a", "b"))
    return {name.removeprefix("faithfulness_"): x for name, x in checked.items()}  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_good_rankings_beat_a_random_one_under_both_operators(kind: TaskKind) -> None:
    values = of_planted(kind)
    assert set(values) == set(METHODS)
    for operator in ("masked", "swapped"):
        lost, enough, deletion, insertion = (
            FAITHFUL.index(f"{m}, {operator}") for m in ("comprehensiveness", "sufficiency", "deletion", "insertion")
        )
        for method in ("integrated_gradients", "occlusion"):
            assert values[method][lost] > values["random"][lost] + 0.05, (operator, method)
            assert values[method][enough] < values["random"][enough] - 0.05, (operator, method)
            assert values[method][deletion] < values["random"][deletion], (operator, method)
            assert values[method][insertion] > values["random"][insertion], (operator, method)


def test_a_ranking_upside_down_is_worse_than_a_random_one() -> None:
    """What a version that removes the least relevant first would report as faithful."""
    inputs = planted_tokens.splits()["test"].rows(slice(0, 24))[0]
    x = embedded(trained(), inputs)
    assert x is not None
    found = explain(x, planted_tokens.spec(), torch.arange(24), torch.zeros(24)).found
    answer = Answer(task=planted_tokens.spec().task, outputs=x.outputs)
    upside_down = {name: -r for name, r in found["occlusion"].items()}
    values = faithful.faithfulness(x, answer, {"down": upside_down, "random": found["random"]})
    assert values["down"][0] < values["random"][0] and values["down"][2] > values["random"][2]


def test_a_model_without_tokens_has_none() -> None:
    raw = Faithfulness().measure(OtherModel(), small.splits(), small.spec(), seed=0)
    assert set(raw) == set(Faithfulness.quantities) and all(x is None for x in raw.values())
