"""The published conformance cases of OpenSSF Model Signing, by their names, in words of our own.

Each is run by way of an adapter, as the suite itself runs them: a command line that signs, or
verifies, and an exit code. The suite's bundles are not here; `bench.oms.assets` makes ones like
them. Cases of Sigstore that need a signature by its public instance are named in `ELSEWHERE`.

Source: the conformance suite of the specification, `TEST_CASES.md` and `test-cases/*.yaml`.
"""

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.oms.assets import bundle, make_model

Adapter = Callable[[list[str]], int]
Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Case:
    """One case. `signs`: the tool under test signs too; else a bundle is made for it.

    `keys` name whose keys sign, `trusts` whose are trusted if that is somebody else. `before` and
    `after` are files written before and after signing (None removes one); `links` are made before
    it. `spoilt` changes the bundle, `instead` stands for it.
    """

    name: str
    says: str
    way: str = "key"
    model: str = "plain"
    passes: bool = True
    signs: bool = False
    keys: str = "certificate"
    trusts: str = ""
    verified_by: str = ""
    left_out: tuple[str, ...] = ()
    unsigned: bool = False
    version: str = "1.1.0"
    after: dict[str, bytes | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    inside: bool = False
    spoilt: Change | None = None
    instead: bytes | None = None
    half: bool = False
    listed: tuple[str, ...] = ()
    twice: bool = False


def _set(*path: str, to: Any) -> Change:
    def change(made: dict[str, Any]) -> None:
        *way, last = path
        for name in way:
            made = made[name]
        made[last] = to

    return change


def _in_payload(change: Change) -> Change:
    def changed(made: dict[str, Any]) -> None:
        said = json.loads(base64.b64decode(made["dsseEnvelope"]["payload"]))
        change(said)
        data = json.dumps(said, indent=2).encode()
        made["dsseEnvelope"]["payload"] = base64.b64encode(data).decode()

    return changed


_OUT = ("left-out",)


def _signs(name: str, says: str, **more: Any) -> Case:
    return Case(name, says, signs=True, **more)


def _fails(name: str, says: str, **more: Any) -> Case:
    return Case(f"{name}_fail", says, passes=False, **{"left_out": _OUT} | more)


def _old(version: str, way: str, **more: Any) -> Case:
    called = "elliptic-key" if way == "key" else way
    says = f"what version {version} signed, with a {way}"
    return Case(f"historical-v{version}-{called}", says, way=way, version=version, **more)


ROUNDTRIPS = (
    _signs("certificate-simple", "a chain of three", way="certificate", left_out=_OUT),
    _signs("certificate-multi-file", "files in folders", way="certificate", model="nested"),
    _signs("certificate-self-signed", "one by itself", way="certificate", keys="self-signed"),
    _signs("key-assets-subdir", "a folder of assets", model="assets"),
    _signs("key-binary-content", "all bytes", model="binary"),
    _signs("key-deeply-nested", "a folder five deep", model="deep"),
    _signs("key-deeply-nested-with-git", ".git beside it", model="deep-git"),
    _signs("key-default-ignores", "git's files are left out", model="git", listed=("model.bin",)),
    _signs("key-dotfile-included", "other dotfiles are not", model="dotfiles",
           listed=(".config", ".env.example", "model.bin")),
    _signs("key-empty-file", "a file without bytes", model="empty-file",
           listed=("empty.bin", "one.bin")),
    _signs("key-empty-model-rejected", "nothing to sign", model="only-git", passes=False),
    _signs("key-files-in-hidden-dir", "hidden folders count", model="hidden"),
    _signs("key-git-and-ignore-combined", "git's and the user's", model="git-and-more",
           left_out=("x.tmp",), listed=("model.bin",)),
    _signs("key-ignore-paths", "a path left out", left_out=_OUT, listed=("one.bin", "two.bin")),
    _signs("key-ignore-paths-exact-match", "that path, and none below", model="nested-left-out",
           left_out=_OUT, listed=("one.bin", "parts/left-out")),
    _signs("key-ignore-unsigned", "files added later are allowed", unsigned=True,
           after={"added.bin": b"later"}),
    _signs("key-multi-file", "files in folders", model="nested",
           listed=("config.json", "parts/adapter.bin", "weights.bin")),
    _signs("key-multi-git-dirs", "one .git within another", model="many-git",
           listed=("sub/.git/HEAD", "sub/x", "x.bin")),
    _signs("key-multi-gitignore", "one .gitignore below another", model="many-gitignore",
           listed=("model.bin", "sub/.gitignore", "sub/x")),
    _signs("key-nested-git-not-excluded", "below the top they count", model="nested-gitignore",
           listed=("model.bin", "parts/.gitignore")),
    _signs("key-p256", "P-256", keys="p256"),
    _signs("key-p384", "P-384", keys="p384"),
    _signs("key-p521", "P-521", keys="p521"),
    _signs("key-sig-inside-model", "the bundle in the folder", inside=True, left_out=_OUT,
           listed=("one.bin", "two.bin")),
    _signs("key-simple", "two files", left_out=_OUT),
    _signs("key-simple-deterministic", "twice the same list", twice=True),
    _signs("key-single-file", "one file", model="single", listed=("only.bin",)),
    _signs("key-special-chars-path", "spaces and brackets", model="special"),
    _signs("key-symlink-cycle", "a link to its own folder", links={"round": "."}, passes=False),
    _signs("key-symlink-default-rejected", "a link", links={"link": "one.bin"}, passes=False),
    _signs("key-symlink-outside-root", "a link out of it", links={"out": "/tmp/nothing-here"},
           passes=False),
    _signs("key-unicode-filename", "names in other scripts", model="unicode"),
)  # fmt: skip

POSITIVE = (
    Case("certificate-simple", "a chain of three", way="certificate", left_out=_OUT),
    Case("key-ignore-paths", "a path left out", left_out=_OUT),
    Case("key-multi-file", "files in folders", model="nested"),
    Case("key-simple", "two files", left_out=_OUT),
    Case("key-simple-ignore-unsigned-files", "a file added later is allowed", left_out=_OUT,
         unsigned=True, after={"added.bin": b"later"}),
    Case("key-single-file", "one file", model="single"),
)  # fmt: skip

_CHAINS = {
    "certificate-no-code-signing": ("no-code-signing", "a certificate for another purpose"),
    "certificate-expired": ("expired", "the signer's certificate is no longer valid"),
    "certificate-not-yet-valid": ("not-yet-valid", "it is not valid yet"),
    "certificate-expired-intermediate": ("expired-intermediate", "the one between is not"),
    "certificate-expired-root": ("expired-root", "the root is not"),
    "certificate-all-expired": ("all-expired", "none is"),
    "certificate-not-yet-valid-intermediate": ("not-yet-valid-intermediate", "between: not yet"),
    "certificate-expired-intermediate-expired-leaf": ("expired-intermediate-and-leaf", "two"),
}
_CHANGED: dict[str, bytes | None] = {"one.bin": b"TAMPERED\n"}
_REMOVED: dict[str, bytes | None] = {"two.bin": None}
_KEY_ONLY = {"hint": "00" * 32}
_NO_ENVELOPE = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"publicKey": _KEY_ONLY, "tlogEntries": []},
}

