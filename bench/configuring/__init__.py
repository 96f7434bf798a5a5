"""Configurations that are judged side by side: samples with their harmless twins, and the tools."""
