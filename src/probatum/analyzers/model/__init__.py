"""Analysers of model artifacts."""
