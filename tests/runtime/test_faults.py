"""What goes wrong while a file is written leaves the old output as it was, and nothing beside it."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support import COMMAND, GRID, ROOT, command, heed_signals

OLD = b"the old output"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Large enough that something can happen while it is written: 90 MB."""
    path = tmp_path_factory.mktemp("model") / "encoder.onnx"
    subprocess.run([sys.executable, ROOT / "tools" / "bench" / "encoder.py", path, "--layers", "8", "--hidden", "512", "--heads", "8",
                    "--intermediate", "2048", "--patches", "63"], check=True)
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "out.circle"
    path.write_bytes(OLD)
    return path


def unchanged(out):
    return out.read_bytes() == OLD and os.listdir(out.parent) == [out.name]


def stopped_while_writing(model, out):
    """The export, stopped when its temporary file is there; None where it was too quick."""
    process = subprocess.Popen([COMMAND, model, "-o", out, *GRID, "--float", "--quiet", "--jobs", "1"], text=True,
                               stderr=subprocess.PIPE, preexec_fn=heed_signals)
    while process.poll() is None and len(os.listdir(out.parent)) < 2:
        time.sleep(0.0005)
    process.send_signal(signal.SIGSTOP)
    if process.poll() is None and not unchanged(out):
        return process
    process.send_signal(signal.SIGCONT)
    process.wait()
    out.write_bytes(OLD)
    return None


def caught_while_writing(model, out):
    for _ in range(20):
        process = stopped_while_writing(model, out)
        if process is not None:
            return process
    pytest.fail("the export was never caught while it wrote")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_nothing(number, model, out):
    process = caught_while_writing(model, out)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == -number
    assert unchanged(out)


def test_weights_that_are_cut_off_while_they_are_read(model, out, tmp_path):
    copy = tmp_path / model.name
    for suffix in ("", ".data"):
        shutil.copy(f"{model}{suffix}", f"{copy}{suffix}")
    process = caught_while_writing(copy, out)
    os.truncate(f"{copy}.data", 0)
    process.send_signal(signal.SIGCONT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2, error
    assert error.splitlines()[-1].endswith("encoder.onnx.data: was cut off while it was read"), error
    assert unchanged(out)


def test_a_full_disk(model, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        out = pathlib.Path(disk) / "out.circle"
        out.write_bytes(OLD)
        run = command(model, "-o", out, *GRID, "--float")
        assert run.returncode == 5
        assert f"{out}: cannot be written: No space left on device" in run.stderr
        assert unchanged(out)
    finally:
        subprocess.run(["umount", disk], check=True)
