"""What refutes a claim about a property of code is shown again, and nothing that was forged."""

# ruff: noqa: E501  (a program is as wide as it is)

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from code_paths import rejection, told
from probatum.check.code_witness import claims
from probatum.taint.properties import rows
from probatum.vocabulary import Place, Step, Witness

# Each project refutes one claim, most of them by a constant that was said elsewhere.
PROGRAMS: dict[str, tuple[str, dict[str, str]]] = {}


def _program(claim: str, name: str, text: str, **others: str) -> None:
    files = {"app.py": text} | {f"{module}.py": content for module, content in others.items()}
    PROGRAMS[f"{claim}: {name}"] = claim, files


for _name, _text in {
    "a keyword": "import requests\nrequests.get('https://x', verify=False)\n",
    "a session": "import requests\nsession = requests.Session()\nsession.post('https://x', verify=False)\n",
    "a variable": "import httpx\ncheck = False\nhttpx.Client(verify=check)\n",
    "a choice": "import httpx\ndef go():\n    x = False if True else False\n    httpx.Client(verify=x)\n",
    "a default": "import requests\ndef get(url, check=False):\n    return requests.get(url, verify=check)\n",
    "a keyword's default": "import requests\ndef get(url, *, check=False):\n    return requests.get(url, verify=check)\n",
    "an option": "import argparse, requests\np = argparse.ArgumentParser()\np.add_argument('--check-it', action='store_true')\nargs = p.parse_args()\nrequests.get('https://x', verify=args.check_it)\n",
    "a field": "import requests\nclass A:\n    check = False\n    def get(self):\n        requests.get('https://x', verify=self.check)\n",
    "a field of an object": "import requests\nclass A:\n    def __init__(self):\n        self.check = False\n    def get(self):\n        requests.get('https://x', verify=self.check)\n",
    "a caller": "import requests\ndef _get(check):\n    requests.get('https://x', verify=check)\n_get(False)\n",
    "a context": "import ssl\nssl._create_default_https_context = ssl._create_unverified_context\n",
    "a mode": "import ssl\nx = ssl.create_default_context()\nx.check_hostname = False\nx.verify_mode = ssl.CERT_NONE\n",
    "a made context": "import ssl\nx = ssl._create_unverified_context()\n",
}.items():
    _program("verified-tls", _name, _text)
_program(
    "verified-tls", "a setting", "import requests\nfrom conf import CHECK\nrequests.get('https://x', verify=CHECK)\n", conf="CHECK = False\n",
)  # fmt: skip
for _name, _text in {
    "a keyword": "from transformers import AutoModel\nAutoModel.from_pretrained('x/y', trust_remote_code=True)\n",
    "a branch": "from transformers import AutoModel\nAutoModel.from_pretrained('x/y', trust_remote_code=True, revision='main')\n",
    "keywords": "from vllm import LLM\nx = {'trust_remote_code': True}\nload('x/y', model_kwargs=x)\n",
    "a repository": "import torch\ntorch.hub.load('x/y', 'm', trust_repo=True)\n",
}.items():
    _program("pinned-remote-code", _name, _text)
for _name, _text in {
    "a public address": "import gradio as gr\nwith gr.Blocks() as demo:\n    pass\ndemo.launch(share=True)\n",
    "a default": "import gradio as gr\ndef start(demo, share=True):\n    demo.launch(share=share)\n",
    "a debugger": "from flask import Flask\napp = Flask(__name__)\napp.run(host='0.0.0.0', debug=True)\n",
}.items():
    _program("no-open-server", _name, _text)
