"""Certificate checkers: one module each; the trusted base.

A checker has `holds(facts, read, size)`, which raises Rejected unless the facts are those of the
bytes, and says which claims it decides, so that no report can lend its proofs to another claim:

- its facts name the `claim`, and `holds` demands what that claim asks; or
- whatever `holds` accepts shows one claim, the module's `CLAIM`, or each of its `CLAIMS`.

Where a proof rests on what loading imports, `imports(facts)` names the packages: a file beside the
artifact could be imported in place of one. `probatum.audit.certified` asks for all of this.
Which kinds of artifact a certificate can speak of is in `rules/proofs.json`.
"""
