"""Analysers of what an agent reads and is given: rules, tools, prompts, workflows."""
