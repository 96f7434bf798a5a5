"""Fills the blocks of the documentation that show a command's output with that output.

    python -m tools.shown_output           run the commands and write what they print
    python -m tools.shown_output --check   say which pages show something else; exit 1 if any does

A block follows a line `<!-- output of: COMMAND -->`; commands are separated by ` ; `. Those of a
page run one after another in one temporary folder that holds a copy of `examples`, so that one may
read what another wrote. What goes to standard error stands after what goes to standard output.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"(<!-- output of: (.+?) -->\n```[a-z]*\n)(.*?)(?=^```$)", re.DOTALL | re.M)
_TIME_S = 120


def pages() -> list[Path]:
    """Every page that is read by people: the README files and the documentation."""
    return [
        ROOT / "README.md",
        *ROOT.glob("examples/*/README.md"),
        *sorted(ROOT.glob("docs/**/*.md")),
    ]


def shown(page: Path) -> str:
    """The page's text, with each block as its command prints it now."""
    text = page.read_text("utf-8")
    if not _BLOCK.search(text):
        return text
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder, "examples"))
        return _BLOCK.sub(lambda block: block[1] + session(block[2], Path(folder)), text)


def session(commands: str, folder: Path) -> str:
    """Commands as they are typed, each followed by what it prints."""
    return "".join(f"$ {one}\n{printed(one, folder)}" for one in commands.split(" ; "))


def printed(command: str, folder: Path) -> str:
    """What a command prints, and its exit code where that is not 0.

    `probatum` is the one that belongs to the running interpreter.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIME_S,
        check=False,
    )
    said = "".join(line.rstrip() + "\n" for line in (done.stdout + done.stderr).splitlines())
    return said + (f"(exit code {done.returncode})\n" if done.returncode else "")


def main() -> int:
    """Write the pages, or with --check only compare them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    only_compare = asked.parse_args().check
    stale = [page for page in pages() if shown(page) != page.read_text("utf-8")]
    for page in stale:
        if only_compare:
            print(f"{page.relative_to(ROOT)} is stale: run python -m tools.shown_output")
        else:
            page.write_text(shown(page), "utf-8")
    return 1 if stale and only_compare else 0


if __name__ == "__main__":
    sys.exit(main())
