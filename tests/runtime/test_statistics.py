"""What calibration observes, as files: split, merged in any order, resumed, refused; and the ranges chosen from it."""

import itertools
import json
import signal
import subprocess
import time

import numpy as np
import pytest

from support import COMMAND, GRID, MODELS, archive, command, export, heed_signals, run_samples, snr, succeed, valid

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATION = MODELS / "calibration.npz"

# SNR in dB of u8/u8 over the 16 evaluation samples and their valid rows, half a decibel below what was measured.
OBSERVERS = {"minmax": 15.2, "percentile": 16.1, "mse": 16.0, "entropy": 15.8, "block": 16.3}


def save_stats(path, calibration, *options):
    succeed(ENCODER, *GRID, "--calibration", calibration, "--save-stats", path, *options)
    return path


def samples_file(folder, *indices):
    path = folder / f"samples_{'_'.join(map(str, indices))}.npz"
    np.savez(path, inputs_embeds=archive("calibration")["inputs_embeds"][list(indices)])
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save_stats(tmp_path_factory.mktemp("whole") / "whole.json", CALIBRATION)


@pytest.mark.parametrize("observer", OBSERVERS)
def test_observers(observer, tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, "--calibration", CALIBRATION, "--observer", observer)
    samples = archive("evaluation")
    actual = run_samples(circle, {"inputs_embeds": samples["inputs_embeds"]}, tmp_path).reshape(16, 63, 64)
    assert snr(valid(samples["last_hidden_state"]), valid(actual)) >= OBSERVERS[observer]


@pytest.mark.parametrize("jobs", ["1", "2", "3"])
def test_same_bytes_for_any_number_of_threads(jobs, whole, tmp_path):
    assert save_stats(tmp_path / "s.json", CALIBRATION, "--jobs", jobs).read_bytes() == whole.read_bytes()


def test_merged_in_any_order_is_one_run(whole, tmp_path):
    shards = [save_stats(tmp_path / f"{i}.json", samples_file(tmp_path, *indices))
              for i, indices in enumerate(([0, 1, 2], [3], range(4, 16)))]
    for i, order in enumerate(itertools.permutations(shards)):
        merged = tmp_path / f"merged_{i}.json"
        succeed(ENCODER, *GRID, *(x for shard in order for x in ("--load-stats", shard)), "--save-stats", merged)
        assert merged.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("observer", ["minmax", "mse"])
def test_export_from_statistics_alone(observer, whole, tmp_path):
    # Other weights than rtn's look at samples, and rewritten weights need samples.
    options = (*GRID, "--observer", observer, "--weights-by", "rtn")
    as_it_is = [x for name in ("norm-gains", "up-down", "value-heads") for x in ("--rewrite", f"{name}=off")]
    ran = export(ENCODER, tmp_path / "a.circle", *options, "--calibration", CALIBRATION, *as_it_is)
    loaded = export(ENCODER, tmp_path / "b.circle", *options, "--load-stats", whole)
    assert ran.read_bytes() == loaded.read_bytes()
    # Whatever they are quantised to: statistics are of the float model.
    export(ENCODER, tmp_path / "c.circle", *GRID, "--load-stats", whole, "--activation", "i16", "--observer", observer)


def test_without_samples_the_block_observer_says_what_it_does(whole, tmp_path):
    run = succeed(ENCODER, "-o", tmp_path / "a.circle", *GRID, "--load-stats", whole)
    assert "exact minima and maxima" in run.stderr
    minmax = export(ENCODER, tmp_path / "b.circle", *GRID, "--load-stats", whole, "--observer", "minmax")
    assert (tmp_path / "a.circle").read_bytes() == minmax.read_bytes()


def test_resuming_runs_only_what_is_missing(whole, tmp_path):
    stats = save_stats(tmp_path / "s.json", samples_file(tmp_path, 5, 0, 9))
    run = succeed(ENCODER, *GRID, "--calibration", CALIBRATION, "--save-stats", stats, "--verbose")
    assert "13 samples run, 3 counted" in run.stderr and "live tensors" in run.stderr
    assert stats.read_bytes() == whole.read_bytes()
    run = succeed(ENCODER, *GRID, "--calibration", CALIBRATION, "--save-stats", stats, "--verbose")
    assert "0 samples run, 16 counted" in run.stderr
    assert stats.read_bytes() == whole.read_bytes()


