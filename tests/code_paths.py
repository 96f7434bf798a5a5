"""Projects of a few files whose refuted paths a checker walks again."""

from functools import cache
from textwrap import dedent

from probatum.check.code_files import Project
from probatum.check.code_witness import claims, shows
from probatum.errors import Rejected
from probatum.taint.review import review
from probatum.taint.telling import witness
from probatum.vocabulary import Witness

Told = tuple[str, Witness]  # the claim that it refutes, and how


def bytes_of(files: dict[str, str]) -> bytes:
    """The project that the files are, as an audit reads it."""
    parts = [b"python-project 1\n"]
    for name, text in sorted(files.items()):
        content = dedent(text).encode()
        parts += [f"{len(content)} {name}\n".encode(), content]
    return b"".join(parts)


def project_of(files: dict[str, str]) -> Project:
    data = bytes_of(files)
    return Project(lambda at, length: data[at : at + length], len(data))


def told(files: dict[str, str]) -> list[Told]:
    """What a review of the files refutes."""
    project = project_of(files)
    found = review((name, dedent(text).encode()) for name, text in sorted(files.items())).flows
    return [
        (one.claim, witness(one, project))
        for one in found
        if not one.guard and one.claim in claims()
    ]


def rejection(claim: str, path: Witness, files: dict[str, str]) -> str:
    """Why the checker does not walk the path; empty if it does."""
    try:
        shows(path, claim, project_of(files))
    except Rejected as exc:
        return str(exc)
    return ""


@cache
def of_application() -> Told:
    """The longest path of `APPLICATION`."""
    return max(told(APPLICATION), key=lambda one: len(one[1].steps))


# A request's argument goes through a name, a function's parameter, a field of an object and a
# function's answer to a shell, across three files.
APPLICATION = {
    "app/__init__.py": "",
    "app/jobs.py": """\
        import os


        class Job:
            def __init__(self, name):
                self.name = name

            def line(self):
                return "run " + self.name

            def start(self):
                os.system(self.line())
        """,
    "app/web.py": """\
        from flask import Flask, request

        from app.jobs import Job

        app = Flask(__name__)


        @app.route("/run")
        def run():
            name = request.args["name"]
            other = "nothing"
            job = made(name)
            job.start()
            return other


        def made(name):
            wanted = name.strip()
            return Job(wanted)
        """,
}
