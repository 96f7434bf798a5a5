"""What every test can rely on, however the tests were started."""

import os
import signal

from hypothesis import settings

# A shell's background job ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is installed on this machine must not decide what a test finds.
os.environ["PROBATUM_DATA"] = "/nonexistent"

# How long an example takes tells how busy the machine is; budgets are kept by CPU time elsewhere.
settings.register_profile("probatum", deadline=None)
settings.load_profile("probatum")
