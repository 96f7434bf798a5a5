"""Runs one installed command line on many files, each in a forked child: run by a tool's Python.

    python drive.py SCRIPT LIMIT_S FILES.json OUT.json ARGUMENT...

Each child calls the entry point of the console script SCRIPT as the shell would, with `{file}` in
the arguments replaced. Only the interpreter's start and the first import are shared, which
is what makes thousands of runs affordable; they are left out of the CPU time, alike for all tools.
OUT.json gets one [exit code, CPU seconds] per file: 70 stands for an exception that nothing
caught, -1 for a run that was stopped at the time limit.
"""

import json
import os
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import TIMEOUT, end, ended

UNCAUGHT = 70


def main() -> None:
    script, limit, files, out, *arguments = sys.argv[1:]
    (entry,) = entry_points(group="console_scripts", name=script)
    command = entry.load()
    outcomes = []
    for file in json.loads(Path(files).read_text()):
        argv = [script, *(word.replace("{file}", file) for word in arguments)]
        outcomes.append(_forked(command, argv, float(limit)))
    Path(out).write_text(json.dumps(outcomes))


def _forked(command, argv: list[str], limit_s: float) -> tuple[int, float]:  # type: ignore[no-untyped-def]
    pid = os.fork()
    if pid == 0:
        os.setsid()
        _child(command, argv)
    in_time = ended(pid, time.monotonic() + limit_s)
    if not in_time:
        end(pid)
    _, status, used = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status) if in_time else TIMEOUT
    return code, round(used.ru_utime + used.ru_stime, 4)


def _child(command, argv: list[str]) -> None:  # type: ignore[no-untyped-def]
    """Never returns: the child ends with the exit code that the command would have had."""
    code = UNCAUGHT
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        sys.argv = argv
        returned = command()
        code = returned if isinstance(returned, int) else 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    finally:  # whatever else it raised ends in UNCAUGHT
        os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
