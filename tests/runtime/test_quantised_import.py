"""QDQ graphs: quantisation parameters carried over bit by bit, integers executed, findings reported."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import (MODELS, CircleFile, archive, command, export, onert_run, ort_run, run_samples, sample, snr, succeed,
                     tico_verify, valid)

QDQ = ("encoder_tico_u8_qdq_op21", "encoder_tico_i16_qdq_op21")
MISSING = "encoder_tico_u8_qdq_op21_missing"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """{model: (circle file, its audit)}."""
    folder, results = tmp_path_factory.mktemp("qdq"), {}
    for name in (*QDQ, MISSING):
        circle, audit = folder / f"{name}.circle", folder / f"{name}.json"
        succeed(MODELS / f"{name}.onnx", "-o", circle, "--audit", audit)
        results[name] = circle, json.loads(audit.read_text())
    return results


def graph_qparams(name):
    """{value: (scale, zero point, axis)} of the first QuantizeLinear that reads it.

    A pair on the output of another pair says the same again, or stays as a requantisation: it names no value of its own.
    """
    graph = onnx.load(MODELS / f"{name}.onnx").graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    found, restored = {}, {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] not in restored | found.keys():
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            scale, zero = (constants[i] for i in node.input[1:3])
            found[node.input[0]] = np.atleast_1d(scale), np.atleast_1d(zero), axis
    return found, constants


@pytest.mark.parametrize("name", QDQ)
def test_scales_and_zero_points_are_bit_equal(name, exported):
    wanted, _ = graph_qparams(name)
    survivors = [t for t in CircleFile(exported[name][0]).tensors if t.name in wanted and t.scale is not None]
    for tensor in survivors:
        scale, zero, _ = wanted[tensor.name]
        assert tensor.scale.tobytes() == scale.astype(np.float32).tobytes(), tensor.name
        np.testing.assert_array_equal(tensor.zero_point, zero.astype(np.int64), err_msg=tensor.name)
    # Most of them exist in the file too; were names lost, this test would show nothing.
    assert len(survivors) >= 0.7 * len(wanted), f"only {len(survivors)} of {len(wanted)} values were found by name"


@pytest.mark.parametrize("name", QDQ)
def test_every_quantised_value_of_the_file_came_from_the_graph_or_moved_data(name, exported):
    """No invented qparams: the audit gives the origin of each; a QDQ graph has no calibrated ones."""
    origins = {value["origin"] for value in exported[name][1]["values"]}
    assert not origins & {"calibrated", "calibration", "synthetic"}, origins


@pytest.mark.parametrize("name", QDQ)
def test_weights_are_the_integers_of_onnx_runtime(name, exported):
    wanted, constants = graph_qparams(name)
    checked = 0
    for tensor in CircleFile(exported[name][0]).tensors:
        if tensor.name not in wanted or tensor.name not in constants or tensor.data is None:
            continue
        scale, zero, axis = wanted[tensor.name]
        weight = constants[tensor.name]
        scale, zero = (scale, zero) if scale.size > 1 else (scale.reshape(()), zero.reshape(()))
        node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], axis=axis)
        graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, weight.shape)],
                                  [helper.make_empty_tensor_value_info("y")],
                                  [numpy_helper.from_array(scale, "s"), numpy_helper.from_array(zero, "z")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        expected = ort_run(model.SerializeToString(), {"x": weight})["y"]
        stored = tensor.values()
        if stored.shape != expected.shape:
            expected = expected.T
        np.testing.assert_array_equal(stored, expected, err_msg=tensor.name)
        checked += 1
    assert checked >= 14, f"only {checked} weights were found by name"


def evaluate(circle, tmp_path):
    samples = archive("evaluation")
    return run_samples(circle, {"inputs_embeds": samples["inputs_embeds"]}, tmp_path).reshape(16, 63, 64), samples


def test_u8_integers_against_fp32(exported, tmp_path):
    actual, samples = evaluate(exported["encoder_tico_u8_qdq_op21"][0], tmp_path)
    # The graph itself, executed in float by ONNX Runtime, has 13.3 dB.
    assert snr(valid(samples["last_hidden_state"]), valid(actual)) >= 13.0


def test_i16_integers_against_fp32_and_the_graph(exported, tmp_path):
    actual, samples = evaluate(exported["encoder_tico_i16_qdq_op21"][0], tmp_path)
    assert snr(valid(samples["last_hidden_state"]), valid(actual)) >= 29.6
    assert snr(valid(sample("encoder_tico_i16_qdq_op21.evaluation")), valid(actual)) >= 50


@pytest.mark.parametrize("name", QDQ)
def test_float_export_drops_the_pairs(name, tmp_path):
    """The weights are those of the float encoder, and TICO masks padded rows as well, so valid rows agree with fp32."""
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", "--target", "onert")
    (actual,) = onert_run(circle, [sample("inputs_embeds")], tmp_path)
    assert np.abs(valid(actual.reshape(1, 63, 64)) - valid(sample("encoder.expected"))).max() <= 1e-4


@pytest.mark.parametrize("name", QDQ)
def test_audit_of_a_complete_graph_is_clean(name, exported):
    summary = exported[name][1]["summary"]
    assert (summary["missing"], summary["inconsistent"]) == (0, 0)
    assert succeed("audit", exported[name][0]).returncode == 0


@pytest.mark.parametrize("name", QDQ)
def test_strict_accepts_a_complete_graph(name, tmp_path):
    export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--strict")


@pytest.mark.parametrize("name", [*QDQ, MISSING])
def test_tico_accepts_the_file(name, exported):
    result = tico_verify(exported[name][0])
    assert result.returncode == 0, result.stdout


class TestMissing:
    truth = json.loads((MODELS / f"{MISSING}.json").read_text())

    def test_five_values_each_once_with_reason_and_source_line(self, exported):
        findings = [f for f in exported[MISSING][1]["findings"] if f["kind"] == "missing"]
        assert sorted(f["value"] for f in findings) == sorted(self.truth["missing"])
        for finding in findings:
            assert finding["reason"] in ("never-observed", "propagation-stopped"), finding
            assert finding["provenance"]["module"], finding
            stack = finding["provenance"]["stack"]
            assert any(".py" in line and any(c.isdigit() for c in line) for line in stack), finding
            assert finding["nearest"], finding

    def test_the_others_are_filled_as_documented(self, exported):
        circle, audit = exported[MISSING]
        filled = {t.name: t for t in CircleFile(circle).tensors if t.name in self.truth["filled"]}
        for name, how in self.truth["filled"].items():
            assert filled[name].scale is not None, name
            if "softmax" in how:
                assert (filled[name].scale.tolist(), filled[name].zero_point.tolist()) == ([1 / 256], [0])
            else:
                # What a reader that moves data has is what the pair said before it was removed.
                assert filled[name].dtype == "UINT8"
        assert audit["summary"]["inconsistent"] == 0

    def test_strict_exits_3_with_file_and_report_written(self, tmp_path):
        circle, audit = tmp_path / "out.circle", tmp_path / "audit.json"
        run = command(MODELS / f"{MISSING}.onnx", "-o", circle, "--audit", audit, "--strict")
        assert run.returncode == 3
        assert circle.stat().st_size > 0 and json.loads(audit.read_text())["summary"]["missing"] == 5

    def test_values_without_qparams_stay_float(self, exported):
        tensors = {t.name: t for t in CircleFile(exported[MISSING][0]).tensors}
        for name in self.truth["missing"]:
            assert tensors[name].dtype == "FLOAT32", name


def test_audit_finds_the_inconsistent_splits_of_tico(tmp_path):
    run = command("audit", MODELS / "encoder_tico_u8.q.circle", "--json")
    findings = json.loads(run.stdout)["findings"]
    splits = [f for f in findings if f["kind"] == "inconsistent" and f["op"] == "SPLIT_V"]
    assert len(splits) == 8
    assert len({f["value"] for f in splits}) == 8


@pytest.mark.parametrize("options", [("--activation", "u8"), ("--weight", "i8"),
                                     ("--calibration", MODELS / "calibration.npz")])
def test_a_qdq_graph_is_not_quantised_anew_without_requantise(options, tmp_path):
    run = command(MODELS / f"{QDQ[0]}.onnx", "-o", tmp_path / "out.circle", *options)
    assert run.returncode == 1
    assert "--requantise" in run.stderr
    assert not (tmp_path / "out.circle").exists()
