"""Calibration errors against torchmetrics and netcal, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmbench.probe.shared.binning import BINS, binned, classwise_error, equal_width, expected_error
from mmbench.probe.shared.temperature import fit_temperature
from mmbench.schema.scores import predictions
from mmbench.schema.task import task_of
from tests.support.saying import drawn

WHY = "oracles are installed by hand"


def said(seed: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    logits, labels = drawn(seed, 3000, classes, 2.0)
    return predictions("classification", logits), labels


@pytest.mark.parametrize(("seed", "classes"), [(0, 3), (1, 10), (2, 2)])
def test_expected_error_is_that_of_torchmetrics(seed: int, classes: int) -> None:
    functional = pytest.importorskip("torchmetrics.functional.classification", reason=WHY)
    p, labels = said(seed, classes)
    found = functional.multiclass_calibration_error(
        torch.from_numpy(p), torch.from_numpy(labels), num_classes=classes, n_bins=BINS, norm="l1"
    )
    assert p.max() < 1
    assert expected_error(p.max(1), (p.argmax(1) == labels).astype(float)) == pytest.approx(float(found), abs=1e-6)


def test_a_confidence_of_one_is_where_torchmetrics_differs() -> None:
    """Its issue 3510: 1.0 is in a bin of its own. Should that be mended there, this test says so."""
    functional = pytest.importorskip("torchmetrics.functional.classification", reason=WHY)
    p = np.array([[1.0, 0.0]] * 4 + [[0.95, 0.05]])
    labels = np.array([0, 0, 0, 1, 0])
    theirs = float(
        functional.multiclass_calibration_error(
            torch.from_numpy(p), torch.from_numpy(labels), num_classes=2, n_bins=BINS, norm="l1"
        )
    )
    sure, right = p.max(1), (p.argmax(1) == labels).astype(float)
    assert expected_error(sure, right) == pytest.approx(0.19, abs=1e-9)
    assert theirs == pytest.approx(0.21, abs=1e-6)
    apart = np.searchsorted(np.linspace(0, 1, BINS + 1), sure, side="right") - 1
    assert binned(sure, right, apart, BINS + 1).error == pytest.approx(theirs, abs=1e-6)
    assert equal_width(sure).tolist() == [BINS - 1] * 5


@pytest.mark.parametrize(("seed", "classes"), [(0, 3), (1, 10)])
def test_expected_error_is_that_of_netcal(seed: int, classes: int) -> None:
    netcal = pytest.importorskip("netcal.metrics", reason=WHY)
    p, labels = said(seed, classes)
    right = (p.argmax(1) == labels).astype(float)
    assert expected_error(p.max(1), right) == pytest.approx(netcal.ECE(bins=BINS).measure(p, labels), abs=1e-6)
    each = [netcal.ECE(bins=BINS).measure(p[:, c], (labels == c).astype(int)) for c in range(classes)]
    assert classwise_error(p, np.eye(classes)[labels]) == pytest.approx(np.mean(each), abs=1e-6)


def test_a_confidence_of_one_is_in_netcals_last_bin() -> None:
    netcal = pytest.importorskip("netcal.metrics", reason=WHY)
    sure, right = np.array([1.0, 1.0, 1.0, 1.0, 0.95]), np.array([1, 1, 1, 0, 1])
    p = np.stack([sure, 1 - sure], 1)
    assert netcal.ECE(bins=BINS).measure(p, 1 - right) == pytest.approx(0.19, abs=1e-6)


def test_temperature_is_that_of_netcal() -> None:
    scaling = pytest.importorskip("netcal.scaling", reason=WHY)
    logits, labels = drawn(4, 2000, 3, 1.8)
    theirs = scaling.TemperatureScaling()
    theirs.fit(predictions("classification", logits), labels)
    found = fit_temperature(task_of("classification", ("a", "b", "c")), logits, labels)
    assert found == pytest.approx(1 / float(np.ravel(theirs.temperature)[0]), rel=2e-3)