for _name, _text in {
    "an argument": "import jwt\njwt.encode({}, 'correct horse battery')\n",
    "a variable": "import jwt\nKEY = 'correct horse battery'\ndef go():\n    return jwt.encode({}, KEY)\n",
    "the environment": "import os, jwt\nKEY = os.getenv('KEY', 'correct horse battery')\ndef go():\n    jwt.encode({}, KEY)\n",
    "an alternative": "import os, jwt\ndef go():\n    key = os.environ.get('KEY') or 'correct horse battery'\n    jwt.encode({}, key)\n",
    "an attribute": "from flask import Flask\napp = Flask(__name__)\napp.secret_key = 'correct horse battery'\n",
    "a setting": "from flask import Flask\napp = Flask(__name__)\napp.config['SECRET_KEY'] = 'correct horse battery'\n",
    "a framework": "INSTALLED_APPS = []\nSECRET_KEY = 'correct horse battery'\n",
    "a password": "import redis\nredis.Redis('h', password='correct horse battery')\n",
    "a parameter": "import hmac\ndef sign(text, key='correct horse battery'):\n    return hmac.new(key, text)\n",
}.items():
    _program("no-hardcoded-secret", _name, _text)
_program(
    "constant-time-comparison",
    "a header",
    "from flask import request\nAPI_KEY = load()\ndef go():\n    if request.headers.get('X-Api-Key') == API_KEY:\n        return 1\n",
)
_program(
    "constant-time-comparison",
    "a name between",
    "from flask import request\ndef go(tokens):\n    given = request.args['t']\n    if given not in tokens:\n        return 1\n",
)
_program(
    "constant-time-comparison",
    "a signature",
    "import hmac\nfrom flask import request\ndef go(k):\n    want = hmac.new(k, b'').hexdigest()\n    return request.args['s'] != want\n",
)
_program(
    "no-weak-randomness",
    "letters",
    "import random, string\ndef go():\n    password = ''.join(random.choice(string.ascii_letters) for _ in range(9))\n    return password\n",
)
_program(
    "no-weak-randomness",
    "a function",
    "import uuid\ndef make_session_token():\n    t = uuid.uuid1()\n    return str(t)\n",
)
_program(
    "no-weak-randomness",
    "a caller",
    "import random, string\ndef text():\n    return ''.join(random.choices(string.digits, k=9))\ndef go(x):\n    x.api_key = text()\n",
)
_program(
    "no-weak-randomness",
    "the time",
    "import time, hashlib\ndef go():\n    token = hashlib.md5(str(time.time()).encode()).hexdigest()\n    auth_token = token\n    return auth_token\n",
)
_program(
    "bounded-model-loops",
    "a condition",
    "import anthropic\nclient = anthropic.Anthropic()\ndef run(messages, tools):\n    r = client.messages.create(messages=messages)\n    while r.stop_reason == 'tool_use':\n        messages.append(tools.call(r.content))\n        r = client.messages.create(messages=messages)\n    return r\n",
)
_program(
    "bounded-model-loops",
    "an endless one",
    "def run(llm, tools, messages):\n    while True:\n        answer = llm.invoke(messages)\n        if not answer.tool_calls:\n            return answer\n        messages.append(tools.call(answer))\n",
)
ROUTES = (
    "from fastapi import Depends, FastAPI\nfrom app_auth import get_current_user\napp = FastAPI()\n"
    "@app.post('/a')\ndef a(x: str, user=Depends(get_current_user)):\n    return x\n"
    "@app.post('/b')\ndef b(x: str, user=Depends(get_current_user)):\n    return x\n"
    "@app.post('/c')\ndef c(x: str):\n    return x\n"
)  # fmt: skip
_program("no-missing-authentication", "one of three", ROUTES)
_program(
    "no-missing-authentication",
    "none at all",
    "import os\nimport uvicorn\nfrom fastapi import FastAPI\napp = FastAPI()\n@app.post('/run')\ndef run(x: str):\n    os.system(x)\nuvicorn.run(app, host='0.0.0.0')\n",
)
HANDLERS = "from tornado.web import RequestHandler, authenticated\n" + "".join(
    f"class {name}(RequestHandler):\n    {asks}\n    def post(self):\n        self.write('x')\n"
    for name, asks in (("A", "@authenticated"), ("B", "@authenticated"), ("C", "# nobody"))
)
_program("no-missing-authentication", "a method of a handler", HANDLERS)


