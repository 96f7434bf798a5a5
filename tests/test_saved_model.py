"""What the TensorFlow reader, its analysers and its checker promise, on graphs assembled here."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.saved_model_load import saved_model_load
from probatum.analyzers.model.saved_model_run import saved_model_run
from probatum.errors import FormatError
from probatum.formats.tensorflow_reach import known
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Refuted, Undecided, Verdict

ANALYZERS = (saved_model_load, saved_model_run)


def number(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def field(at: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return number(at << 3) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(at << 3 | 2) + number(len(data)) + data


def node(name: str, op: str, *inputs: str, call: str = "", device: str = "") -> bytes:
    made = field(1, name) + field(2, op) + b"".join(field(3, one) for one in inputs)
    made += field(4, device) if device else b""
    if call:
        made += field(5, field(1, "f") + field(2, field(10, field(1, call))))
    return made


def function(name: str, *nodes: bytes, argument: str = "x") -> bytes:
    signature = field(1, name) + field(2, field(1, argument) + field(3, 7))
    return field(1, signature) + b"".join(field(3, one) for one in nodes)


def graph(*nodes: bytes, functions: tuple[bytes, ...] = ()) -> bytes:
    library = b"".join(field(1, one) for one in functions)
    return b"".join(field(1, one) for one in nodes) + (field(2, library) if library else b"")


def saver(save: str, restore: str) -> bytes:
    return field(3, field(1, "path:0") + field(2, save) + field(3, restore))


def signature(tensor: str, key: str = "serving_default") -> bytes:
    output = field(1, "y") + field(2, field(1, tensor))
    return field(5, field(1, key) + field(2, field(2, output) + field(3, "predict")))


def asset(tensor: str, filename: str) -> bytes:
    return field(6, field(1, field(1, tensor)) + field(2, filename))


def objects(metadata: str = "", functions: tuple[str, ...] = (), child: str = "") -> bytes:
    held = field(1, field(1, 1) + field(2, child)) if child else b""
    user = field(4, field(1, "_tf_keras_layer") + (field(3, metadata) if metadata else b""))
    named = b"".join(field(1, one) for one in functions)
    nodes = field(1, held + user) + field(1, field(6, named) if child else b"")
    listed = b"".join(field(2, field(1, one) + field(2, b"")) for one in functions if not child)
    return field(7, nodes + listed)


def model(graph_def: bytes, *rest: bytes) -> bytes:
    return field(1, 1) + field(2, field(2, graph_def) + b"".join(rest))


SAVE = function("save", node("s", "SaveV2", "x", "x"), node("m", "MergeV2Checkpoints", "s", "x"))
RESTORE = function("restore", node("r", "RestoreV2", "x", "x"))
SMALL = model(
    graph(
        node("path", "Placeholder"),
        node("x", "Placeholder"),
        node("y", "PartitionedCall", "x", call="body"),
        node("save", "StatefulPartitionedCall", "path", call="save"),
        node("restore", "StatefulPartitionedCall", "path", call="restore"),
        functions=(function("body", node("r", "Relu", "x")), SAVE, RESTORE),
    ),
    saver("save:0", "restore"),
    signature("y:0"),
    objects('{"class_name": "Dense", "config": {"activation": "relu"}}', ("body",)),
)


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "saved-model")
    assert certificate.facts["nodes"] == 9
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL)))


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, data, "saved-model")
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    for start in (b"", b"\x0a", b"\x08\x01\x12"):
        verdict = verdict_on(saved_model_run, start + data, "saved-model")
        if isinstance(verdict, Proven):
            check(verdict.certificate, start + data)


def test_a_frozen_graph_of_pure_operations_is_proven() -> None:
    data = graph(node("x", "Placeholder"), node("y", "MatMul", "x", "x"))
    for analyzer in ANALYZERS:
        certificate_of(analyzer, data, "saved-model")


def test_a_file_written_in_the_function_of_a_signature_is_refuted_when_run() -> None:
    body = function("body", node("w", "WriteFile", "x", "x"))
    called = node("y", "StatefulPartitionedCall", "x", call="body")
    data = model(graph(node("x", "Placeholder"), called, functions=(body,)), signature("y:0"))
    verdict = verdict_on(saved_model_run, data, "saved-model")
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.part == "body/w"
    assert isinstance(verdict_on(saved_model_load, data, "saved-model"), Undecided)


def test_a_file_read_by_an_initialiser_is_refuted_when_loaded() -> None:
    collected = field(4, field(1, "saved_model_main_op") + field(2, field(1, field(1, "init"))))
    data = model(graph(node("p", "Const"), node("init", "ReadFile", "p")), collected)
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, data, "saved-model")
        assert isinstance(verdict, Refuted)
    started = model(graph(node("p", "Const"), node("i", "ReadFile", "p")),
                    signature("i:0", "__saved_model_init_op"))  # fmt: skip
    assert isinstance(verdict_on(saved_model_load, started, "saved-model"), Refuted)


def test_a_resource_whose_initialiser_calls_python_is_refuted_when_loaded() -> None:
    body = function("start", node("p", "PyFunc", "x"))
    held = objects(functions=("start",), child="_initialize")
    data = model(graph(node("x", "Placeholder"), functions=(body,)), held)
    assert isinstance(verdict_on(saved_model_load, data, "saved-model"), Refuted)


def test_an_effect_that_nothing_runs_stays_undecided() -> None:
    data = model(graph(node("p", "Const"), node("w", "WriteFile", "p", "p")))
    for analyzer in ANALYZERS:
        assert isinstance(verdict_on(analyzer, data, "saved-model"), Undecided)


def test_an_operation_outside_the_registry_stays_undecided_by_name() -> None:
    verdict = verdict_on(saved_model_run, graph(node("x", "MyOwnKernel")), "saved-model")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MISSING_SUMMARY
    assert "MyOwnKernel" in verdict.detail


def test_a_checkpoint_restored_from_a_path_in_the_graph_stays_undecided() -> None:
    data = model(graph(node("p", "Const"), node("r", "RestoreV2", "p")), saver("", "r"))
    assert isinstance(verdict_on(saved_model_load, data, "saved-model"), Undecided)


def test_a_checkpoint_written_by_a_signature_is_refuted() -> None:
    data = model(graph(node("x", "Placeholder"), node("s", "SaveV2", "x")), signature("s:0"))
    assert isinstance(verdict_on(saved_model_run, data, "saved-model"), Refuted)


def test_a_vocabulary_from_an_asset_is_proven_and_from_elsewhere_is_not() -> None:
    nodes = (node("f", "Const"), node("t", "InitializeTableFromTextFileV2", "h", "f"),
             node("h", "HashTableV2"))  # fmt: skip
    certificate_of(saved_model_load, model(graph(*nodes), asset("f:0", "v.txt")), "saved-model")
    assert isinstance(verdict_on(saved_model_load, model(graph(*nodes)), "saved-model"), Undecided)
    away = model(graph(*nodes), asset("f:0", "../../v.txt"))
    assert isinstance(verdict_on(saved_model_load, away, "saved-model"), Undecided)


def starting(bound: bytes, filename: str = "") -> bytes:
    """A table whose initialiser reads the file in its argument, bound to the second object."""
    body = function("start", node("t", "InitializeTableFromTextFileV2", "h", "x"))
    held = field(1, field(1, field(1, 2) + field(2, "_initialize")))
    held += field(1, bound) + field(1, field(6, field(1, "start")))
    held += field(2, field(1, "start") + field(2, field(2, b"\x01")))
    rest = (asset("a:0", filename),) if filename else ()
    return model(graph(node("a", "Const"), functions=(body,)), *rest, field(7, held))


def test_a_path_bound_by_the_object_graph_is_proven_only_as_an_asset() -> None:
    certificate_of(saved_model_load, starting(field(5, b""), "v.txt"), "saved-model")
    constant = starting(field(9, field(1, "a")))
    assert isinstance(verdict_on(saved_model_load, constant, "saved-model"), Undecided)


def test_an_asset_s_path_may_lie_in_a_variable_that_nothing_else_reaches() -> None:
    nodes = (
        node("a", "Placeholder"), node("v", "VarHandleOp"), node("w", "AssignVariableOp", "v", "a"),
        node("r", "ReadVariableOp", "v", "^w"), node("h", "HashTableV2"),
        node("t", "InitializeTableFromTextFileV2", "h", "r"),
    )  # fmt: skip
    certificate_of(saved_model_load, model(graph(*nodes)), "saved-model")
    named = field(5, field(1, "shared_name") + field(2, field(2, "v")))
    for other in (
        node("w2", "AssignVariableOp", "v", "p"),
        node("c", "PartitionedCall", "v", call="f"),
        node("v2", "VarHandleOp") + named,
    ):
        data = model(graph(*nodes, node("p", "Const"), other))
        assert isinstance(verdict_on(saved_model_load, data, "saved-model"), Undecided)


def test_a_path_that_one_caller_of_a_function_makes_itself_stays_undecided() -> None:
    call = node("r", "StatefulPartitionedCall", "p", call="restore")
    inner = function("outer", node("c", "Const"), node("r", "PartitionedCall", "c", call="restore"))
    for nodes, functions in (
        ((node("p", "Const"), call), (RESTORE,)),
        ((node("p", "PlaceholderWithDefault", "p"), call), (RESTORE,)),
        ((node("p", "Placeholder"), call), (RESTORE, inner)),
        ((node("p", "Placeholder"), node("r", "MapDataset", "p", call="restore")), (RESTORE,)),
    ):
        data = model(graph(*nodes, functions=functions), saver("", "r"))
        assert isinstance(verdict_on(saved_model_load, data, "saved-model"), Undecided)


def test_the_saver_s_own_path_is_given_by_the_saver() -> None:
    nodes = (
        node("c", "Const"),
        node("path", "PlaceholderWithDefault", "c"),
        node("r", "RestoreV2", "path"),
    )
    certificate_of(saved_model_load, model(graph(*nodes), saver("", "r")), "saved-model")


def test_a_node_on_another_machine_stays_undecided() -> None:
    data = graph(node("x", "NoOp", device="/job:worker/task:1"))
    assert isinstance(verdict_on(saved_model_run, data, "saved-model"), Undecided)


LAMBDA = {"class_name": "Lambda", "config": {"function": ["4wEAAABwcmludG9ubHlwcmludG9ubHk="]}}


def test_a_lambda_in_the_metadata_is_refuted_when_loaded_by_keras() -> None:
    data = model(graph(node("x", "NoOp")), objects(json.dumps(LAMBDA)))
    assert isinstance(verdict_on(saved_model_load, data, "saved-model"), Refuted)
    certificate_of(saved_model_run, data, "saved-model")


def metadata_file(text: str) -> bytes:
    return field(1, field(3, "root") + field(4, "_tf_keras_model") + field(5, text))


def judged(data: bytes, name: str = "keras_metadata.pb") -> Verdict:
    named = Artifact(name=f"model/{name}", kind="saved-model", size=len(data))
    return saved_model_load.judge(named, BytesMaterial(data))


def test_keras_metadata_beside_the_graph_are_judged_under_their_own_name() -> None:
    assert isinstance(judged(metadata_file(json.dumps(LAMBDA))), Refuted)
    pair = {"class_name": "__tuple__", "items": LAMBDA["config"]["function"]}  # type: ignore[index]
    again = {"class_name": "Lambda", "config": {"function": pair}}
    assert isinstance(judged(metadata_file(json.dumps(again))), Refuted)
    honest = metadata_file('{"class_name": "Dense", "config": {}}')
    verdict = judged(honest)
    assert isinstance(verdict, Proven)
    check(verdict.certificate, honest)
    assert_every_mutant_is_rejected(verdict.certificate, honest, range(len(honest)))


def test_a_node_before_a_saved_model_does_not_make_it_a_graph() -> None:
    """TensorFlow passes over the first field as unknown, and loads what follows."""
    body = function("body", node("w", "WriteFile", "x", "x"))
    call = node("r", "StatefulPartitionedCall", call="body")
    meta = field(2, field(2, graph(call, functions=(body,))) + saver("", "r"))
    data = field(1, node("n", "NoOp")) + meta
    with pytest.raises(FormatError, match="wire type"):
        judged(data, "saved_model.pb")
    with pytest.raises(FormatError, match="wire type"):
        judged(data, "SAVED_MODEL.PB")


def test_no_report_can_choose_another_form_for_the_same_bytes() -> None:
    body = function("body", node("w", "WriteFile", "x", "x"))
    call = node("r", "StatefulPartitionedCall", call="body")
    meta = field(2, field(2, graph(call, functions=(body,))) + saver("", "r"))
    frozen = graph(node("w", "WriteFile"))
    for data, form, nodes in (
        (frozen, "saved-model", 0),
        (field(1, node("n", "NoOp")) + meta, "graph", 1),
        (frozen, "keras-metadata", 0),
        (frozen, "fingerprint", 0),
        (meta, "fingerprint", 0),
        (meta, "keras-metadata", 0),
    ):
        sha256 = hashlib.sha256(data).hexdigest()
        for claim in ("load-inert", "run-inert"):
            forged = {"claim": claim, "functions": 0, "built": 0, "form": form, "nodes": nodes}
            facts = forged | {"size": len(data), "sha256": sha256}
            assert_rejected(Certificate("saved_model", facts), data, f"a forged form {form}")


def test_a_fingerprint_is_hashes_and_nothing_else() -> None:
    data = field(1, 7) + field(5, 9) + field(6, field(1, 1)) + field(7, "some-id")
    verdict = judged(data, "fingerprint.pb")
    assert isinstance(verdict, Proven)
    check(verdict.certificate, data)
    with pytest.raises(FormatError):
        judged(field(8, 1), "fingerprint.pb")


def test_a_class_that_keras_does_not_know_is_replaced_by_the_saved_functions() -> None:
    metadata = '{"class_name": "MyLayer", "config": {"n": 1}}'
    data = model(graph(node("x", "NoOp")), objects(metadata))
    certificate_of(saved_model_load, data, "saved-model")


def test_a_tensorflow_function_named_by_the_metadata_is_judged() -> None:
    for name, expected in (("expand_dims", Proven), ("io.write_file", Undecided)):
        metadata = json.dumps({"class_name": "TFOpLambda", "config": {"function": name}})
        data = model(graph(node("x", "NoOp")), objects(metadata))
        assert isinstance(verdict_on(saved_model_load, data, "saved-model"), expected)


def test_two_nodes_of_one_name_are_a_parser_differential() -> None:
    verdict = verdict_on(
        saved_model_run, graph(node("x", "NoOp"), node("x", "NoOp")), "saved-model"
    )
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL


def test_no_operation_is_both_pure_and_an_effect() -> None:
    assert not known().pure & (known().effects.keys() | known().checkpoints.keys())
    for op in ("ReadFile", "PyFunc", "ImmutableConst", "Abort", "PrintV2", "DecodeProtoV2"):
        assert op not in known().pure
