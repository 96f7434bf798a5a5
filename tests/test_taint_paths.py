"""Small programs: where the value from outside goes, the engine follows, and nowhere else."""

from textwrap import dedent

import pytest
from tests.taint_programs import flows, reviewed, told

HEAD = "import os\nfrom flask import request\n"

CONSTRUCTS = {
    "assignment": "x = request.args\ny = x\nos.system(y)",
    "chained assignment": "x = y = request.data\nos.system(x)",
    "unpacking": "x, y = request.data, 'ls'\nos.system(x)",
    "unpacking a call": """
        def pair():
            return request.data, 'ls'
        x, y = pair()
        os.system(x)
    """,
    "augmented assignment": "x = 'ls '\nx += request.data\nos.system(x)",
    "annotated assignment": "x: str = request.data\nos.system(x)",
    "attribute": "class A: pass\na = A()\na.b = request.data\nos.system(a.b)",
    "field of self": """
        class A:
            def __init__(self):
                self.x = request.data
            def run(self):
                os.system(self.x)
    """,
    "constructor": """
        class A:
            def __init__(self, x):
                self.x = x
            def run(self):
                os.system(self.x)
        A(request.data).run()
    """,
    "inheritance": """
        class A:
            def go(self, x):
                os.system(x)
        class B(A):
            pass
        B().go(request.data)
    """,
    "overriding": """
        class A:
            def go(self, x):
                pass
        class B(A):
            def go(self, x):
                os.system(x)
        def start(a: A):
            a.go(request.data)
    """,
    "super": """
        class A:
            def go(self, x):
                os.system(x)
        class B(A):
            def go(self, x):
                super().go(x)
        B().go(request.data)
    """,
    "property": """
        class A:
            @property
            def x(self):
                return request.data
        def go(a: A):
            os.system(a.x)
    """,
    "classmethod": """
        class A:
            @classmethod
            def go(cls, x):
                os.system(x)
        A.go(request.data)
    """,
    "staticmethod": """
        class A:
            @staticmethod
            def go(x):
                os.system(x)
        A.go(request.data)
    """,
    "closure": """
        def outer():
            x = request.data
            def inner():
                os.system(x)
            return inner
    """,
    "lambda": "go = lambda x: os.system(x)\ngo(request.data)",
    "partial": """
        from functools import partial
        def _go(a, x):
            os.system(x)
        partial(_go, 1)(request.data)
    """,
    "partial with the value": """
        import functools
        def _go(x, a):
            os.system(x)
        go = functools.partial(_go, request.data)
        go(1)
    """,
    "decorator": """
        def twice(f):
            return f
        @twice
        def _go(x):
            os.system(x)
        _go(request.data)
    """,
    "generator": """
        def lines():
            yield request.data
        for line in lines():
            os.system(line)
    """,
    "yield from": """
        def lines():
            yield from request.data
        for line in lines():
            os.system(line)
    """,
    "comprehension": "[os.system(x) for x in request.data]",
    "element of a comprehension": "xs = [x for x in request.data]\nos.system(xs[0])",
    "dict comprehension": "xs = {k: v for k, v in request.args}\nos.system(xs['a'])",
    "with": "with request.stream as s:\n    os.system(s)",
    "match": """
        match request.data:
            case {'run': x}:
                os.system(x)
    """,
    "try and finally": """
        try:
            x = request.data
        finally:
            pass
        os.system(x)
    """,
    "except": """
        x = 'ls'
        try:
            x = request.data
            int(x)
        except ValueError:
            os.system(x)
    """,
    "async": """
        async def read():
            return request.data
        async def go():
            os.system(await read())
    """,
    "async for": "async def go():\n    async for x in request.data:\n        os.system(x)",
    "walrus": "if (x := request.data):\n    os.system(x)",
    "star arguments": """
        def _go(*xs):
            os.system(xs[0])
        _go(request.data)
    """,
    "passing star arguments": """
        def _go(x):
            os.system(x)
        xs = [request.data]
        _go(*xs)
    """,
    "keyword arguments": """
        def _go(**xs):
            os.system(xs['x'])
        _go(x=request.data)
    """,
    "passing keyword arguments": """
        def _go(x):
            os.system(x)
        _go(**{'x': request.data})
    """,
    "named argument": """
        def _go(a, x):
            os.system(x)
        _go(x=request.data, a=1)
    """,
    "building a list": "xs = []\nxs.append(request.data)\nos.system(xs[0])",
    "building a dict": "xs = {}\nxs['a'] = request.data\nos.system(xs['a'])",
    "list display": "xs = ['ls', request.data]\nos.system(' '.join(xs))",
    "dict display": "xs = {'a': request.data}\nos.system(xs.get('a'))",
    "module variable": """
        x = request.data
        def go():
            os.system(x)
    """,
    "f-string": "os.system(f'ls {request.data}')",
    "percent": "os.system('ls %s' % request.data)",
    "format": "os.system('ls {}'.format(request.data))",
    "string method": "os.system(request.data.strip().lower())",
    "conditional expression": "os.system(request.data if os.name else 'ls')",
    "or": "os.system(request.data or 'ls')",
    "loop": "x = 'ls'\nfor a in range(3):\n    os.system(x)\n    x = request.data",
    "while": "x = ''\nwhile not x:\n    x = request.data\nos.system(x)",
    "callback": """
        def _go(x):
            os.system(x)
        def each(f, x):
            f(x)
        each(_go, request.data)
    """,
    "alias of the sink": "run = os.system\nrun(request.data)",
    "imported sink": "from os import system as run\nrun(request.data)",
    "thread": """
        import threading
        def _go(x):
            os.system(x)
        threading.Thread(target=_go, args=(request.data,)).start()
    """,
    "thread pool": """
        def _go(x):
            os.system(x)
        def run(pool):
            pool.submit(_go, request.data)
        _go('ls')
    """,
    "object that a class method fills": """
        class A:
            @classmethod
            def read(cls):
                made = cls()
                made.x = request.data
                return made
            def run(self):
                os.system(self.x)
    """,
    "zip": "for x, y in zip(['ls'], request.data):\n    os.system(y)",
    "enumeration": "for n, x in enumerate(request.data):\n    os.system(x)",
    "coroutine's thread": """
        import asyncio
        def _name(x):
            return x.strip()
        async def run():
            os.system(await asyncio.to_thread(_name, request.data))
        _name('ls')
    """,
    "mapped function": """
        def _go(x):
            os.system(x)
        list(map(_go, request.data))
        _go('ls')
    """,
    "shell's script": "import subprocess\nx = ['sh', '-c', request.data]\nsubprocess.run(x)",
    "headers of an answer": """
        import requests
        def _name():
            answer = requests.Session().post('https://example.org')
            return answer.headers.get('Content-Disposition')
        os.system('file ' + _name())
    """,
    "record whose maker is written for it": """
        from dataclasses import dataclass
        @dataclass(init=False)
        class A:
            x: str
            def __init__(self, x: str) -> None: ...
        def _go(a: A):
            os.system(a.x)
    """,
    "recursion": """
        def _go(x, n):
            if n:
                return _go(x, n - 1)
            os.system(x)
        _go(request.data, 3)
    """,
    "handler's parameter": "@app.route('/')\ndef go(x):\n    os.system(x)",
    "typed parameter": """
        from fastapi import Request
        def go(r: Request):
            os.system(r.url)
    """,
    "optional typed parameter": """
        from fastapi import Request
        def go(r: Request | None = None):
            os.system(r.url)
    """,
    "tool": """
        from langchain.tools import BaseTool
        class T(BaseTool):
            def _run(self, x):
                os.system(x)
    """,
    "model output": "def go(llm):\n    os.system(llm.invoke('say'))",
    "network": "def go(socket):\n    os.system(socket.recv(10))",
    "public parameter": "def go(x):\n    os.system(x)",
    "uncalled private parameter": "def _go(x):\n    os.system(x)",
    "dataclass field": """
        from dataclasses import dataclass
        @dataclass
        class A:
            x: str
            def run(self):
                os.system(self.x)
    """,
}


