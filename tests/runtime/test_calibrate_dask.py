"""tools/calibrate_dask.py: the result of a cluster is that of one run, also when a worker is killed in the middle."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from support import COMMAND, GRID, MODELS, ROOT, archive, export, succeed

pytest.importorskip("distributed")

SCRIPT = ROOT / "tools" / "calibrate_dask.py"
ENCODER = MODELS / "encoder_dynamo_op18.onnx"


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    for i, part in enumerate(np.split(archive("calibration")["inputs_embeds"], 8)):
        np.savez(folder / f"{i}.npz", inputs_embeds=part)
    return folder


def start(*args, command=COMMAND):
    return subprocess.Popen([sys.executable, SCRIPT, *map(str, args), "--command", str(command), "--", *GRID], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_local_cluster_gives_what_one_run_gives(shards, tmp_path):
    run = start(ENCODER, "--calibration", shards, "--scheduler", "local", "-o", tmp_path / "out.circle", "--save-stats",
                tmp_path / "merged.json")
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    succeed(ENCODER, *GRID, "--calibration", shards, "--save-stats", tmp_path / "one.json")
    assert (tmp_path / "merged.json").read_bytes() == (tmp_path / "one.json").read_bytes()
    one = export(ENCODER, tmp_path / "one.circle", *GRID, "--calibration", shards)
    assert (tmp_path / "out.circle").read_bytes() == one.read_bytes()


def test_a_lost_worker_loses_nothing(shards, tmp_path):
    from distributed import Client, LocalCluster
    log = tmp_path / "started"
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\necho "$PPID" >> "{log}"\nsleep 1\nexec "{COMMAND}" "$@"\n')
    slow.chmod(0o755)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            pids = list(client.run(os.getpid).values())
        assert len(pids) == 2
        run = start(ENCODER, "--calibration", shards, "--scheduler", cluster.scheduler_address, "--save-stats",
                    tmp_path / "merged.json", command=slow)
        deadline = time.monotonic() + 60
        while not (log.exists() and str(pids[0]) in log.read_text().split()):
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.05)
        os.kill(pids[0], signal.SIGKILL)
        _, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    succeed(ENCODER, *GRID, "--calibration", shards, "--save-stats", tmp_path / "one.json")
    assert (tmp_path / "merged.json").read_bytes() == (tmp_path / "one.json").read_bytes()
    # The shard that was lost ran a second time (8 shards and the merging).
    assert len(pathlib.Path(log).read_text().split()) > 9


def test_a_wrong_shard_is_told_once(shards, tmp_path):
    np.savez(shards / "3.npz", inputs_embeds=np.full((1, 63, 64), np.nan, np.float32))
    run = start(ENCODER, "--calibration", shards, "--scheduler", "local", "-o", tmp_path / "out.circle")
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 2 and "3.npz" in errors and "is nan at" in errors
    assert not (tmp_path / "out.circle").exists()
