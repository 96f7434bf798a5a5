"""Probatum: every verdict is proven with a certificate, refuted with a witness, or undecided."""

__version__ = "0.1.0"
