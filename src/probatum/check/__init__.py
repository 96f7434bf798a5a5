"""Certificate checkers: one module each, `holds(facts, read, size)`; the trusted base."""
