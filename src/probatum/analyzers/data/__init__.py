"""Analysers of what data must not hold: credentials."""
