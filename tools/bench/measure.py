"""How tools/bench measures a command: in turns with its reference, wall and cpu time, peak memory."""

import os
import statistics
import subprocess
import sys
import threading
import time

POLL_S = 0.005


class Run:
    """One run of a command: seconds, and bytes of memory at their largest."""

    def __init__(self, command, **options):
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
        self.anonymous = self.peak = 0
        watcher = threading.Thread(target=self._watch, args=(process.pid,), daemon=True)
        watcher.start()
        with process.stderr:
            error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watcher.join()
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = max(self.peak, usage.ru_maxrss * 1024)
        if process.returncode != 0:
            sys.exit(f"error: {' '.join(map(str, command))} gave {process.returncode}:\n{error}")

    def _watch(self, pid):
        """RssAnon: what the process allocated, without the pages of mapped files."""
        while True:
            try:
                with open(f"/proc/{pid}/status") as status:
                    fields = dict(line.split(":", 1) for line in status if line.startswith(("RssAnon", "VmHWM")))
            except OSError:
                return
            if not fields:  # it has ended
                return
            self.anonymous = max(self.anonymous, int(fields["RssAnon"].split()[0]) * 1024)
            self.peak = max(self.peak, int(fields["VmHWM"].split()[0]) * 1024)
            time.sleep(POLL_S)


def in_turns(repeat, *sides):
    """Lists of runs, one a side: the sides take turns, so that what disturbs one disturbs all. The first turn warms the
    caches and does not count."""
    runs = [[] for _ in sides]
    for turn in range(repeat + 1):
        for side, results in zip(sides, runs):
            result = side()
            if turn > 0:
                results.append(result)
    return runs


def ratio(ours, reference, field):
    """The median over turns of ours by the reference's."""
    return statistics.median(getattr(a, field) / max(getattr(b, field), 1e-9) for a, b in zip(ours, reference))


def median(runs, field):
    return statistics.median(getattr(run, field) for run in runs)