def test_every_claim_of_a_property_is_shown_again() -> None:
    assert set(rows.names()) <= claims()
    assert {claim for claim, _ in PROGRAMS.values()} == set(rows.names())


@cache
def of(name: str) -> tuple[str, Witness, dict[str, str]]:
    claim, files = PROGRAMS[name]
    return claim, next(path for other, path in told(files) if other == claim), files


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_refutation_is_shown_again_of(name: str) -> None:
    claim, path, files = of(name)
    assert rejection(claim, path, files) == ""


# What was forged.


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_cannot_be_lent_to_another_claim(name: str) -> None:
    claim, path, files = of(name)
    for other in sorted(claims() - {claim}):
        assert rejection(other, path, files), other


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_cannot_be_lent_to_another_project(name: str) -> None:
    claim, path, files = of(name)
    for other, (_, others) in PROGRAMS.items():
        if other != name:
            assert rejection(claim, path, others), other
    assert rejection(claim, path, {"app.py": "\n" + files["app.py"]})


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_says_what_the_source_says(name: str) -> None:
    claim, path, files = of(name)
    last = path.steps[-1]
    source = path.says.partition(" reaches ")[0]
    others = {of(one)[1].says.partition(" reaches ")[0] for one in PROGRAMS} - {source}
    for words in (*sorted(others), "x"):
        assert rejection(claim, replace(path, says=f"{words} reaches `{last.says}`"), files)
    forged = replace(last, says="os.nothing")
    for steps in ((*path.steps[:-1], forged), path.steps):
        other = replace(path, says=f"{source} reaches `os.nothing`", steps=steps)
        assert rejection(claim, other, files)


def _moved(step: Step, files: dict[str, str]) -> list[Step]:
    """The step at another line, column or end, in another file, or with another line's text."""
    place = step.place
    line, column = int(place.line or 0), int(place.column or 0)
    assert step.end is not None
    end_line, end = step.end
    changes: list[Any] = [replace(step, code=step.code + " "), replace(step, end=None)]
    for by in (-3, -2, -1, 1, 2, 3):
        changes.append(replace(step, place=replace(place, line=max(1, line + by))))
        changes.append(replace(step, place=replace(place, column=max(1, column + by))))
        changes.append(replace(step, end=(max(1, end_line + by), end)))
        changes.append(replace(step, end=(end_line, max(1, end + by))))
    changes += [replace(step, place=replace(place, part=one)) for one in ("x.py", "", *files)]
    changes.append(replace(step, place=Place()))
    return [one for one in changes if one != step]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_step_that_was_moved_is_rejected_in(name: str) -> None:
    claim, path, files = of(name)
    for at, step in enumerate(path.steps):
        for forged in _moved(step, files):
            steps = (*path.steps[:at], forged, *path.steps[at + 1 :])
            why = rejection(claim, replace(path, place=steps[-1].place, steps=steps), files)
            assert why or _touch(step, forged), forged


