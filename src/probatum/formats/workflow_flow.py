"""Follows what outsiders write through a workflow, to shells and to agents.

One event and one job at a time, its steps in their order: from expressions into variables, outputs
and files, and out of them into `run:`, into scripts and into prompts. What a job holds (a token
that writes, secrets) and the conditions that stand over a step go with it.

Sources: docs.github.com/en/actions/concepts/security/script-injections; GitHub Security Lab,
"Preventing pwn requests"; `rules/agent/workflows.toml`.
"""

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from probatum.formats.workflow import EXPRESSION, Job, Step, Text, Workflow
from probatum.formats.workflow_conditions import OBJECTS, Reach, both, reach
from probatum.formats.workflow_rules import Agent, agents, events, fetches, joined, texts
from probatum.vocabulary import Place

_SECRET = re.compile(r"secrets\s*\.\s*(?!GITHUB_TOKEN\b)(\w+)", re.IGNORECASE)
_CHECKOUT = "actions/checkout"
_SCRIPTS = {"actions/github-script": ("script",)}
_ACTS = re.compile(
    r"\b(?:Bash|Write|Edit|MultiEdit|NotebookEdit|WebFetch|mcp__|shell|run_shell)", re.I
)
_NO_TOOLS = re.compile(r"\"core(?:Tools)?\"\s*:\s*\[\s*\]")


class Told(Struct, frozen=True):
    """A step of the way: what happens `says`, and where."""

    says: str
    place: Place


class Way(Struct, frozen=True):
    """How an outsider's text came so far; `sure` where no reading of a step is guessed at."""

    steps: tuple[Told, ...]
    sure: bool = True

    def then(self, says: str, place: Place, *, sure: bool = True) -> "Way":
        """One step further."""
        return Way((*self.steps, Told(says, place)), self.sure and sure)

    @property
    def end(self) -> Place:
        """Where the last step stands."""
        return self.steps[-1].place


class Reached(Struct, frozen=True):
    """A shell or an agent that it reaches: `doubt` says why that may be prevented, if anything."""

    says: str
    place: Place
    way: Way
    doubt: str = ""


def reached(workflow: Workflow) -> Iterator[Reached]:
    """Everything that an outsider's text reaches with power, by each event that brings it."""
    for event, place in workflow.events.items():
        if event in events():
            start = Way((Told(f"anyone can raise `{event}`", place),))
            outputs: dict[str, Way] = {}
            for job in _in_order(workflow.jobs):
                yield from _Followed(workflow, job, event, start, outputs).all()


def _in_order(jobs: tuple[Job, ...]) -> Iterator[Job]:
    """The jobs, each behind those it needs; those in a circle at the end."""
    left, done = list(jobs), set()
    while left:
        ready = [one for one in left if all(need in done for need in one.needs)] or left
        for one in ready:
            yield one
            done.add(one.name)
        left = [one for one in left if one.name not in done]


