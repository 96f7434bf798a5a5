"""`probatum completion`: a completion script for a shell, made from the parser itself."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

from probatum.cli.help import SubParsers, add_command
from probatum.cli.listing import SECTIONS

SHELLS = ("bash", "zsh", "fish")

# Whose ids an argument takes, by the name that it has in the help.
_SECTIONS = {"CLAIM": ("claims",), "ID": SECTIONS}

_DESCRIPTION = """\
Print a script that teaches a shell to complete probatum's commands, options and ids.
"""

_EXAMPLES = """\
  bash:  eval "$(probatum completion bash)"     in ~/.bashrc
  zsh:   eval "$(probatum completion zsh)"      in ~/.zshrc, after compinit
  fish:  probatum completion fish | source      in ~/.config/fish/config.fish
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "completion",
        run,
        help="a completion script for bash, zsh or fish",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument("shell", choices=SHELLS, help="which shell")


def run(arguments: argparse.Namespace) -> int:
    from probatum.cli.main import parser
    from probatum.cli.output import write

    scripts = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    write("\n".join(scripts[arguments.shell](parser())) + "\n")
    return 0


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _every(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Each command by its words; those of a command come before it, since they are longer."""
    found = {}
    for name, command in _commands(parser).items():
        found.update({f"{name} {inner}": one for inner, one in _commands(command).items()})
        found[name] = command
    return found


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings]


def _words(action: argparse.Action) -> tuple[str, ...]:
    """What may follow an option or stand as an argument: its choices, or ids of some sections."""
    if action.choices is not None:
        return tuple(str(choice) for choice in action.choices)
    if sections := _SECTIONS.get(str(action.metavar)):
        from probatum.cli import index

        ids = {line.id for section in sections for line in index.lines(section)}
        return tuple(sorted(ids))
    return ()


def _bash(parser: argparse.ArgumentParser) -> Iterator[str]:
    """One function: the command decides the words; where there are none, files."""
    commands, every = _commands(parser), _every(parser)
    nested = "|".join(shlex.quote(name) for name in every if name not in commands)
    yield "_probatum() {"
    yield '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words=""'
    yield '  local at="${COMP_WORDS[1]}"'
    yield f'  case "$at ${{COMP_WORDS[2]}}" in {nested}) at="$at ${{COMP_WORDS[2]}}" ;; esac'
    yield "  COMPREPLY=()"
    yield '  if [ "$COMP_CWORD" -eq 1 ]; then'
    first = [*commands, *(name for one in _options(parser) for name in one.option_strings)]
    yield f"    words={shlex.quote(' '.join(first))}"
    yield "  else"
    yield '    case "$at $prev" in'
    for name, command in every.items():
        for action in _options(command):
            if action.nargs == 0:
                continue
            words = shlex.quote(" ".join(_words(action)))
            for option in action.option_strings:
                yield f"      '{name} {option}') words={words} ;;"
    yield '      *) case "$at $cur" in'
    for name, command in every.items():
        options = [option for one in _options(command) for option in one.option_strings]
        yield f"        '{name} -'*) words={shlex.quote(' '.join(options))} ;;"
        yield f"        '{name} '*) words={shlex.quote(' '.join(_places(command)))} ;;"
    yield "      esac ;;"
    yield "    esac"
    yield "  fi"
    yield '  COMPREPLY=($(compgen -W "$words" -- "$cur"))'
    yield "}"
    yield "complete -o default -F _probatum probatum"


def _places(command: argparse.ArgumentParser) -> list[str]:
    return [word for one in command._actions if not one.option_strings for word in _words(one)]


def _zsh(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "#compdef probatum"
    yield "_probatum() {"
    yield "  local -a commands"
    yield "  commands=("
    helps = _helps(parser)
    for name in _commands(parser):
        yield f"    {shlex.quote(f'{name}:{helps[name]}')}"
    yield "  )"
    yield "  if (( CURRENT == 2 )); then _describe command commands; return; fi"
    yield '  case "${words[2]} ${words[3]}" in'
    for name, command in _every(parser).items():
        deep = name.count(" ") + 1
        which = f"'{name} '*" if deep == 1 else f"'{name}'"
        yield f"    {which}) shift {deep} words; (( CURRENT -= {deep} )); _arguments \\"
        for action in command._actions:
            for spec in _zsh_specs(action):
                yield f"      {shlex.quote(spec)} \\"
        yield "      ;;"
    yield "  esac"
    yield "}"
    yield "compdef _probatum probatum"


def _zsh_specs(action: argparse.Action) -> Iterator[str]:
    words = _words(action)
    values = f"({' '.join(words)})" if words else "_files"
    if not action.option_strings:
        many = "*" if action.nargs in {"+", "*"} else ""
        yield f"{many or 1}:{_label(action)}:{values}" if many else f"1:{_label(action)}:{values}"
        return
    about = (action.help or "").replace("[", "(").replace("]", ")").replace(":", " ")
    takes = "" if action.nargs == 0 else f":{_label(action)}:{values}"
    for option in action.option_strings:
        yield f"*{option}[{about}]{takes}"


def _label(action: argparse.Action) -> str:
    return str(action.metavar or action.dest).lower()


def _fish(parser: argparse.ArgumentParser) -> Iterator[str]:
    commands = _commands(parser)
    helps = _helps(parser)
    yield "complete -c probatum -n __fish_use_subcommand -l version -d 'say which version this is'"
    for name in commands:
        said = shlex.quote(helps[name])
        yield f"complete -c probatum -n __fish_use_subcommand -f -a {name} -d {said}"
    for name, command in _every(parser).items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split())
        when = f"-n '{seen}'"
        for action in command._actions:
            words = _words(action)
            given = f" -f -a {shlex.quote(' '.join(words))}" if words else ""
            if not action.option_strings:
                if words:
                    yield f"complete -c probatum {when}{given}"
                continue
            names = " ".join(
                f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
                for option in action.option_strings
            )
            takes = "" if action.nargs == 0 else " -r"
            about = shlex.quote(action.help or "")
            yield f"complete -c probatum {when} {names}{takes}{given} -d {about}"


def _helps(parser: argparse.ArgumentParser) -> dict[str, str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {choice.dest: choice.help or "" for choice in action._choices_actions}
    return {}
