"""Decides whether loading a TFLite model can run anything its author chose.

An interpreter looks up each operator that the model lists, prepares all of them while loading and
runs all of them on every call. A builtin operator computes on memory. A custom one is code that
the program around the interpreter registers; a Flex one is an operation of TensorFlow itself.

**Proven**: the flatbuffer is sound (`tflite-header`), and every operator is a builtin of
`rules/tflite_schema.toml` or a custom one that TFLite's own resolver carries.

**Refuted**: a Flex operator whose TensorFlow operation has an effect by
`rules/tensorflow_ops.toml` (it reads or writes files, calls Python, ends the process …).

**Undecided**: `missing-summary` names any other custom or Flex operator (what a Flex operator
runs stands in its options, which need not say what its name says), and `unsupported` a builtin
that is not known here. A flatbuffer that is not sound leaves the claim undecided.

Sources: `kernels/register.cc`, `core/interpreter_builder.cc` and `delegates/flex` of TensorFlow.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.tflite import CUSTOM, RESOLVED, Operator, effects, rules, survey
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)


@analyzer(id="tflite-load", claim=LOAD_INERT, accepts={"tflite"})
def tflite_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every operator is TFLite's own."""
    found = survey(material)
    witnesses = [_witness(one) for one in found.operators if _effect(one)]
    if witnesses:
        return Refuted(tuple(witnesses[:20]))
    for one in found.operators:
        if (unknown := _unknown(one)) is not None:
            return unknown
    if found.doubt is not None:
        raise found.doubt
    facts = {
        "claim": LOAD_INERT.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "tables": found.tables,
        "operators": sorted({str(one) for one in found.operators}),
    }
    assumption = "The interpreter resolves the operators of TFLite to TFLite's own kernels."
    return Proven(Certificate("tflite", facts), (assumption,))


def _effect(one: Operator) -> str | None:
    is_flex = one.builtin == CUSTOM and one.custom.startswith("Flex")
    return effects().get(one.custom.removeprefix("Flex")) if is_flex else None


def _witness(one: Operator) -> Witness:
    operation = one.custom.removeprefix("Flex")
    says = f"the operator {one.custom!r} runs TensorFlow's {operation}, which {_effect(one)}"
    return Witness(says, Place(offset=one.at))


def _unknown(one: Operator) -> Undecided | None:
    place = Place(offset=one.at)
    if one.builtin == CUSTOM and one.custom not in RESOLVED:
        says = f"what the custom operator {one.custom!r} does is not known"
        return Undecided(Reason.MISSING_SUMMARY, says, place)
    if one.builtin != CUSTOM and one.builtin not in rules()[1]:
        says = f"the builtin operator {one.builtin} is not known here"
        return Undecided(Reason.UNSUPPORTED, says, place)
    return None