NEGATIVE = (
    *(_fails(name, says, way="certificate", keys=keys) for name, (keys, says) in _CHAINS.items()),
    _fails("certificate-simple-wrong-ca", "another root", way="certificate", trusts="wrong"),
    _fails("certificate-verify-as-key", "a key is trusted", way="certificate", verified_by="key"),
    _fails("certificate-verify-as-sigstore", "an identity is trusted", way="certificate",
           verified_by="sigstore"),
    _fails("key-missing-file-with-ignore-unsigned", "a file is gone", unsigned=True,
           after=_REMOVED),
    _fails("key-simple-corrupted-bundle", "JSON, and no bundle", instead=b'{"garbage": true}'),
    _fails("key-simple-empty-resources", "no files listed",
           spoilt=_in_payload(_set("predicate", "resources", to=[]))),
    _fails("key-simple-extra-file", "a file was added", after={"added.bin": b"later"}),
    _fails("key-simple-missing-file", "a file is gone", after=_REMOVED),
    _fails("key-simple-missing-serialization", "it does not say how it was made",
           spoilt=_in_payload(lambda said: said["predicate"].pop("serialization"))),
    _fails("key-simple-no-signature", "no signature",
           spoilt=_set("dsseEnvelope", "signatures", to=[])),
    _fails("key-simple-tampered-content", "a file was changed", after=_CHANGED),
    _fails("key-simple-truncated-bundle", "cut short", half=True),
    _fails("key-simple-wrong-key", "another key", trusts="wrong"),
    _fails("key-simple-wrong-mediatype", "another media type",
           spoilt=_set("mediaType", to="application/json")),
    _fails("key-simple-wrong-payload-type", "another type of payload",
           spoilt=_set("dsseEnvelope", "payloadType", to="application/octet-stream")),
    _fails("key-simple-wrong-statement-type", "a statement of another version",
           spoilt=_in_payload(_set("_type", to="https://in-toto.io/Statement/v0.1"))),
    _fails("key-tampered-with-ignore-unsigned", "a file was changed", unsigned=True,
           after=_CHANGED),
    _fails("key-verify-as-certificate", "a root is trusted", verified_by="certificate"),
    _fails("key-verify-as-sigstore", "an identity is trusted", verified_by="sigstore"),
    _fails("malformed-empty-bundle", "no bytes", instead=b""),
    _fails("malformed-missing-envelope", "no envelope", instead=json.dumps(_NO_ENVELOPE).encode()),
    _fails("malformed-wrong-predicate", "a statement of another kind",
           spoilt=_in_payload(_set("predicateType", to="https://example.com/other/v1"))),
)  # fmt: skip

