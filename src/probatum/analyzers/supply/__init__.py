"""Analysers of where software and models come from."""