class _Followed:
    """One job under one event."""

    def __init__(
        self, workflow: Workflow, job: Job, event: str, start: Way, outputs: dict[str, Way]
    ) -> None:
        self._workflow = workflow
        self._job = job
        self._event = event
        self._start = start
        self._outputs = outputs
        self._env: dict[str, Way] = {}
        self._code: Way | None = None
        self._files: Way | None = None
        self._authorized = ""

    def all(self) -> Iterator[Reached]:
        over, doubt = self._over_job(self._job, set())
        self._take_env({**self._workflow.env, **self._job.env})
        for step in self._job.steps:
            under, why = self._over(step.condition)
            for one in self._step(step):
                found = both(over, under)
                if found in (Reach.GUARDED, Reach.NEVER):
                    continue
                unsure = doubt or why or self._authorized
                yield replace(one, doubt=one.doubt or unsure)
            if both(over, under) != Reach.NEVER and joined("authorization").search(_all(step)):
                self._authorized = f"the step in line {step.place.line} looks up somebody's rights"
        for name, value in self._job.outputs.items():
            way = self._tainted(value)
            if way is not None:
                self._outputs[f"needs.{self._job.name}.outputs.{name}"] = way

    def _over_job(self, job: Job, seen: set[str]) -> tuple[Reach, str]:
        """The conditions over a job and over those without which it does not run."""
        found, doubt = self._over(job.condition)
        if job.environment:
            doubt = doubt or f"the environment {job.environment!r} may ask somebody for approval"
        if job.condition is not None and "always()" in job.condition.text:
            return found, doubt
        by_name = {one.name: one for one in self._workflow.jobs}
        for need in job.needs:
            if need in by_name and need not in seen:
                seen.add(need)
                other, why = self._over_job(by_name[need], seen)
                found, doubt = both(found, other), doubt or why
                said = " ".join(_all(step) for step in by_name[need].steps)
                if joined("authorization").search(said) or joined("authorization").search(need):
                    doubt = doubt or f"the job {need!r} looks up somebody's rights"
        return found, doubt

    def _over(self, condition: Text | None) -> tuple[Reach, str]:
        if condition is None:
            return Reach.OPEN, ""
        found = reach(condition.text, self._event)
        said = " ".join(condition.text.split())[:160]
        return found, f"the condition {said!r} is not understood" * (found == Reach.UNKNOWN)

    def _take_env(self, env: dict[str, Text]) -> None:
        for name, value in env.items():
            way = self._tainted(value)
            if way is not None:
                self._env[name] = way.then(f"the variable {name} holds it", value.place)

    def _step(self, step: Step) -> Iterator[Reached]:
        before = dict(self._env)
        self._take_env(step.env)
        agent = _agent(step)
        if step.run is not None:
            yield from self._run(step, step.run, agent)
        for key in _SCRIPTS.get(step.uses, ()):
            if key in step.given and (way := self._tainted(step.given[key])) is not None:
                yield from self._shell("a script", way.end, way)
        if agent is not None:
            yield from self._asked(step, agent)
        self._follow(step, agent)
        env = {name: way for name, way in self._env.items() if name not in step.env}
        self._env = {**env, **{name: before[name] for name in step.env if name in before}}

    def _run(self, step: Step, run: Text, agent: Agent | None) -> Iterator[Reached]:
        way = self._tainted(run)
        if way is not None and agent is None:
            yield from self._shell("a shell, which reads it as commands", way.end, way)
        elif self._code is not None and agent is None and _runs_files(run.text):
            way = self._code.then("and a command runs what lies there", run.place)
            yield from self._shell("a command, with its own files", run.place, way)

    def _shell(self, what: str, place: Place, way: Way) -> Iterator[Reached]:
        holds, doubt = self._power
        if holds or doubt:
            says = f"an outsider's text reaches {what}, in a job that holds {holds or 'a token'}"
            unsure = "" if way.sure else "a step in between may change it"
            yield Reached(says, place, way.then(f"it reaches {what}", place), doubt or unsure)

    def _asked(self, step: Step, agent: Agent) -> Iterator[Reached]:
        opened = [key for key in agent.opens if key in step.given and step.given[key].text.strip()]
        if (agent.checks and not opened) or not agent.tools:
            return
        way = self._given(step)
        if way is None and opened:
            way = self._start.then(f"{agent.says} reads the event by itself", step.place)
        if way is None:
            return
        holds, doubt = self._power
        limit = _limit(step)
        if not holds and not doubt:
            return
        place = way.end
        says = (
            f"an outsider's text is a prompt of {agent.says}, which has {agent.tools}, "
            f"in a job that holds {holds or 'a token'}"
        )
        unsure = "" if way.sure else "a step in between may change it"
        way = way.then(f"{agent.says} is asked", place)
        yield Reached(says, place, way, doubt * (not holds) or limit or unsure)

    def _given(self, step: Step) -> Way | None:
        """How an outsider's text gets into the prompt of an agent's step."""
        said = [*step.given.values(), *([step.run] if step.run is not None else [])]
        for value in said:
            way = self._tainted(value) or self._named(value)
            if way is not None:
                return way
        for name in step.env:
            if name in self._env and not step.run:
                return self._env[name]
        for value in said:
            for says, pattern in fetches(code=False):
                if pattern.search(value.text):
                    return self._start.then(f"it fetches {says}", value.place)
        if self._code is not None:
            return self._code.then("it works in what lies there", step.place)
        if self._files is not None and any(_READS.search(one.text) for one in said):
            return replace(self._files, sure=False)
        return None

    def _named(self, value: Text) -> Way | None:
        """A variable of the shell, or one that is named to an agent."""
        for name, way in self._env.items():
            found = re.search(rf"\$\{{?{re.escape(name)}\b|\b{re.escape(name)}\b", value.text)
            if found is not None:
                place = self._workflow.spot(value, found[0])
                return way.then(f"{name} is named here", place)
        return None

    def _tainted(self, value: Text) -> Way | None:
        """How an outsider's text gets into an expression of `value`."""
        for found in EXPRESSION.finditer(value.text):
            said = found[1]
            for says, pattern in texts():
                match = pattern.search(said)
                if match is not None and _brings(self._event, match[0]):
                    shown = " ".join(said.split())[:80]
                    place = self._workflow.spot(value, found[0])
                    return self._start.then(f"`{shown}` is {says}", place)
            for name, way in {**self._env, **self._outputs}.items():
                called = re.escape(name if "." in name else f"env.{name}")
                ends = "" if name.endswith(".") else r"(?![\w-])"
                if re.search(rf"\b{called}{ends}", re.sub(r"\s", "", said)):
                    place = self._workflow.spot(value, found[0])
                    return way.then(f"`{' '.join(said.split())[:80]}` is put in here", place)
        return None

    def _follow(self, step: Step, agent: Agent | None) -> None:
        """What a step leaves behind: outputs, variables, files, an outsider's code."""
        if step.uses == _CHECKOUT or step.uses.endswith("/checkout"):
            for key in ("ref", "repository"):
                if key in step.given and joined("head").search(step.given[key].text):
                    self._code = self._start.then("an outsider's code is fetched", step.place)
        run = step.run.text if step.run is not None else ""
        for says, pattern in fetches(code=True):
            if pattern.search(run):
                self._code = self._start.then(f"{says} is fetched", step.place)
        way = self._given(step) if agent is not None or step.run is None else None
        if step.run is not None and way is None:
            way = self._tainted(step.run) or self._named(step.run) or self._fetched(step.run)
        if way is None:
            return
        if step.name and (step.run is None or "GITHUB_OUTPUT" in run or "set-output" in run):
            sure = agent is not None or self._written(run, "GITHUB_OUTPUT")
            key = f"steps.{step.name}.outputs."
            self._outputs[key] = way.then(
                f"the step {step.name!r} hands it on", step.place, sure=sure
            )
        for line in run.splitlines():
            name = re.search(r"([A-Za-z_]\w*)=.*GITHUB_ENV", line)
            if name and (self._named(Text(line, step.place)) or "${{" in line):
                self._env[name[1]] = way.then(f"the variable {name[1]} holds it", step.place)
        if ">" in run:
            self._files = way.then("a file may hold it", step.place, sure=False)

    def _fetched(self, run: Text) -> Way | None:
        for says, pattern in fetches(code=False):
            if pattern.search(run.text):
                return self._start.then(f"it fetches {says}", run.place)
        return None

    def _written(self, run: str, where: str) -> bool:
        return any(
            where in line and self._named(Text(line, Place())) is not None
            for line in run.splitlines()
        )

    @cached_property
    def _power(self) -> tuple[str, str]:
        """What the job holds, or why that is not known."""
        job = self._job
        said = [*self._workflow.env.values(), *job.env.values()]
        for step in job.steps:
            said += [*step.given.values(), *step.env.values(), *([step.run] if step.run else [])]
        secret = next((one[1] for text in said if (one := _SECRET.search(text.text))), "")
        writes = [
            f"{key}: write" for key, value in (job.permissions or {}).items() if value == "write"
        ]
        parts = [f"the secret {secret}"] if secret else []
        if writes:
            parts.append(f"a token that writes ({', '.join(writes[:3])})")
        if parts:
            return " and ".join(parts), ""
        if job.permissions is None:
            return "", "what the job's token may do is a setting of the repository"
        return "", ""


