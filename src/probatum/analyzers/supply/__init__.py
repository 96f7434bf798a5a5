"""Analysers of what software is made of, and who made it."""
