"""What goes wrong while a file is written leaves the old output as it was, and nothing beside it."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support import COMMAND, GRID, MODELS, ROOT, command, heed_signals, succeed

OLD = b"the old output"
WRITING = 5

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATED = (*GRID, "--calibration", MODELS / "calibration.npz", "--observer", "minmax")


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


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk(model, small_disk):
    out = small_disk / "out.circle"
    out.write_bytes(OLD)
    run = command(model, "-o", out, *GRID, "--float")
    assert run.returncode == WRITING
    assert f"{out}: cannot be written: No space left on device" in run.stderr
    assert unchanged(out)


# ---- the folder for temporary files ----


def spill(out, temporary):
    """An export that keeps its activations in a temporary file."""
    return command(ENCODER, "-o", out, *CALIBRATED, "--spill-above", 0, env={"TMPDIR": str(temporary)})


def test_a_temporary_file_on_a_full_disk(small_disk, out):
    with open(small_disk / "filling", "wb") as filling:
        while filling.write(bytes(4096)) and shutil.disk_usage(small_disk).free > 16384:
            filling.flush()
    run = spill(out, small_disk)
    assert run.returncode == WRITING
    assert f"no temporary file in '{small_disk}'" in run.stderr and "No space left on device" in run.stderr
    assert unchanged(out) and os.listdir(small_disk) == ["filling"]


# Root too cannot make files in /proc.
@pytest.mark.parametrize("temporary, reason", [("absent", "No such file or directory"), ("a file", "Not a directory"),
                                               ("/proc", "No such file or directory")])
def test_no_folder_for_temporary_files(temporary, reason, tmp_path, out):
    (tmp_path / "a file").touch()
    temporary = tmp_path / temporary  # an absolute path stays what it is
    run = spill(out, temporary)
    assert run.returncode == WRITING
    assert f"no temporary file in '{temporary}'" in run.stderr and f"{reason}; set TMPDIR" in run.stderr
    assert unchanged(out) and sorted(os.listdir(tmp_path)) == ["a file", "out"]
    # What needs no temporary file asks for none.
    for options in (CALIBRATED, (*GRID, "--float")):
        succeed(ENCODER, "-o", out, *options, env={"TMPDIR": str(temporary)})
        assert os.listdir(out.parent) == [out.name]


# ---- what is written beside the output ----


@pytest.mark.parametrize("option, name", [("--depfile", "out.d"), ("--audit", "audit.txt"), ("--audit", "audit.json"),
                                          ("--save-qparams", "qparams.json"), ("--save-stats", "stats.json"),
                                          ("--save-config", "rules.json"), ("--sensitivity", "noise.csv")])
def test_no_folder_for_a_file_beside_the_output(option, name, tmp_path, out):
    run = command(ENCODER, "-o", out, *CALIBRATED, option, tmp_path / "absent" / name)
    assert run.returncode == WRITING
    assert f"{tmp_path}/absent/{name}: cannot be written: the folder {tmp_path}/absent does not exist" in run.stderr
    assert unchanged(out) and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("option, name", [("--depfile", "out.d"), ("--audit", "audit.txt")])
def test_a_folder_where_a_file_beside_the_output_should_be(option, name, tmp_path, out):
    (tmp_path / name).mkdir()
    run = command(ENCODER, "-o", out, *GRID, "--float", option, tmp_path / name)
    assert run.returncode == WRITING
    assert f"{tmp_path}/{name}: cannot be written: it is a folder" in run.stderr
    assert unchanged(out) and sorted(os.listdir(tmp_path)) == sorted(["out", name])


def test_an_output_that_cannot_be_written_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "out.circle").mkdir()
    (tmp_path / "audit.txt").write_bytes(OLD)
    run = command(ENCODER, "-o", tmp_path / "out.circle", *GRID, "--float", "--depfile", tmp_path / "out.d",
                  "--audit", tmp_path / "audit.txt", "--audit", tmp_path / "audit.json")
    assert run.returncode == WRITING
    assert f"{tmp_path}/out.circle: cannot be written: it is a folder" in run.stderr
    assert (tmp_path / "audit.txt").read_bytes() == OLD and len(list(tmp_path.iterdir())) == 2