_READS = re.compile(r"\bcat\b|<|\$\(|prompt[-_]file|file", re.IGNORECASE)
_HARMLESS = re.compile(
    r"\s*(?:echo|printf|git\s+(?:config|log|diff|show|rev-parse|status|branch)|gh|curl|exit|set|cd"
    r"|mkdir|if|then|else|elif|fi|for|do|done|cat|grep|sed|awk|jq|#|\w+=|\}|\{|\)|\[)"
)


def _runs_files(run: str) -> bool:
    """Whether a command is there that may run files of the folder, as builds and tests do."""
    return any(line.strip() and not _HARMLESS.match(line) for line in run.splitlines())


def _brings(event: str, expression: str) -> bool:
    """Whether the event has what the expression speaks of."""
    named = re.search(r"github\s*\.\s*event\s*\.\s*(\w+)", expression)
    if named is not None:
        return named[1] in (*OBJECTS.get(event, ()), "head_commit" * (event == "workflow_run"))
    return "head_ref" not in expression or event == "pull_request_target"


def _agent(step: Step) -> Agent | None:
    for one in agents():
        if one.uses and (step.uses == one.uses or step.uses.startswith(one.uses + "/")):
            return one
        if one.command is not None and step.run is not None and one.command.search(step.run.text):
            return one
    return None


def _limit(step: Step) -> str:
    """What keeps the agent from acting, as far as it is told."""
    said = " \n".join(
        value.text for key, value in step.given.items() if "tool" in key or "args" in key
    )
    said += step.run.text if step.run is not None else ""
    found = re.search(r"(?:--allowed-?[tT]ools|allowed_tools)[ =]+(\"[^\"]*\"|'[^']*'|\S+)", said)
    named = step.given.get("allowed_tools")
    tools = found[1] if found else (named.text if named is not None else None)
    if tools is not None and not _ACTS.search(tools):
        return f"its tools are limited to {tools[:80]}: what these can do is not known"
    settings = step.given.get("settings")
    if settings is not None and _NO_TOOLS.search(settings.text):
        return "its settings give it no tools"
    sandbox = step.given.get("sandbox")
    if sandbox is not None and sandbox.text.strip() == "read-only":
        return "its sandbox only reads"
    return ""


def _all(step: Step) -> str:
    said = [step.uses, *(one.text for one in step.given.values())]
    return " ".join([*said, step.run.text if step.run is not None else ""])
