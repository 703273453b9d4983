"""A real Slurm of one node, this machine, in a folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import joblib
import psutil

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,sched_interval=1
# A job that is queued again begins at once, not after two minutes.
KillWait=20
MinJobAge=300
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    lacks = [name for name in PROGRAMS if _find(name) is None]
    return f"Slurm is not installed (Debian: slurm-wlm): no {lacks[0]}" if lacks else None


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()
    if process.poll() is None:
        process.kill()
        process.wait(20)


class Slurm:
    """What a person does with it. env: for its commands."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env

    def submit(self, project: Path, *arguments: str | Path, **more: str) -> str:
        """The number of the job. more: environment of the job."""
        command = ["sbatch", "--parsable", *map(str, arguments)]
        done = subprocess.run(command, cwd=project, env=self.env | more, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().partition(";")[0]

    def show(self, job: str) -> str:
        """Everything that is known of a job and its tasks."""
        command = ["scontrol", "show", "job", job]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout

    def signal(self, job: str, name: str) -> None:
        """To the batch shell alone, as `--signal=B:` does."""
        subprocess.run(["scancel", "--batch", f"--signal={name}", job], env=self.env, check=True)

    def wait(self, job: str, seconds: float) -> str:
        """What is known of a job when it and all its tasks have ended."""
        end = time.monotonic() + seconds
        going = ("JobState=PENDING", "JobState=RUNNING", "JobState=COMPLETING", "JobState=CONFIGURING")
        while any(state in (told := self.show(job)) for state in going):
            assert time.monotonic() < end, told
            time.sleep(0.5)
        return told


@contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """A controller and a node daemon, which end with the block."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    conf = folder / "slurm.conf"
    memory = int(psutil.virtual_memory().total / 2**20 * 0.9)
    host, ports = socket.gethostname().partition(".")[0], (_free_port(), _free_port())
    conf.write_text(
        CONF.format(
            host=host,
            port=ports[0],
            node_port=ports[1],
            user=getpass.getuser(),
            folder=folder,
            cpus=joblib.cpu_count(),
            memory=memory,
        )
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "RAY_"))}
    slurm = Slurm(kept | {"SLURM_CONF": str(conf)})
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("slurmctld", "slurmd"):
            program = _find(name)
            assert program is not None
            daemons.append(subprocess.Popen([program, "-D", "-f", str(conf)], env=slurm.env, **quiet))  # type: ignore[call-overload]
        end = time.monotonic() + 60
        while True:
            told = subprocess.run(
                ["sinfo", "-h", "-o", "%T"], env=slurm.env, capture_output=True, text=True, check=False
            )
            if told.stdout.strip() == "idle":
                break
            logs = "".join(f.read_text(errors="replace")[-1500:] for f in folder.glob("*.log"))
            assert time.monotonic() < end, f"Slurm does not come up: {told.stdout} {told.stderr}\n{logs}"
            time.sleep(0.5)
        yield slurm
    finally:
        for daemon in reversed(daemons):
            _end(daemon)
