"""Which revision of a repository a target is said to be, and by what."""

from collections.abc import Iterator

import pytest

from known_lists import COMMIT
from probatum.adapters.identities import with_identity
from probatum.audit.opened import Root


def _said(target: str, *names: str) -> str:
    """What the last of the roots says, if it is one more than there were."""

    def found() -> Iterator[Root]:
        yield from (Root(name, 0) for name in names)

    roots = list(with_identity(target, found()))
    if len(roots) == len(names):
        return ""
    last = roots[-1]
    assert last.name == "package-url" and last.fetch is not None
    return last.fetch(0, last.size).decode()


@pytest.mark.parametrize(
    ("target", "name", "said"),
    [
        ("hf://owner/name", f"hf://owner/name@{COMMIT}/config.json", "owner/name"),
        ("hf://gpt2", f"hf://gpt2@{COMMIT}", "gpt2"),
        ("hf://datasets/a/b", f"hf://datasets/a/b@{COMMIT}/x.csv", "datasets/a/b"),
        (f"/c/models--owner--name/snapshots/{COMMIT}", "config.json", "owner/name"),
        (f"/c/models--gpt2/snapshots/{COMMIT}/", "config.json", "gpt2"),
        (f"/c/datasets--a--b/snapshots/{COMMIT}", "x.csv", "datasets/a/b"),
    ],
)
def test_an_address_and_a_cache_say_which_commit_this_is(target: str, name: str, said: str) -> None:
    assert _said(target, name) == f"pkg:huggingface/{said}@{COMMIT}\n"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("models/x", "config.json"),
        ("hf://owner/name", "hf://owner/name@main"),
        ("/c/models--owner--name/snapshots/main", "config.json"),
        ("/c/models--\u043ewner--name/snapshots/" + COMMIT, "config.json"),
    ],
)
def test_nothing_else_is_said_to_be_one(target: str, name: str) -> None:
    assert _said(target, name) == ""


def test_a_target_without_files_has_no_identity() -> None:
    assert _said(f"/c/models--owner--name/snapshots/{COMMIT}") == ""