def test_an_interrupted_file_is_resumed_but_not_loaded(whole, tmp_path):
    stats = save_stats(tmp_path / "s.json", samples_file(tmp_path, 1, 2))
    stats.write_text(stats.read_text().replace('"complete": true', '"complete": false'))
    run = command(ENCODER, *GRID, "--load-stats", stats, "-o", tmp_path / "out.circle")
    assert run.returncode == 2 and "not complete: its run was interrupted after 2 samples" in run.stderr
    save_stats(stats, CALIBRATION)
    assert stats.read_bytes() == whole.read_bytes()


def test_sigint_leaves_what_was_there(tmp_path):
    many = tmp_path / "many.npy"
    np.save(many, np.random.default_rng(0).standard_normal((20000, 63, 64), dtype=np.float32))
    stats = save_stats(tmp_path / "s.json", samples_file(tmp_path, 1))
    before = stats.read_bytes()
    child = subprocess.Popen([COMMAND, ENCODER, *GRID, "--calibration", many, "--save-stats", stats,
                              "-o", tmp_path / "out.circle"], stderr=subprocess.PIPE,
                             preexec_fn=heed_signals)
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGINT
    assert stats.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["many.npy", "s.json", "samples_1.npz"]


def test_statistics_that_do_not_belong(whole, tmp_path):
    def refused(text, model=ENCODER, grid=GRID, stats=whole):
        run = command(model, *grid, "--load-stats", stats, "-o", tmp_path / "out.circle")
        assert run.returncode == 2, run.stderr
        assert text in run.stderr and not (tmp_path / "out.circle").exists()

    def edited(**members):
        path = tmp_path / "edited.json"
        path.write_text(json.dumps(json.loads(whole.read_text()) | members))
        return path

    refused("made for another model", model=MODELS / "encoder_clipped_op18.onnx")
    refused("bound in another way", grid=("--grid", "7x8"))
    refused("made by gemma4-circle-export 0.0.1", stats=edited(tool="gemma4-circle-export 0.0.1"))
    refused("schema_version is not 1", stats=edited(schema_version=2))
    refused("no value 'nothing'", stats=edited(values={"nothing": {}}))
    broken = tmp_path / "broken.json"
    broken.write_text(whole.read_text()[:5000])
    refused("not JSON", stats=broken)
    refused("absent.json", stats=tmp_path / "absent.json")
    # Another file under the name is not written over.
    run = command(ENCODER, *GRID, "--calibration", CALIBRATION, "--save-stats", broken)
    assert run.returncode == 2 and "cannot be resumed" in run.stderr


def test_instruction_sets_do_not_mix(whole, tmp_path):
    if json.loads(whole.read_text())["isa"] == "sse41":
        pytest.skip("this machine has only one instruction set")
    other = save_stats(tmp_path / "other.json", samples_file(tmp_path, 0), "--isa", "sse41")
    assert json.loads(other.read_text())["isa"] == "sse41"
    run = command(ENCODER, *GRID, "--load-stats", whole, "--load-stats", other, "-o", tmp_path / "out.circle")
    assert run.returncode == 2 and "gathered on sse41" in run.stderr
    run = command(ENCODER, *GRID, "--calibration", CALIBRATION, "--save-stats", other)
    assert run.returncode == 2 and "--isa sse41" in run.stderr
    export(ENCODER, tmp_path / "out.circle", *GRID, "--load-stats", other)


def test_a_sample_that_two_files_count_is_said(whole, tmp_path):
    run = succeed(ENCODER, *GRID, "--load-stats", whole, "--load-stats", whole, "--save-stats", tmp_path / "s.json")
    assert "count twice" in run.stderr


