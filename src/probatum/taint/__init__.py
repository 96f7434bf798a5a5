"""Reviews Python code: follows what comes from outside to the calls that it must not reach."""
