#!/usr/bin/env python3
"""Calibrates on a cluster: runs the command over shards of the samples with Dask, merges what they observed, exports.

    tools/calibrate_dask.py MODEL --calibration DIR --scheduler ADDRESS|local -o OUT.circle [--save-stats FILE] -- --grid 36x66

Each file of DIR is a shard. Workers need the command, the model and DIR under the same paths; what they observe comes back
through Dask. A shard whose worker is lost runs again on another one. What the command is told behind "--" (inputs, numbers)
goes to every run of it; the result is byte by byte that of one run over all samples.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

COMMAND = pathlib.Path(__file__).resolve().parent.parent / "build" / "bin" / "gemma4-circle-export"


class CommandFailed(Exception):
    """The command ended with an error of its own: running it again would not help."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def run_command(arguments):
    """(exit code, what it printed)."""
    run = subprocess.run([str(a) for a in arguments], text=True, errors="replace", stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode < 0:
        raise RuntimeError(f"{arguments[0]} was ended by signal {-run.returncode}")
    return run.returncode, run.stderr


def succeed(arguments):
    code, text = run_command(arguments)
    if code > 0:
        raise CommandFailed(code, text.strip())
    return text


def observe(command, model, shard, options):
    """Runs on a worker: exit code, what was printed, and the statistics of one shard as the bytes of their file."""
    with tempfile.TemporaryDirectory() as folder:
        stats = pathlib.Path(folder) / "stats.json"
        code, text = run_command([command, model, "--calibration", shard, "--save-stats", stats, "--quiet", *options])
        return code, text.strip(), stats.read_bytes() if code == 0 else b""


def find_shards(path):
    path = pathlib.Path(path).resolve()
    if path.is_file():
        return [path]
    shards = sorted(p for p in path.glob("*") if p.suffix in (".npz", ".npy"))
    if not shards:
        raise SystemExit(f"error: '{path}' is no folder with .npz or .npy files")
    return shards


@contextlib.contextmanager
def connect(scheduler, workers):
    from distributed import Client, LocalCluster
    if scheduler != "local":
        with Client(scheduler) as client:
            yield client
        return
    with LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            yield client


def observe_all(client, command, model, shards, options, retries):
    """The statistics of all shards in their order."""
    from distributed import as_completed
    # Dask gives the work of a lost worker to another one; `retries` is for tasks that raise, such as for a killed command.
    futures = {client.submit(observe, str(command), str(model), str(shard), options, retries=retries, pure=False): shard
               for shard in shards}
    results = {}
    for future in as_completed(futures):
        shard = futures[future]
        code, text, stats = future.result()
        if code > 0:
            client.cancel(list(futures))
            raise CommandFailed(code, text)
        results[shard] = stats
        print(f"calibration  {len(results)}/{len(shards)} shards  {shard.name}", file=sys.stderr)
    return [results[shard] for shard in shards]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibration", required=True, help="a folder of .npz or .npy files")
    parser.add_argument("--scheduler", required=True, help="a Dask scheduler's address, or local")
    parser.add_argument("-o", "--output", help="the .circle file to write")
    parser.add_argument("--save-stats", help="keep the merged statistics")
    parser.add_argument("--workers", type=int, default=2, help="processes of a local cluster (2)")
    parser.add_argument("--retries", type=int, default=3, help="how often a shard is run again (3)")
    parser.add_argument("--command", default=os.environ.get("G4C_COMMAND", COMMAND), help="the command to run")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    args, options = parser.parse_args(words[:end]), words[end + 1:]
    if not args.output and not args.save_stats:
        parser.error("give -o, --save-stats, or both")
    model = pathlib.Path(args.model).resolve()
    shards = find_shards(args.calibration)
    try:
        with connect(args.scheduler, args.workers) as client:
            parts = observe_all(client, args.command, model, shards, options, args.retries)
        with tempfile.TemporaryDirectory() as folder:
            files = [pathlib.Path(folder) / f"{i}.json" for i in range(len(parts))]
            for file, part in zip(files, parts):
                file.write_bytes(part)
            merged = pathlib.Path(args.save_stats or f"{folder}/merged.json")
            loads = [word for file in files for word in ("--load-stats", file)]
            succeed([args.command, model, *loads, "--save-stats", merged, "--quiet", *options])
            if args.output:
                # The samples are counted already; what looks at more than statistics reads them.
                print(succeed([args.command, model, "--load-stats", merged, "--calibration", args.calibration, "-o",
                               args.output, *options]), end="", file=sys.stderr)
    except CommandFailed as failed:
        print(failed, file=sys.stderr)
        return failed.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
