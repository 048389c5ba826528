"""What the command promises besides its files: reports, dumps, quiet output, the reading verbs."""

import json

import numpy as np
import pytest

from support import GRID, MODELS, CircleFile, archive, command, export, sample, succeed

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATION = ("--calibration", MODELS / "calibration.npz")


def test_report_names_the_file_and_the_audit(tmp_path):
    run = succeed(ENCODER, "-o", tmp_path / "out.circle", *GRID, *CALIBRATION)
    assert "out.circle" in run.stderr
    assert "0 missing" in run.stderr and "0 inconsistent" in run.stderr


def test_no_progress_line_without_a_terminal(tmp_path):
    run = succeed(ENCODER, "-o", tmp_path / "out.circle", *GRID, *CALIBRATION)
    assert "\r" not in run.stderr and "\x1b" not in run.stderr


def test_quiet(tmp_path):
    run = succeed(ENCODER, "-o", tmp_path / "out.circle", *GRID, *CALIBRATION, "--quiet")
    assert run.stderr == "" and run.stdout == ""


def test_audit_files_in_both_forms(tmp_path):
    text, data = tmp_path / "audit.txt", tmp_path / "audit.json"
    export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--audit", text, "--audit", data)
    audit = json.loads(data.read_text())
    assert audit["schema_version"] == 1
    counts = audit["summary"]
    assert counts["values"] == counts["quantised"] + counts["missing"] + counts["not_applicable"]
    assert len(audit["values"]) == counts["values"]
    assert str(counts["quantised"]) in text.read_text()


def test_audit_entries_are_those_of_the_file(tmp_path):
    data = tmp_path / "audit.json"
    circle = CircleFile(export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--audit", data))
    tensors = {t.name: t for t in circle.tensors}
    for value in json.loads(data.read_text())["values"]:
        if value.get("scale"):
            tensor = tensors[value["value"]]
            np.testing.assert_array_equal(np.float32(value["scale"]), tensor.scale)
            np.testing.assert_array_equal(value["zero_point"], tensor.zero_point)


def test_depfile_names_what_was_read(tmp_path):
    depfile = tmp_path / "out.d"
    export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--depfile", depfile)
    text = depfile.read_text()
    assert text.split(":")[0].endswith("out.circle")
    assert "encoder_dynamo_op18.onnx" in text and "calibration.npz" in text


def test_dump_dir(tmp_path):
    plain = export(ENCODER, tmp_path / "a.circle", *GRID, "--float")
    dumped = export(ENCODER, tmp_path / "b.circle", *GRID, "--float", "--dump-dir", tmp_path / "dumps")
    assert plain.read_bytes() == dumped.read_bytes()
    assert len(list((tmp_path / "dumps").iterdir())) > 3


@pytest.mark.parametrize("name", ["encoder_dynamo_op18", "encoder_sdpa_op23", "encoder_torchscript_op17",
                                  "encoder_clipped_op18", "vision_model_dynamic_op21"])
def test_passes_tell_the_truth_about_changes(name, tmp_path):
    export(MODELS / f"{name}.onnx", tmp_path / "out.circle", *GRID, "--float", "--verify-passes")


def test_inspect(tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION)
    assert "FULLY_CONNECTED" in succeed("inspect", circle).stdout
    assert json.loads(succeed("inspect", circle, "--json").stdout)
    assert "SPLIT_V" in succeed("inspect", MODELS / "encoder_tico_u8.q.circle").stdout


def test_no_path_of_this_machine_is_written(tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION)
    data = circle.read_bytes()
    assert str(tmp_path).encode() not in data and b"site-packages" not in data and b".py" not in data


def test_raw_gives_the_stored_integers(tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION)
    np.savez(tmp_path / "in.npz", inputs_embeds=archive("evaluation")["inputs_embeds"][:3])
    succeed("run", circle, "--inputs", tmp_path / "in.npz", "-o", tmp_path / "raw.npz", "--raw")
    succeed("run", circle, "--inputs", tmp_path / "in.npz", "-o", tmp_path / "real.npz")
    (output,) = CircleFile(circle).outputs
    raw, real = (np.load(tmp_path / f)["last_hidden_state"] for f in ("raw.npz", "real.npz"))
    assert (raw.dtype, raw.shape, real.dtype) == (np.uint8, (3, 1, 63, 64), np.float32)
    np.testing.assert_array_equal(real, np.float32(output.scale[0]) * (raw.astype(np.int32) - output.zero_point[0]).astype(np.float32))


def test_run_takes_arrays_by_name(tmp_path):
    by_name = (f"inputs_embeds={MODELS / 'inputs_embeds.npy'}",)
    succeed("run", ENCODER, "--inputs", *by_name, "-o", tmp_path / "out.npz", *GRID)
    actual = np.load(tmp_path / "out.npz")["last_hidden_state"].reshape(63, 64)
    assert np.abs(actual - sample("encoder.expected")[0])[:54].max() <= 1e-4


def test_compare_prints_summary_and_scatter(tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION)
    np.savez(tmp_path / "in.npz", inputs_embeds=archive("evaluation")["inputs_embeds"])
    run = succeed("compare", ENCODER, circle, "--inputs", tmp_path / "in.npz", *GRID)
    for column in ("mean|diff|", "max|diff|", "PEIR", "SNR", "shape", "finite", "last_hidden_state"):
        assert column in run.stdout
    assert run.stdout.count("\n") > 15


def test_compare_of_a_file_with_itself_has_no_difference(tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, "--float")
    np.savez(tmp_path / "in.npz", inputs_embeds=archive("evaluation")["inputs_embeds"])
    run = succeed("compare", circle, circle, "--inputs", tmp_path / "in.npz", "--json", "--min-snr", "200")
    assert json.loads(run.stdout)["cases"][0]["max_abs_diff"] == 0


def test_version_names_the_commit():
    assert command("--version").stdout.strip()


def test_instruction_sets():
    run = command(ENCODER, "--isa", "sse5", "-o", "out.circle")
    assert run.returncode == 1 and all(name in run.stderr for name in ("sse41", "avx", "avx2", "avx512"))
    # Those that this machine lacks are the command line's fault, too.
    for name in ("sse41", "avx", "avx2", "avx512"):
        run = command(ENCODER, "--isa", name, *GRID, "--explain", "inputs_embeds")
        assert run.returncode == 0 or (run.returncode == 1 and "does not have the instruction set" in run.stderr)
