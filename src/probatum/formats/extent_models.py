"""Models whose own readers walk them to their last byte (see `extents`)."""

import hashlib
from typing import Any

from probatum.errors import FormatError
from probatum.formats import (
    lightgbm_text,
    msgpack,
    openvino,
    pmml,
    rds,
    torch7,
    ubjson,
    xgboost_model,
)
from probatum.formats.bounds import digest, region
from probatum.formats.strict_json import LARGEST, parsed
from probatum.ports import Material
from probatum.vocabulary import Reason, Undecided

Facts = dict[str, Any]


def msgpack_facts(kind: str, material: Material) -> Facts:
    """One value and nothing behind it."""
    found = msgpack.walked(material)
    _demand_plain(*found.open)
    return {
        "size": material.size,
        "values": found.values,
        "extensions": found.extensions,
        "structure_sha256": found.structure_sha256,
    }


def rds_facts(kind: str, material: Material) -> Facts:
    """One item (or a workspace of them) of data and nothing behind it."""
    found = rds.walked(material)
    _demand_plain(*found.open)
    if found.effects or (found.workspace and found.code):
        raise FormatError(Reason.UNRESOLVED, "it holds code, with which no proof goes on")
    return {
        "claim": "load-inert",
        "size": material.size,
        "items": found.items,
        "structure_sha256": found.structure_sha256,
    }


def torch7_facts(kind: str, material: Material) -> Facts:
    """One object and nothing behind it."""
    found = torch7.walked(material)
    if found.functions:
        raise FormatError(Reason.UNRESOLVED, "it holds Lua byte code, with which no proof goes on")
    return {
        "size": material.size,
        "objects": found.objects,
        "structure_sha256": found.structure_sha256,
    }


def xgboost_facts(kind: str, material: Material) -> Facts:
    """One JSON or UBJSON document and nothing behind it."""
    data = _whole(material)
    text = kind == "xgboost-json"
    found = xgboost_model.checked(parsed(data, "the model") if text else ubjson.parsed(data))
    return {
        "form": "json" if text else "ubjson",
        "size": material.size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "trees": found.trees,
        "nodes": found.nodes,
    }


def lightgbm_facts(kind: str, material: Material) -> Facts:
    """Lines that the format knows, to the last."""
    data = _whole(material)
    found = lightgbm_text.checked(data)
    return {
        "size": material.size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "trees": found.trees,
        "leaves": found.leaves,
    }


def xml_facts(kind: str, material: Material) -> Facts:
    """One root element, and nothing behind it but white space and comments."""
    found = pmml.survey(material) if kind == "pmml" else openvino.survey(material)
    if found.odd is not None:
        _demand_plain(found.odd)
    return {
        "claim": "self-contained",
        "kind": kind,
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "elements": found.elements,
    }


def _whole(material: Material) -> bytes:
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a model of more than {LARGEST} bytes")
    return region(material, 0, material.size)


def _demand_plain(*doubts: Undecided) -> None:
    for doubt in doubts:
        raise FormatError(doubt.reason, doubt.detail, doubt.place)
