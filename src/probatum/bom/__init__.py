"""Bills of materials: what a target is made of, written down for others, and compared."""