@pytest.mark.parametrize("options, text", [
    ((), "-o is needed"),
    (("--save-stats", "s.json"), "needs --calibration"),
    (("--save-stats", "s.json", "--float"), "exclude --float"),
    (("--load-stats", "s.json", "--observer", "block", "-o", "a.circle"), "--observer block runs samples"),
    (("--observer", "maximum", "-o", "a.circle"), "none of minmax, percentile, mse, entropy, block"),
    (("--observer", "mse", "--activation", "float", "-o", "a.circle"), "--observer chooses ranges"),
])
def test_contradictions(options, text):
    run = command(ENCODER, *GRID, *options)
    assert run.returncode == 1 and text in run.stderr


def test_a_sample_with_nan_is_named(tmp_path):
    embeds = archive("calibration")["inputs_embeds"].copy()
    embeds[3, 7, 11] = np.nan
    np.savez(tmp_path / "nan.npz", inputs_embeds=embeds)
    run = command(ENCODER, *GRID, "--calibration", tmp_path / "nan.npz", "--save-stats", tmp_path / "s.json")
    assert run.returncode == 2 and "sample 3 of input 'inputs_embeds' is nan at [0, 7, 11]" in run.stderr
    assert not (tmp_path / "s.json").exists()


# ---- Hessians ----

HESSIAN = ("--stats", "hessian")


@pytest.fixture(scope="module")
def hessians(tmp_path_factory):
    return save_stats(tmp_path_factory.mktemp("hessians") / "h.json", CALIBRATION, *HESSIAN)


def test_hessians_lie_behind_the_same_statistics(whole, hessians):
    text, _, _ = hessians.read_bytes().partition(b"\0")
    told = json.loads(text)
    assert told.pop("hessians") is True and told == json.loads(whole.read_text())


def test_hessians_merged_in_any_order_are_one_run(hessians, tmp_path):
    shards = [save_stats(tmp_path / f"{i}.json", samples_file(tmp_path, *indices), *HESSIAN, "--spill-above", i)
              for i, indices in enumerate(([0, 1, 2], [3], range(4, 16)))]
    for i, order in enumerate(itertools.permutations(shards)):
        merged = tmp_path / f"merged_{i}.json"
        loads = (x for shard in order for x in ("--load-stats", shard))
        succeed(ENCODER, *GRID, *loads, "--save-stats", merged, *HESSIAN)
        assert merged.read_bytes() == hessians.read_bytes()


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_hessians_for_any_number_of_threads(jobs, hessians, tmp_path):
    assert save_stats(tmp_path / "h.json", CALIBRATION, *HESSIAN, "--jobs", jobs).read_bytes() == hessians.read_bytes()


@pytest.mark.parametrize("first", ["with", "without", "interrupted"])
def test_hessians_are_resumed(first, hessians, tmp_path):
    stats = save_stats(tmp_path / "h.json", samples_file(tmp_path, 5, 0, 9), *(HESSIAN if first == "with" else ()))
    if first == "interrupted":
        stats.write_text(stats.read_text().replace('"complete": true', '"complete": false'))
    assert save_stats(stats, CALIBRATION, *HESSIAN).read_bytes() == hessians.read_bytes()


def test_hessians_that_are_missing(whole, hessians, tmp_path):
    run = command(ENCODER, *GRID, "--load-stats", whole, "--weights-by", "gptq", "-o", tmp_path / "out.circle")
    assert run.returncode == 2 and "gather them with --stats hessian" in run.stderr
    run = command(ENCODER, *GRID, "--load-stats", whole, "--load-stats", hessians, "--save-stats", tmp_path / "s.json", *HESSIAN)
    assert run.returncode == 2 and "samples that they have no Hessians of" in run.stderr
    run = command(ENCODER, *GRID, "--load-stats", hessians, "--save-stats", tmp_path / "s.json")
    assert run.returncode == 2 and "drops without --stats hessian" in run.stderr
    cut = tmp_path / "cut.json"
    cut.write_bytes(hessians.read_bytes()[:-16])
    run = command(ENCODER, *GRID, "--load-stats", cut, "-o", tmp_path / "out.circle")
    assert run.returncode == 2 and "cut.json" in run.stderr and "of Hessians it has" in run.stderr
    run = command(ENCODER, *GRID, *HESSIAN, "--calibration", CALIBRATION, "-o", tmp_path / "out.circle")
    assert run.returncode == 1 and "--save-stats" in run.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.json"]
