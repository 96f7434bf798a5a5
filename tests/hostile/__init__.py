"""Hostile pickles of our own, written as text, inert, and shown to be live by an oracle."""