def _touch(step: Step, forged: Step) -> bool:
    """A part of what the honest step means, or what holds it: only a path goes through those."""
    assert step.end is not None
    assert forged.end is not None
    same = (step.place.part, step.place.line) == (forged.place.part, forged.place.line)
    ends = forged.end, step.end
    return same and ends[0][0] == ends[1][0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_step_left_out_or_out_of_order_is_rejected_in(name: str) -> None:
    claim, path, files = of(name)
    steps = path.steps
    assert rejection(claim, replace(path, steps=()), files)
    assert rejection(claim, replace(path, place=Place(part="app.py", line=1)), files)
    for at in range(len(steps)):
        fewer = (*steps[:at], *steps[at + 1 :])
        if fewer and at == len(steps) - 1:
            assert rejection(claim, replace(path, place=fewer[-1].place, steps=fewer), files)
    if len(steps) > 1:
        turned = steps[::-1]
        assert rejection(claim, replace(path, place=turned[-1].place, steps=turned), files)


HARMLESS = {
    "a switch that is on": ("verified-tls: a keyword", "verify=False", "verify=True "),
    "a caller's true": ("verified-tls: a caller", "_get(False)", "_get(True) "),
    "a default of true": ("verified-tls: a default", "check=False", "check=True "),
    "a commit": ("pinned-remote-code: a branch", "revision='main'", f"revision='{'a' * 40}'"),
    "a server with auth": ("no-open-server: a public address", "share=True", "share=True, auth=f"),
    "no debugger": ("no-open-server: a debugger", "debug=True", "debug=False"),
    "a text to be filled in": (
        "no-hardcoded-secret: an argument",
        "'correct horse battery'",
        "'${key}'",
    ),
    "a variable of the environment": (
        "no-hardcoded-secret: an argument",
        "'correct horse battery'",
        "os.environ['KEY']",
    ),
    "a digest that is compared in full": (
        "constant-time-comparison: a header",
        " == API_KEY",
        " is API_KEY",
    ),
    "what is no secret": ("constant-time-comparison: a header", "API_KEY", "COLOURS"),
    "a loop of nine turns": ("bounded-model-loops: an endless one", "while True:", "while 1 < 9:"),
    "a loop that counts": (
        "bounded-model-loops: an endless one",
        "if not answer.tool_calls",
        "if turns < 9",
    ),
    "what asks": (
        "no-missing-authentication: one of three",
        "def c(x: str)",
        "def c(x: str, user=Depends(get_current_user))",
    ),
    "an address of the machine": (
        "no-missing-authentication: none at all",
        "'0.0.0.0'",
        "'127.0.0.1'",
    ),
    "letters that cannot be guessed": (
        "no-weak-randomness: letters",
        "random.choice",
        "secrets.choice",
    ),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_nothing_is_refuted_by(what: str) -> None:
    """The same steps, with the columns and lines of the harmless program."""
    name, harmful, harmless = HARMLESS[what]
    claim, path, files = of(name)
    changed = files["app.py"].replace(harmful, harmless)
    assert changed != files["app.py"]
    others = files | {"app.py": changed}
    assert not [
        one for other, one in told(others) if other == claim and not rejection(claim, one, others)
    ]
    lines = changed.split("\n")
    wider = len(harmless) - len(harmful)
    for by in (0, wider):
        steps = tuple(_in(one, lines, by) for one in path.steps)
        assert rejection(claim, replace(path, place=steps[-1].place, steps=steps), others)


def _in(step: Step, lines: list[str], wider: int) -> Step:
    line = int(step.place.line or 0)
    assert step.end is not None
    code = lines[line - 1] if step.code else ""
    return replace(step, code=code, end=(step.end[0], max(1, step.end[1] + wider)))


def test_findings_of_one_kind_are_each_shown() -> None:
    text = "import requests\nrequests.get('https://x', verify=False)\nrequests.post('https://x', verify=False)\n"
    [(claim, path)] = told({"app.py": text})
    assert [steps[-1].place.line for steps in path.also] == [3]
    assert rejection(claim, path, {"app.py": text}) == ""
    fixed = {
        "app.py": text.replace("post('https://x', verify=False", "post('https://x', verify=None ")
    }
    assert rejection(claim, path, fixed)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(PROGRAMS)), st.text(max_size=200), st.integers(1, 9), st.integers(1, 30)
)
def test_whatever_a_project_holds_a_refutation_is_shown_or_rejected(
    name: str, text: str, line: int, column: int
) -> None:
    claim, path, _ = of(name)
    place = Place(part="app.py", line=line, column=column)
    steps = tuple(replace(one, place=place, end=(line, column + 1)) for one in path.steps)
    for file in ("app.py", "app.ipynb"):
        assert rejection(claim, replace(path, place=place, steps=steps), {file: text})