HISTORICAL = (
    Case("go-interop-certificate", "what another signer wrote", way="certificate", left_out=_OUT),
    Case("go-interop-key", "what another signer wrote", left_out=_OUT),
    _old("0.2.0", "certificate"),
    _old("0.3.1", "certificate"),
    _old("0.3.1", "key", model="single"),
    _old("1.0.0", "certificate"),
    _old("1.0.0", "key", model="single"),
    _old("1.0.1", "certificate", left_out=_OUT),
    _old("1.0.1", "key", left_out=_OUT),
    _old("1.1.0", "certificate", left_out=_OUT),
    _old("1.1.0", "key", left_out=_OUT),
)

ELSEWHERE = (
    "historical-v0.3.1-sigstore", "historical-v1.0.0-sigstore", "historical-v1.0.1-sigstore",
    "historical-v1.1.0-sigstore", "sigstore-tampered-content_fail", "sigstore-verify-as-key_fail",
    "sigstore-wrong-identity_fail", "sigstore-wrong-issuer_fail", "sigstore-ignore-paths",
    "sigstore-multi-file", "sigstore-sig-inside-model", "sigstore-simple", "sigstore-single-file",
)  # fmt: skip
"""Cases with a signature by way of the public Sigstore; the last five sign one."""

CASES = (*ROUNDTRIPS, *POSITIVE, *NEGATIVE, *HISTORICAL)


def run(case: Case, folder: Path, keys: Path, adapter: Adapter) -> str:
    """What is wrong with how the case comes out; empty if nothing is."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    top = folder / "model"
    target = make_model(top, case.model)
    for name, to in case.links.items():
        (top / name).symlink_to(to)
    signature = top / "bundle.sig" if case.inside else folder / "bundle.sig"
    if case.signs:
        code = adapter(_sign_line(case, target, top, signature, keys / case.keys))
        if code or not case.passes:
            return "" if bool(code) != case.passes else f"signing ended with {code}"
        if wrong := _unlike(case, signature):
            return wrong
        if case.twice:
            again = folder / "again.sig"
            adapter(_sign_line(case, target, top, again, keys / case.keys))
            if _resources(again) != _resources(signature):
                return "it signs another list the second time"
    else:
        signature.write_bytes(_made(case, keys))
    for name, data in case.after.items():
        if data is None:
            (top / name).unlink()
        else:
            (top / name).write_bytes(data)
    code = adapter(_verify_line(case, target, top, signature, keys))
    return "" if (code == 0) == case.passes else f"verifying ended with {code}"


def _made(case: Case, keys: Path) -> bytes:
    if case.instead is not None:
        return case.instead
    made = bundle(keys / case.keys, case.model, case.way, case.left_out, case.version)
    if case.spoilt is not None:
        case.spoilt(made)
    data = json.dumps(made).encode()
    return data[:100] if case.half else data


def _unlike(case: Case, signature: Path) -> str:
    """What is wrong with a bundle that the tool under test made."""
    names = [one["name"] for one in _resources(signature)]
    if names != sorted(names):
        return "the list is not sorted"
    if case.listed and tuple(names) != case.listed:
        return f"it signs {', '.join(names)}"
    return ""


def _resources(signature: Path) -> Any:
    envelope = json.loads(signature.read_bytes())["dsseEnvelope"]
    return json.loads(base64.b64decode(envelope["payload"]))["predicate"]["resources"]


def _sign_line(case: Case, target: Path, top: Path, signature: Path, keys: Path) -> list[str]:
    line = ["sign-model", "--method", case.way, "--model-path", str(target)]
    line += ["--output-bundle", str(signature), "--private-key", str(keys / "own.key")]
    if case.way == "certificate":
        line += ["--signing-cert", str(keys / "own.pem"), "--cert-chain", str(keys / "between.pem")]
    return line + _left_out(case, top)


def _verify_line(case: Case, target: Path, top: Path, signature: Path, keys: Path) -> list[str]:
    way, trusted = case.verified_by or case.way, keys / (case.trusts or case.keys)
    line = ["verify-model", "--method", way, "--model-path", str(target)]
    line += ["--bundle", str(signature)]
    if way == "key":
        line += ["--public-key", str(trusted / "own.pub")]
    if way == "certificate":
        line += ["--cert-chain", str(trusted / "root.pem")]
    if way == "sigstore":
        line += ["--identity", "a@example.com", "--identity-provider", "https://example.com"]
    if case.unsigned:
        line.append("--ignore-unsigned-files")
    return line + _left_out(case, top)


def _left_out(case: Case, top: Path) -> list[str]:
    return [word for path in case.left_out for word in ("--ignore-paths", str(top / path))]
