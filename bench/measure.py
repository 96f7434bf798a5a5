"""What one command costs: processor time and peak memory of it and of all it starts."""

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

Command = tuple[list[str], dict[str, str]]
"""A command line with the environment it runs in."""

TIMEOUT = -1
"""The exit code recorded for a command that was stopped at its time limit."""


@dataclass(frozen=True)
class Cost:
    """One run: exit code, CPU and wall seconds, MB of the largest process and of all at once.

    `all_mb` is sampled ten times a second as the proportional share of each process, so that
    pages that forked workers share count once; 0 where it was not asked for.
    """

    code: int
    cpu_s: float
    wall_s: float
    peak_mb: float
    all_mb: float = 0.0


def cost(
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    *,
    limit_s: float = 600,
    memory: bool = False,
    output: Path | None = None,
) -> Cost:
    """Run the command once in `folder`; at `limit_s` of wall time it and all it started end."""
    began = time.monotonic()
    with open(output or os.devnull, "wb") as written:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    pid = process.pid
    all_mb, in_time = _waited(pid, began + limit_s, memory)
    if not in_time:
        end(pid)
    _, status, used = os.wait4(pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # it was waited for: no second time
    return Cost(
        code=process.returncode if in_time else TIMEOUT,
        cpu_s=used.ru_utime + used.ru_stime,
        wall_s=time.monotonic() - began,
        peak_mb=used.ru_maxrss / 1024,
        all_mb=all_mb,
    )


def least(runs: list[Command], folder: Path, *, rounds: int, limit_s: float) -> list[Cost]:
    """Of each command the run that took the least CPU: other work can only add to it.

    The commands take turns, so that a slow minute of the machine falls on all of them.
    """
    best: list[Cost | None] = [None] * len(runs)
    for _ in range(rounds):
        for number, (command, environment) in enumerate(runs):
            known = best[number]
            if known is None or known.code != TIMEOUT:
                one = cost(command, environment, folder, limit_s=limit_s)
                late = one.code == TIMEOUT or known is None
                best[number] = one if late else min(known, one, key=lambda run: run.cpu_s)
    return [one for one in best if one is not None]


def end(pid: int) -> None:
    """End a child and all of its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def ended(pid: int, until: float) -> bool:
    """Wait for a child, not yet reaping it, until a moment of the monotonic clock."""
    descriptor = os.pidfd_open(pid)
    try:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(max(0.0, until - time.monotonic()) * 1000))
    finally:
        os.close(descriptor)


def _waited(pid: int, until: float, memory: bool) -> tuple[float, bool]:
    if not memory:
        return 0.0, ended(pid, until)
    most = 0.0
    while time.monotonic() < until:
        most = max(most, sum(map(_share_mb, _session(pid))))
        if ended(pid, min(until, time.monotonic() + 0.1)):
            return most, True
    return most, False


def _session(leader: int) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(process.name)) == leader:
                    found.append(int(process.name))
    return found


def _share_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
