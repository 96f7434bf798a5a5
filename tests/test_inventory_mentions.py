"""What Dockerfiles, scripts and files of models name among other things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.catalog import accepting
from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.inventory.reading import KINDS, MENTIONING, NOT_INSTALLED, inventory_of
from probatum.material import BytesMaterial

DOCKERFILE = """\
ARG BASE=python:3.12
FROM ${BASE} AS build
ARG VLLM_VERSION=0.6.3
ENV OTHER="1.0"
RUN --mount=type=cache,target=/root/.cache apt-get update && apt-get install -y git && \\
    pip install --no-cache-dir "vllm[audio]==${VLLM_VERSION}" \\
      # a comment
      flask>=2 other==$OTHER
FROM build
RUN ["pip3", "install", "-U", "torch==2.6.0+cpu", "--index-url", "https://e.org/whl/cpu"]
RUN sh -c 'python3 -m pip install numpy==1.26.4'
RUN uv pip install --system -r requirements.txt ./local "x @ https://e.org/x-1.zip"
RUN pip install $PACKAGES
RUN <<EOF
pip install hidden
EOF
"""


def told(kind: str, text: str) -> Inventory:
    return inventory_of(kind, "x", BytesMaterial(text.encode()))


def short(one: Component) -> tuple[str, str, str, int | None]:
    return one.name, one.version or one.wanted, one.source, one.place.line


def test_a_dockerfile_tells_what_pip_installs_and_what_it_cannot_tell() -> None:
    inventory = told("dockerfile", DOCKERFILE)
    assert [short(one) for one in inventory.components] == [
        ("vllm", "0.6.3", "", 6),
        ("flask", "", "", 8),
        ("other", "1.0", "", 8),
        ("torch", "2.6.0+cpu", "https://e.org/whl/cpu", 10),
        ("numpy", "1.26.4", "", 11),
        ("x", "1", "https://e.org/x-1.zip", 12),
    ]
    assert [(one.place.line, one.why) for one in inventory.unread] == [
        (2, "what the image ${BASE} AS build holds"),
        (5, "what is installed by: apt-get install -y git"),
        (12, "what requirements.txt names, in the image"),
        (12, "no requirement: ./local"),
        (13, "what is installed is for the variable PACKAGES to say"),
        (14, "what the lines of a here-document install"),
    ]


def test_a_script_tells_what_it_installs() -> None:
    text = """\
