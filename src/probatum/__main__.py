"""`python -m probatum`: the same as `probatum`."""

import sys

# `python -m` puts the current directory first, and what is audited often lies there: its files
# must not stand in for the modules that are imported from here on.
if not sys.flags.safe_path and sys.path:
    del sys.path[0]

from probatum.cli.main import run

run()
