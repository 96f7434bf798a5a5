"""What the skops walker and its checker promise beyond the case page."""

import io
import json
import zipfile
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.skops_load import skops_load
from probatum.formats.skops_schema import loaders
from probatum.vocabulary import Certificate, Proven


def node(loader: str, module: str, name: str, **rest: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, **rest}


def archive(schema: Any) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema))
    return made.getvalue()


SMALL = archive(
    node("ListNode", "builtins", "list", content=[node("FunctionNode", "numpy", "exp")])
)


def test_every_mutant_of_a_certificate_is_rejected() -> None:
    certificate = certificate_of(skops_load, SMALL, "skops")
    assert_every_mutant_is_rejected(certificate, SMALL, range(SMALL.index(b"{"), len(SMALL)))


_NAMES = st.sampled_from(["ListNode", "ObjectNode", "builtins", "list", "sklearn.svm._classes"])
_SCHEMA = st.recursive(
    _NAMES | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["__loader__", "__module__", "__class__", "content"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(_SCHEMA)
def test_prover_and_checker_agree_on_any_schema(schema: Any) -> None:
    data = archive(schema)
    verdict = verdict_on(skops_load, data, "skops")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        facts = certificate_of(skops_load, SMALL, "skops").facts | {"size": len(data)}
        assert_rejected(Certificate("skops_archive", facts), data, str(verdict))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    assert not isinstance(verdict_on(skops_load, data, "skops"), Proven)


def test_no_loader_may_build_a_name_that_reaches_out() -> None:
    for loader, names in loaders().items():
        for name in names:
            assert name.partition(".")[0] in {
                "builtins", "collections", "numpy", "scipy", "sklearn", "_loss",
            }, (loader, name)  # fmt: skip
            assert name not in {"builtins.eval", "builtins.exec", "builtins.map"} or (
                loader == "TypeNode"
            )