#!/bin/sh
VERSION=1.2
sudo -H pip install a==$VERSION 'b<2' # c
uv tool install --python 3.12 d@latest
pipx install e==1
npm install -g f
echo pip install no
pip uninstall no
bash -lc "pip install g==3"
"""
    inventory = told("shell-script", text)
    assert [short(one) for one in inventory.components] == [
        ("a", "1.2", "", 3),
        ("b", "<2", "", 3),
        ("d", "", "", 4),
        ("e", "1", "", 5),
        ("f", "", "", 6),
        ("g", "3", "", 9),
    ]
    assert inventory.unread == ()
    assert told("launcher", text) == inventory


def test_a_variable_that_is_set_twice_is_not_known() -> None:
    inventory = told("shell-script", "V=1\nV=2\npip install a==$V\n")
    assert inventory.components == ()
    assert inventory.unread


def test_what_mentions_components_is_told_apart_from_what_lists_them() -> None:
    assert not KINDS & MENTIONING


def test_a_configuration_tells_what_wrote_it_and_what_it_is_made_from() -> None:
    text = """{
 "_name_or_path": "meta-llama/Llama-3.1-8B",
 "transformers_version": "4.45.0"
}"""
    [base, writer] = told("model-config", text).components
    assert (base.ecosystem, base.name, base.groups) == (
        "Hugging Face",
        "meta-llama/Llama-3.1-8B",
        ("made from",),
    )
    assert (writer.ecosystem, writer.name, writer.version) == ("PyPI", "transformers", "4.45.0")
    assert (writer.groups, writer.place.line) == (("written by",), 3)


def test_an_adapter_names_the_revision_of_its_base() -> None:
    commit = "0123456789012345678901234567890123456789"
    text = f'{{"base_model_name_or_path": "o/m", "revision": "{commit}"}}'
    [base] = told("model-config", text).components
    assert (base.name, base.version) == ("o/m", commit)
    [base] = told("model-config", text.replace(commit, "main")).components
    assert (base.version, base.wanted) == ("", "main")
    assert told("model-config", '{"_name_or_path": "/home/me/model"}').components == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FROM llama3.2:3b", ("Ollama", "llama3.2", "3b")),
        ("from me/model", ("Ollama", "me/model", "")),
        ("FROM hf.co/o/m-GGUF:Q4_K_M", ("Hugging Face", "o/m-GGUF", "Q4_K_M")),
        ("ADAPTER https://huggingface.co/o/a", ("Hugging Face", "o/a", "")),
    ],
)
def test_a_modelfile_names_the_model_it_is_made_from(
    line: str, expected: tuple[str, str, str]
) -> None:
    [one] = told("modelfile", f"# c\n{line}\nPARAMETER temperature 1\n").components
    assert (one.ecosystem, one.name, one.wanted) == expected
    assert one.place.line == 2


def test_a_model_beside_the_modelfile_is_an_artifact_of_its_own() -> None:
    assert told("modelfile", "FROM ./model.gguf\nFROM model.GGUF\n") == Inventory(())
    assert told("modelfile", "FROM two words\n").unread


def test_a_modelfile_is_known_by_its_name_and_what_it_says() -> None:
    assert kind_of("Modelfile", BytesMaterial(b"FROM llama3\n")) == "modelfile"
    assert kind_of("a.modelfile", BytesMaterial(b"# c\nfrom llama3\n")) == "modelfile"
    assert kind_of("Modelfile", BytesMaterial(b"some words\n")) == "text"


@given(
    st.sampled_from(sorted(MENTIONING)),
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(["RUN ", "FROM ", "ARG ", "ENV ", "A=1", "$A", "pip install ", "a==1", "\n",
                         "-r ", "-i ", "\\\n", "'", '"', "sh -c ", " ", "<<EOF", "${A:-", "}", "[",
                         "]", "{", ":", "uv add ", "-", "é", "\r\n", "$(", ")", "#"]),
        max_size=20,
    ).map(lambda parts: "".join(parts).encode()),
)  # fmt: skip
def test_nothing_but_format_errors_is_raised(kind: str, data: bytes) -> None:
    try:
        inventory_of(kind, "x", BytesMaterial(data))
    except FormatError:
        return


def test_the_lines_of_a_notebook_that_a_shell_runs_are_read() -> None:
    text = """{"cells": [
 {"cell_type": "markdown", "source": "!pip install no==1"},
 {"cell_type": "code", "source": ["import os\\n", "!pip install a==1 \\\\\\n", "  b\\n"]},
 {"cell_type": "code", "source": "%conda install -c conda-forge c=1.2=0 'd>=2'\\nprint()"},
 {"cell_type": "code", "source": ["%%bash\\n", "uv pip install e==$E\\n"]},
 {"cell_type": "code", "source": "x = '!pip install f==1'\\n!pip install g=={V}"}
]}"""
    inventory = told("notebook", text)
    assert [short(one) for one in inventory.components] == [
        ("a", "1", "", 3),
        ("b", "", "", 3),
        ("c", "1.2", "", 4),
        ("d", ">=2", "", 4),
        ("g", "{V}", "", 6),  # which no ecosystem has as a version
    ]
    assert [(one.place.line, one.why) for one in inventory.unread] == [
        (5, "what is installed is for the variable E to say"),
    ]


def test_the_steps_of_a_workflow_are_read() -> None:
    text = """\
