"""tools/bench measures what it says. Ratios of time are for people: a loaded machine must not fail a test."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from support import COMMAND, GRID, MODELS, ROOT, export, ort_run, run_model, sample, valid

BENCH = ROOT / "tools" / "bench"


def bench(tool, *words):
    return subprocess.run([sys.executable, BENCH / tool, *map(str, words)], text=True, capture_output=True, timeout=300)


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


def test_the_encoder_that_benchmarks_make_is_one(tmp_path):
    size = ("--layers", 3, "--hidden", 80, "--heads", 5, "--intermediate", 96, "--patches", 63, "--share")
    assert bench("encoder.py", tmp_path / "encoder.onnx", *size).returncode == 0
    feeds = {"inputs_embeds": np.random.default_rng(3).standard_normal((1, 63, 80), dtype=np.float32),
             "attention_mask": sample("attention_mask"), "pixel_position_ids": sample("pixel_position_ids")}
    circle = export(tmp_path / "encoder.onnx", tmp_path / "out.circle", "--float", *GRID)
    actual = run_model(circle, {"inputs_embeds": feeds["inputs_embeds"]}, tmp_path)["last_hidden_state"]
    expected = ort_run(tmp_path / "encoder.onnx", feeds)["last_hidden_state"]
    # Of the range: f32 sums in another order.
    assert np.abs(valid(actual) - valid(expected)).max() <= 1e-5 * np.ptp(valid(expected))


def test_run_prints_ratios(tmp_path):
    run = bench("run", "--model", MODELS / "encoder_dynamo_op18.onnx", "--grid", "6x9", "--repeat", "1", "--json", "--folder",
                tmp_path, "--command", COMMAND)
    assert run.returncode == 0, run.stderr
    rows = {row["what"]: row for row in json.loads(run.stdout)["rows"]}
    assert {"export float", "export u8 / u8", "export i16 / i4", "verify of float"} <= set(rows)
    for row in rows.values():
        # A verb may have ended before its memory was looked at.
        assert row["wall"] > 0 and row["reference_wall_s"] > 0 and row["peak_bytes"] >= row["anonymous_bytes"] >= 0
    assert rows["export float"]["anonymous_bytes"] > 0


def test_scaling_prints_the_cost_of_each_layer():
    run = bench("scaling", "--most-layers", "2", "--most-heads", "2", "--repeat", "1", "--limit", "100", "--json", "--command",
                COMMAND)
    assert run.returncode == 0, run.stderr
    layers, heads = json.loads(run.stdout)["series"]
    assert [row["count"] for row in layers["rows"]] == [row["count"] for row in heads["rows"]] == [1, 2]
    assert layers["ratio"] == layers["rows"][1]["each"] / layers["rows"][0]["each"]


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_instructions_are_those_of_the_baseline(tmp_path):
    run = bench("instructions", "--command", COMMAND)
    assert run.returncode == 0, run.stdout + run.stderr
    other = json.loads((BENCH / "instructions.json").read_text())
    other["instructions"]["audit"] = int(other["instructions"]["audit"] * 1.2)
    (tmp_path / "other.json").write_text(json.dumps(other))
    run = bench("instructions", "--command", COMMAND, "--baseline", tmp_path / "other.json")
    assert run.returncode == 1 and "error: audit: more than 5% off" in run.stderr
