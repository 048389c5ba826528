"""--config, --save-config and --explain: what rules do to the written file, and what wrong ones say."""

import json

import numpy as np
import pytest

from support import GRID, MODELS, CircleFile, archive, command, export, run_samples, snr, succeed, tico_verify, valid

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATED = (*GRID, "--calibration", MODELS / "calibration.npz")


def config(folder, *rules, name="config.json", **defaults):
    path = folder / name
    path.write_text(json.dumps({"schema_version": 1, **defaults, "rules": rules}))
    return path


def accuracy(circle, folder):
    samples = archive("evaluation")
    actual = run_samples(circle, {"inputs_embeds": samples["inputs_embeds"]}, folder).reshape(16, 63, 64)
    return snr(valid(samples["last_hidden_state"]), valid(actual))


def test_rules_reach_the_file(tmp_path):
    rules = config(tmp_path, {"module": "*layers.0.*", "role": "activation", "dtype": "i16"},
                   {"role": "weight", "dtype": "i8", "granularity": "tensor"},
                   {"module": "*layers.1.mlp*", "dtype": "float"},
                   {"module": "*layers.1.self_attn.o_proj*", "symmetric": True})
    audit = tmp_path / "audit.json"
    circle = export(ENCODER, tmp_path / "out.circle", *CALIBRATED, "--config", rules, "--strict", "--audit", audit)
    assert tico_verify(circle).returncode == 0
    assert json.loads(audit.read_text())["summary"]["missing"] == 0
    linears = [(x[0], x[1], y[0]) for op, x, y in CircleFile(circle).operators if op == "FULLY_CONNECTED"]
    assert [w.dtype for _, w, _ in linears] == ["INT8"] * 11 + ["FLOAT32"] * 3
    assert [y.dtype for _, _, y in linears] == ["INT16"] * 7 + ["UINT8"] * 4 + ["FLOAT32"] * 3
    assert all(w.scale.size == 1 for _, w, _ in linears[:11])
    assert linears[10][2].zero_point.tolist() == [128]
    # A layer in 16 bits and an MLP in float cannot be worse than 8 bits everywhere.
    assert accuracy(circle, tmp_path) >= 20


def test_saved_configuration_and_qparams_give_the_same_bytes(tmp_path):
    rules = config(tmp_path, {"module": "*layers.0.*", "dtype": "float"}, {"role": "output", "dtype": "i16"},
                   weight="i8", observer="minmax")
    saved, qparams = tmp_path / "saved.json", tmp_path / "qparams.json"
    first = export(ENCODER, tmp_path / "a.circle", *CALIBRATED, "--config", rules, "--activation", "i8", "--save-config",
                   saved, "--save-qparams", qparams, "--weights-by", "rtn")
    effective = json.loads(saved.read_text())
    assert (effective["activation"], effective["weight"], effective["observer"]) == ("i8", "i8", "minmax")
    second = export(ENCODER, tmp_path / "b.circle", *CALIBRATED, "--config", saved, "--weights-by", "rtn")
    third = export(ENCODER, tmp_path / "c.circle", *GRID, "--qparams", qparams)
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()


def test_no_rules_change_nothing(tmp_path):
    plain = export(ENCODER, tmp_path / "a.circle", *CALIBRATED)
    empty = export(ENCODER, tmp_path / "b.circle", *CALIBRATED, "--config", config(tmp_path))
    assert plain.read_bytes() == empty.read_bytes()


def test_statistics_serve_every_configuration(tmp_path):
    stats = tmp_path / "stats.json"
    rules = config(tmp_path, {"role": "activation", "observer": "mse"}, {"role": "output", "dtype": "float"})
    succeed(ENCODER, *CALIBRATED, "--config", rules, "--save-stats", stats)
    with_rules = stats.read_bytes()
    stats.unlink()
    succeed(ENCODER, *CALIBRATED, "--save-stats", stats)
    assert stats.read_bytes() == with_rules
    export(ENCODER, tmp_path / "a.circle", *GRID, "--load-stats", stats, "--config", rules)


def test_explain(tmp_path):
    rules = config(tmp_path, {"role": "input", "dtype": "i16"})
    run = succeed(ENCODER, *GRID, "--config", rules, "--explain", "inputs_embeds", "--explain", "linear")
    assert run.stdout.startswith("value 'inputs_embeds': i16 by rule 1 {\"role\":\"input\",\"dtype\":\"i16\"}\n")
    assert "value 'linear': u8 by default\n" in run.stdout
    unknown = command(ENCODER, *GRID, "--explain", "nothing")
    assert unknown.returncode == 2 and "no value of that name" in unknown.stderr


@pytest.mark.parametrize("rules, text", [
    ([{"module": "no.such.*", "dtype": "i16"}], "picks nothing"),
    ([{"dtype": "u7"}], "none of u8, i8, i16, float"),
    ([{"colour": "red"}], "unknown key 'colour'"),
    ([{"role": "output", "dtype": "i8"}, {"role": "activation", "dtype": "i16"}], "hidden completely by rule 2"),
])
def test_wrong_rules_are_named(rules, text, tmp_path):
    run = command(ENCODER, "-o", tmp_path / "out.circle", *CALIBRATED, "--config", config(tmp_path, *rules))
    assert run.returncode == 2 and text in run.stderr and "rule 1" in run.stderr
    assert not (tmp_path / "out.circle").exists()


def test_contradictions(tmp_path):
    rules = config(tmp_path, {"role": "input", "dtype": "i16"})
    for options, text in ((("--float",), "exclude --float"),
                          (("--activation", "float", "--weight", "i8"), "--activation float contradicts rule 1"),
                          ((*CALIBRATED[2:], "--mixed", "u8,i16", "--budget", "25%"), "--mixed chooses")):
        run = command(ENCODER, "-o", tmp_path / "out.circle", *GRID, "--config", rules, *options)
        assert run.returncode == 1 and text in run.stderr
    run = command(MODELS / "encoder_tico_u8_qdq_op21.onnx", "-o", tmp_path / "out.circle", "--config", rules)
    assert run.returncode == 1 and "--requantise" in run.stderr


def test_weights_only(tmp_path):
    rules = config(tmp_path, {"module": "*mlp*", "role": "weight", "dtype": "i4"})
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, "--activation", "float", "--weight", "i8", "--config", rules)
    dtypes = [t.dtype for t in CircleFile(circle).tensors]
    assert dtypes.count("INT4") == 6 and dtypes.count("INT8") == 8
    assert np.isfinite(accuracy(circle, tmp_path))
