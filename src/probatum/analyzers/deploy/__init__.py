"""Analysers of the files that configure what serves a model."""
