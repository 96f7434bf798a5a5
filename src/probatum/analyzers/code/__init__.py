"""Analysers of source code: one for each kind of call that nobody outside may steer."""
