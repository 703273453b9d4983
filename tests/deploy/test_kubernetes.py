"""The KubeRay manifest and its image: the shape that KubeRay asks for, and in step with the pinned versions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mmbench.cli import cli

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"


@pytest.fixture
def made() -> dict[str, dict[str, Any]]:
    """By kind."""
    found = yaml.safe_load_all((FOLDER / "rayjob.yaml").read_text(encoding="utf-8"))
    return {one["kind"]: one for one in found}


def groups(job: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = job["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def test_the_manifest_has_the_shape_of_a_rayjob(made: dict[str, dict[str, Any]]) -> None:
    job = made["RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    assert {"entrypoint", "rayClusterSpec"} <= set(job["spec"])
    assert all(isinstance(value, str) for group in groups(job) for value in group["rayStartParams"].values())
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", job["metadata"]["name"])
    images = set()
    for group in groups(job):
        (container,) = group["template"]["spec"]["containers"]
        images.add(container["image"])
        # Ray counts cores from the limits; a pod that may take less than it has leaves trials waiting.
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert len(images) == 1, "one environment everywhere"
    for worker in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"] and worker["groupName"]


# The fields of KubeRay's API v1 (its CRD of RayJob), without those of pods, which Kubernetes' own schema checks.
GROUP = {"rayStartParams", "template", "resources", "labels"}
JOB = {
    "activeDeadlineSeconds",
    "backoffLimit",
    "clusterSelector",
    "deletionStrategy",
    "entrypoint",
    "entrypointNumCpus",
    "entrypointNumGpus",
    "entrypointResources",
    "jobId",
    "managedBy",
    "metadata",
    "preRunningDeadlineSeconds",
    "rayClusterSpec",
    "runtimeEnvYAML",
    "shutdownAfterJobFinishes",
    "submissionMode",
    "submitterConfig",
    "submitterPodTemplate",
    "suspend",
    "ttlSecondsAfterFinished",
}
CLUSTER = {
    "authOptions",
    "autoscalerOptions",
    "enableInTreeAutoscaling",
    "gcsFaultToleranceOptions",
    "headGroupSpec",
    "headServiceAnnotations",
    "managedBy",
    "rayVersion",
    "suspend",
    "upgradeStrategy",
    "workerGroupSpecs",
}
HEAD = GROUP | {"enableIngress", "headService", "serviceType"}
WORKER = GROUP | {
    "groupName",
    "idleTimeoutSeconds",
    "maxReplicas",
    "minReplicas",
    "numOfHosts",
    "replicas",
    "scaleStrategy",
    "suspend",
}


def problems(made: dict[str, dict[str, Any]]) -> list[str]:
    """What Kubernetes or KubeRay would refuse, or leave out without a word."""
    job = made["RayJob"]
    cluster = job["spec"]["rayClusterSpec"]
    head, *workers = groups(job)
    parts = [(job["spec"], JOB), (cluster, CLUSTER), (head, HEAD), *((worker, WORKER) for worker in workers)]
    found = [f"no field of KubeRay: {name}" for part, known in parts for name in part.keys() - known]
    whole = [{"count": job["spec"]["backoffLimit"]}, {"count": job["spec"]["ttlSecondsAfterFinished"]}]
    found += [f"{one['count']!r} is no whole number" for one in whole if not isinstance(one["count"], int)]
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **group["template"]} for group in groups(job)
    ]
    for one in [made["PersistentVolumeClaim"], *pods]:
        try:
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{one['kind']}: {error}")
    return found


def test_the_manifest_validates(made: dict[str, dict[str, Any]]) -> None:
    assert problems(made) == []


@pytest.mark.parametrize(
    "plant",
    [
        lambda made: made["RayJob"]["spec"].update(entryPoint="sleep 1"),
        lambda made: groups(made["RayJob"])[1].update(replica=4),
        lambda made: groups(made["RayJob"])[0]["template"]["spec"].update(volume=[]),
        lambda made: groups(made["RayJob"])[1]["template"]["spec"]["containers"][0].update(image=7),
        lambda made: groups(made["RayJob"])[0]["template"]["spec"]["containers"][0]["ports"][0].pop("containerPort"),
        lambda made: made["PersistentVolumeClaim"]["spec"].update(accessModes="ReadWriteOnce"),
        lambda made: made["RayJob"]["spec"].update(backoffLimit="3"),
    ],
)
def test_what_would_be_refused_is_found(made: dict[str, dict[str, Any]], plant: Callable[[Any], object]) -> None:
    plant(made)
    assert problems(made)


def test_only_the_head_has_the_project_and_it_trains_nothing(made: dict[str, dict[str, Any]]) -> None:
    head, *workers = groups(made["RayJob"])
    spec = head["template"]["spec"]
    claim = spec["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert claim == made["PersistentVolumeClaim"]["metadata"]["name"]
    assert spec["containers"][0]["volumeMounts"] == [{"name": spec["volumes"][0]["name"], "mountPath": "/project"}]
    assert "cd /project" in made["RayJob"]["spec"]["entrypoint"] and head["rayStartParams"]["num-cpus"] == "0"
    assert not any("volumes" in worker["template"]["spec"] for worker in workers)


def test_versions_and_commands_exist(made: dict[str, dict[str, Any]]) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.search(r"^ray==(\S+)$", lock, re.MULTILINE)
    assert pinned is not None and made["RayJob"]["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]
    used = re.findall(r"mmbench ([a-z-]+)", made["RayJob"]["spec"]["entrypoint"])
    assert used == ["new"] and set(used) <= set(cli.commands)
    image = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    base = re.search(r"^FROM python:(\d+)\.(\d+)", image, re.MULTILINE)
    least = re.match(r">=(\d+)\.(\d+)", needs)
    assert base is not None and least is not None
    assert tuple(map(int, base.groups())) >= tuple(map(int, least.groups()))
    for source in re.findall(r"^COPY (.+) \S+$", image, re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split())