@pytest.mark.parametrize("program", CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_a_value_from_outside_is_followed_through(program: str) -> None:
    assert told(HEAD + dedent(program)) == "path"


HARMLESS = {
    "a constant": "x = 'ls'\nos.system(x)",
    "a variable bound anew": "x = request.data\nx = 'ls'\nos.system(x)",
    "the other element": "x, y = request.data, 'ls'\nos.system(y)",
    "the other element of a call": """
        def pair():
            return request.data, 'ls'
        x, y = pair()
        os.system(y)
    """,
    "a number": "os.system(int(request.data))",
    "a length": "os.system(f'head -{len(request.data)}')",
    "a quoted word": "import shlex\nos.system('ls ' + shlex.quote(request.data))",
    "a comparison": "os.system('ls' if request.data == 'a' else 'pwd')",
    "another class's field": """
        class A:
            def __init__(self):
                self.x = request.data
        class B:
            def __init__(self):
                self.x = 'ls'
            def run(self):
                os.system(self.x)
    """,
    "another function of the name": """
        class os:
            @staticmethod
            def system(x):
                pass
        os.system(request.data)
    """,
    "a parameter of type int": "def go(x: int):\n    os.system(f'head -{x}')",
    "a private function with constant callers": """
        def _go(x):
            os.system(x)
        _go('ls')
    """,
    "the caller of the other constant": """
        def _id(x):
            return x
        a = _id(request.data)
        os.system(_id('ls'))
    """,
    "dead code": "def go(x):\n    return 1\n    os.system(x)",
    "the other part of a zip": "for x, y in zip(['ls'], request.data):\n    os.system(x)",
    "the number in an enumeration": "for n, x in enumerate(request.data):\n    os.system(str(n))",
    "the constructor of a handler": """
        class Job(BaseHTTPRequestHandler):
            def __init__(self, _name):
                os.system(_name)
    """,
    "a parameter for the code's own use": """
        def go(_line):
            os.system(_line)
        go('ls')
    """,
    "a field of settings": """
        from dataclasses import dataclass
        @dataclass
        class RunnerSettings:
            x: str
            def _run(self):
                os.system(self.x)
    """,
    "the other end of a pipe": "def _go(child_conn):\n    os.system(child_conn.recv())\n_go(1)",
    "the name of a class": "def go(x):\n    os.system(x.__class__.__name__)",
    "a parameter of numbers": "def go(x: list[int] | int):\n    os.system(f'head -{x}')",
    "a list that is no shell's": "import subprocess\nx = ['ls', request.data]\nsubprocess.run(x)",
    "a parameter that is a command": "def run(command):\n    os.system(command)",
    "a caller five calls away": """
        def go(x):
            _a(x)
        def _a(x):
            _b(x)
        def _b(x):
            _c(x)
        def _c(x):
            _d(x)
        def _d(x):
            _e(x)
        def _e(x):
            os.system(x)
    """,
}


@pytest.mark.parametrize("program", HARMLESS.values(), ids=HARMLESS)
def test_no_path_is_told_of(program: str) -> None:
    assert told(HEAD + dedent(program)) == "none"


CLAIMS = {
    "no-unsafe-deserialization": "import pickle\ndef go(b):\n    pickle.loads(request.data)",
    "no-code-injection": "eval(request.data)",
    "no-command-injection": "import subprocess\nsubprocess.run(request.data, shell=True)",
    "no-template-injection": "import jinja2\njinja2.Template(request.data).render()",
    "no-sql-injection": "def go(db):\n    db.execute(f'select {request.data}')",
    "no-path-traversal": "open(os.path.join('/data', request.data))",
    "no-archive-traversal": "import tarfile\ntarfile.open('x.tar').extractall('/tmp')",
    "no-request-forgery": "import requests\nrequests.get(request.args['url'])",
    "no-external-entities": "from lxml import etree\netree.XSLT(request.data)",
    "no-unsafe-reflection": "import importlib\nimportlib.import_module(request.data)",
}


@pytest.mark.parametrize(("claim", "program"), CLAIMS.items(), ids=CLAIMS)
def test_every_claim_has_a_path_that_refutes_it(claim: str, program: str) -> None:
    assert told(HEAD + dedent(program), claim) == "path"


HARMLESS_OF = {
    "a tensor file of weights only": (
        "no-unsafe-deserialization",
        "import torch\ntorch.load(request.data, weights_only=True)",
    ),
    "an array without objects": (
        "no-unsafe-deserialization",
        "import numpy\nnumpy.load(request.data)",
    ),
    "the safe loader": (
        "no-unsafe-deserialization",
        "import yaml\nyaml.load(request.data, Loader=yaml.SafeLoader)",
    ),
    "the safe loader by position": (
        "no-unsafe-deserialization",
        "import yaml\nyaml.load(request.data, yaml.SafeLoader)",
    ),
    "a list without a shell": (
        "no-command-injection",
        "import subprocess\nsubprocess.run(['ls', request.data])",
    ),
    "a statement with parameters": (
        "no-sql-injection",
        "def go(db):\n    db.execute('select ?', (request.data,))",
    ),
    "an extraction with the data filter": (
        "no-archive-traversal",
        "import tarfile\ntarfile.open('x.tar').extractall('/tmp', filter='data')",
    ),
    "the last part of a path": (
        "no-path-traversal",
        "open(os.path.join('/data', os.path.basename(request.data)))",
    ),
    "a module under a prefix": (
        "no-unsafe-reflection",
        "import importlib\nimportlib.import_module(f'plugins.{request.data}')",
    ),
}


@pytest.mark.parametrize(("claim", "program"), HARMLESS_OF.values(), ids=HARMLESS_OF)
def test_a_safe_way_of_the_call_refutes_nothing(claim: str, program: str) -> None:
    assert told(HEAD + dedent(program), claim) == "none"


PROJECTS = {
    "a relative import": {
        "p/__init__.py": "",
        "p/a.py": "from .b import _go\nfrom flask import request\n_go(request.data)",
        "p/b.py": "import os\ndef _go(x):\n    os.system(x)",
    },
    "a re-export": {
        "p/__init__.py": "from p.b import _go",
        "p/b.py": "import os\ndef _go(x):\n    os.system(x)",
        "main.py": "import p\nfrom flask import request\np._go(request.data)",
    },
    "a src layout": {
        "src/p/__init__.py": "",
        "src/p/b.py": "import os\ndef _go(x):\n    os.system(x)",
        "main.py": "from p.b import _go\nfrom flask import request\n_go(request.data)",
    },
    "two top-level packages": {
        "libs/one/one/__init__.py": "import os\ndef _go(x):\n    os.system(x)",
        "libs/two/two/__init__.py": "from one import _go\nimport flask\n_go(flask.request.data)",
    },
    "a script beside": {
        "app/run.py": "import os\ndef _go(x):\n    os.system(x)",
        "app/main.py": "from run import _go\nfrom flask import request\n_go(request.data)",
    },
    "a library that another file imports": {
        "p/__init__.py": "",
        "p/compat.py": "import os as system",
        "p/b.py": "from .compat import system\nimport flask\nsystem.system(flask.request.data)",
    },
    "cyclic imports": {
        "p/__init__.py": "",
        "p/a.py": "from p.b import _go\nimport flask\ndef a():\n    _go(flask.request.data)",
        "p/b.py": "import os\nfrom p.a import a\ndef _go(x):\n    os.system(x)",
    },
    "a class of another file": {
        "p/__init__.py": "",
        "p/a.py": "class _A:\n    def __init__(self, x):\n        self.x = x",
        "p/b.py": """
            import os
            from p.a import _A
            from flask import request
            def _go(a: _A):
                os.system(a.x)
            _go(_A(request.data))
        """,
    },
}


@pytest.mark.parametrize("files", PROJECTS.values(), ids=PROJECTS)
def test_a_path_leads_across_files_through(files: dict[str, str]) -> None:
    found = reviewed(*files.items())
    assert not found.unread
    assert any("HTTP request" in flow.source and not flow.guard for flow in found.flows)


def test_the_steps_lead_from_the_source_to_the_sink() -> None:
    text = f"{HEAD}\ndef _go(x):\n    os.system(x)\n\n_go(request.data)\n"
    (flow,) = flows(text)
    assert (flow.claim, flow.file, flow.line, flow.column) == (
        "no-command-injection",
        "app.py",
        5,
        5,
    )
    assert flow.says == "os.system(x)"
    assert flow.steps[0].line == 7
    assert flow.steps[-1].line == 5
    assert flow.source == "an HTTP request"


def test_flows_of_one_source_function_are_told_as_one() -> None:
    text = "import os\ndef go(x):\n    os.system(x)\n    os.popen(x)\n"
    (flow,) = flows(text)
    assert [steps[-1].says for steps in flow.also] == ["os.popen(x)"]


def test_a_tests_parameter_is_nobodys_input() -> None:
    text = "import os\ndef go(x):\n    os.system(x)\n"
    assert not reviewed(("tests/run.py", text)).flows
    assert not reviewed(("p/test_run.py", text)).flows
    assert reviewed(("p/run.py", text)).flows


def test_a_request_in_an_example_counts() -> None:
    text = "import os\nfrom flask import request\nos.system(request.data)\n"
    assert reviewed(("examples/run.py", text)).flows


def test_sink_calls_are_counted_with_a_path_or_without() -> None:
    found = reviewed(("app.py", "import os\nos.system('ls')\nos.system('ls')\neval('1')\n"))
    assert found.sinks == {"no-code-injection": 1, "no-command-injection": 2}


PRIVATE = {
    "a private module": ("p/_a.py", "import os\ndef go(x):\n    os.system(x)\ngo('ls')\n"),
    "a private function": ("p/a.py", "import os\ndef _go(x):\n    os.system(x)\n_go('ls')\n"),
    "a value only looked up with": (
        "p/a.py",
        "import os, shop\ndef go(x):\n    os.system(shop.order(x))\n",
    ),
    "the end of a name": (
        "p/a.py",
        "import torch\ndef go(x):\n    torch.load(f'/cache/of_{x}.pt')\n",
    ),
    "the end of a formatted name": (
        "p/a.py",
        "import torch\ndef go(x):\n    torch.load('cache_{}.pt'.format(x))\n",
    ),
}


@pytest.mark.parametrize("file", PRIVATE.values(), ids=PRIVATE)
def test_a_caller_does_not_choose_by(file: tuple[str, str]) -> None:
    assert not reviewed(file).flows


HARMLESS_FOR = {
    "a zip": (
        "no-archive-traversal",
        "import zipfile\ndef go(a):\n    zipfile.ZipFile(a).extractall('/tmp')",
    ),
    "an archive that is tested to be a zip": (
        "no-archive-traversal",
        """
        import zipfile
        def go(archive):
            if isinstance(archive, zipfile.ZipFile):
                archive.extractall('/tmp')
        """,
    ),
    "a cache that the function writes": (
        "no-unsafe-deserialization",
        """
        import pickle
        def go(cache):
            if os.path.exists(cache):
                return pickle.load(open(cache, 'rb'))
            pickle.dump(1, open(cache, 'wb'))
        """,
    ),
    "a state that the class writes": (
        "no-unsafe-deserialization",
        """
        import torch
        class A:
            def save(self, path):
                torch.save(self.state, path)
            def restore(self, path):
                self.state = torch.load(path)
        """,
    ),
    "the last part of a path": (
        "no-path-traversal",
        "import pathlib\nx = pathlib.Path(request.data)\nopen(os.path.join('/data', x.name))",
    ),
    "a function whose callers are here": (
        "no-path-traversal",
        """
        def read(name):
            return open(os.path.join('/data', name))
        read('a.txt')
        """,
    ),
    "a name that is no key": (
        "no-path-traversal",
        "def go(title):\n    open(os.path.join('/data', title))",
    ),
    "a place by its name": (
        "no-path-traversal",
        "def go(file_path):\n    open(os.path.join('/data', file_path))",
    ),
    "an identifier in the path of an address": (
        "no-request-forgery",
        "import requests\ndef go(job):\n    requests.get(f'https://example.org/{job.id}')",
    ),
    "the address of a client": (
        "no-request-forgery",
        "import requests\ndef go(client):\n    requests.get(client.url)",
    ),
}


@pytest.mark.parametrize(("claim", "program"), HARMLESS_FOR.values(), ids=HARMLESS_FOR)
def test_no_path_to_such_a_call_is_told_of(claim: str, program: str) -> None:
    assert told(HEAD + dedent(program), claim) == "none"


STILL = {
    "a key of what is kept for others": (
        "no-path-traversal",
        "def go(file_key):\n    open(os.path.join('/data', file_key))",
    ),
    "a file that another class writes": (
        "no-unsafe-deserialization",
        """
        import torch
        class A:
            def save(self, path):
                torch.save(self.state, path)
        def restore(path):
            return torch.load(path)
        """,
    ),
    "a cache whose name an attacker sends": (
        "no-unsafe-deserialization",
        """
        import pickle
        def _go(cache):
            pickle.dump(1, open(cache, 'wb'))
            return pickle.load(open(cache, 'rb'))
        _go(request.data)
        """,
    ),
    "an archive that is tested not to be a zip": (
        "no-archive-traversal",
        """
        import zipfile
        def go(archive):
            if not isinstance(archive, zipfile.ZipFile):
                archive.extractall('/tmp')
        """,
    ),
    "a host behind the scheme": (
        "no-request-forgery",
        "import requests\ndef go(job):\n    requests.get(f'https://{job.host_name}/status')",
    ),
    "a request that is sent later": (
        "no-request-forgery",
        "import httpx\ndef go(job, client):\n    client.send(httpx.Request('GET', job.url))",
    ),
}


@pytest.mark.parametrize(("claim", "program"), STILL.values(), ids=STILL)
def test_what_looks_like_it_is_told_of(claim: str, program: str) -> None:
    assert told(HEAD + dedent(program), claim) == "path"


def test_an_attacker_is_told_of_before_a_caller_who_may_choose_the_same() -> None:
    found = flows(
        HEAD
        + dedent("""
        def run(line):
            os.system(line)
        @app.route('/')
        def handler(x):
            run('ls ' + x)
    """)
    )
    assert [flow.source for flow in found] == ["a request handler's argument"]


def test_what_a_package_offers_has_callers_elsewhere() -> None:
    code = "import os\ndef read(key):\n    return open(os.path.join('/data', key))\nread('a.txt')"
    offered = reviewed(("pkg/__init__.py", "from pkg.files import read"), ("pkg/files.py", code))
    assert [flow.claim for flow in offered.flows] == ["no-path-traversal"]
    module = reviewed(("pkg/__init__.py", "from pkg import files"), ("pkg/files.py", code))
    assert [flow.claim for flow in module.flows] == ["no-path-traversal"]
    assert not reviewed(("pkg/__init__.py", ""), ("pkg/files.py", code)).flows


def test_nothing_is_told_of_tests() -> None:
    code = "import os\nfrom flask import request\nos.system(request.data)"
    assert not reviewed(("tests/helper.py", code), ("pkg/test_it.py", code)).flows
    assert reviewed(("examples/app.py", code)).flows


def test_a_namespace_package_is_imported_by_its_whole_name() -> None:
    found = reviewed(
        (
            "space/web/__init__.py",
            "from flask import request\nfrom space.tools.run import go\ngo(request.data)",
        ),
        ("space/tools/__init__.py", ""),
        ("space/tools/run.py", "import os\ndef go(line: str):\n    os.system(line)\n"),
    ).flows
    assert [flow.source for flow in found] == ["an HTTP request"]
