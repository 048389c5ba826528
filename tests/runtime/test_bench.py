"""tools/bench measures what it says. Ratios of time are for people: a loaded machine must not fail a test."""

import json
import subprocess
import sys

from support import COMMAND, ROOT


def test_forward_prints_ratios_and_agrees_with_onnxruntime():
    run = subprocess.run([sys.executable, ROOT / "tools" / "bench" / "forward", "--samples", "2", "--repeat", "3", "--json",
                          "--worker", COMMAND.parent / "bench_worker"], text=True, capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["schema_version"] == 1
    assert [side["engine"] for side in result["sides"]] == ["ours", "onnxruntime"]
    assert all(len(side["walls_s"]) == 3 and side["wall_s"] > 0 and side["cpu_s"] > 0 for side in result["sides"])
    assert result["ratios"]["wall"] > 0 and result["ratios"]["cpu"] > 0
    assert result["ratios"]["peak_resident"] > 0
    assert result["largest_difference_of_range"] < 1e-4


def test_forward_says_which_side_stopped(tmp_path):
    run = subprocess.run([sys.executable, ROOT / "tools" / "bench" / "forward", "--model", tmp_path / "none.onnx",
                          "--worker", COMMAND.parent / "bench_worker"], text=True, capture_output=True, timeout=120)
    assert run.returncode == 1
    assert "error: ours stopped" in run.stderr