on: push
jobs:
  a:
    steps:
      - uses: actions/setup-python@v5
      - run: pip install a==1
      - run: |
          echo b
          npm install -g @s/c@1.2.3 d

          pip install torch==${{ matrix.torch }}
"""
    inventory = told("github-workflow", text)
    assert [short(one) for one in inventory.components] == [
        ("a", "1", "", 6),
        ("@s/c", "1.2.3", "", 9),
        ("d", "", "", 9),
    ]
    assert [(one.place.line, one.why) for one in inventory.unread] == [
        (11, "what is installed is for the variable matrix_torch to say")
    ]


def test_the_recipes_of_a_makefile_are_read() -> None:
    text = (
        "V = pip install no==1\nall:\n\t@-$(PY) -m pip install a==1 \\\n\t  b==2\n\tpip install c\n"
    )
    assert [short(one) for one in told("makefile", text).components] == [
        ("a", "1", "", 3),
        ("b", "2", "", 4),
        ("c", "", "", 5),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("uvx --from 'a[x]==1' tool", ["PyPI a 1"]),
        ("uvx --with b==2 a@1.2 --flag c==3", ["PyPI b 2", "PyPI a 1.2"]),
        ("uv tool run a@latest", ["PyPI a "]),
        ("pipx run --spec a==1 b", ["PyPI a 1"]),
        ("npx --yes @s/a@1.0.0 b@2", ["npm @s/a 1.0.0"]),
        ("npx -p a@1.0.0 -p b c", ["npm a 1.0.0", "npm b "]),
        ("yarn global add a@^1", ["npm a ^1"]),
        ("pnpm add -D a@1.0.0 --filter x b", ["npm a 1.0.0", "npm b "]),
        ("conda create -n e python=3.11 a==1.26", ["conda python =3.11", "conda a 1.26"]),
        ("/opt/venv/bin/python3 -m pip install a==1", ["PyPI a 1"]),
        ("npm run install a@1.0.0", []),
        ("conda activate a", []),
    ],
)  # fmt: skip
def test_the_commands_of_package_managers_name_components(line: str, expected: list[str]) -> None:
    found = told("shell-script", line + "\n").components
    assert [f"{one.ecosystem} {one.name} {one.version or one.wanted}" for one in found] == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("npm ci", "what is installed by: npm ci"),
        ("npm install", "what is installed by: npm install"),
        ("npm install owner/repo", "no package of npm's registry: owner/repo"),
        ("npm i $PACKAGE", "what is installed is for the variable PACKAGE to say"),
        ("conda env create -f a.yml", "what is installed by: conda env create -f a.yml"),
        ("conda install --file a.txt", "what a.txt names, in the image"),
        ("apk add --no-cache git=2", "what is installed by: apk add --no-cache git=2"),
    ],
)
def test_what_a_command_takes_from_elsewhere_is_told_as_unread(line: str, why: str) -> None:
    inventory = told("shell-script", line + "\n")
    assert (inventory.components, [one.why for one in inventory.unread]) == ((), [why])


def test_what_says_how_something_was_made_is_asked_of_no_vulnerability() -> None:
    for kind in sorted(MENTIONING):
        asked = "no-known-vulnerability" in {one.id for one in accepting(kind)}
        assert asked == (kind not in NOT_INSTALLED), kind


def test_the_sdk_of_a_space_is_what_the_hub_installs() -> None:
    card = "---\ntitle: x\nsdk: gradio\nsdk_version: 4.1.0\n---\nwords\n"
    [one] = told("space-card", card).components
    assert (one.name, one.version, one.place.line) == ("gradio", "4.1.0", 4)
    [one] = told("space-card", card.replace("sdk_version: 4.1.0\n", "")).components
    assert (one.name, one.version) == ("gradio", "")
    assert told("space-card", "---\nsdk: docker\n---\n").components == ()
