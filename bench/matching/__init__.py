"""Advisories: what is compared, and the scripts that Probatum's Python runs for it."""
