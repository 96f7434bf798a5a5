"""Open a target, plan its claims, judge each, report."""
