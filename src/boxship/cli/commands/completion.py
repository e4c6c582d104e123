"""boxship completion: print the script by which a shell completes our command lines."""

import sys
from os.path import dirname

from boxship.cli import PROGRAM, completion
from boxship.cli.completion import REQUESTS
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def script(ending: str, *, described: bool) -> str:
    """The completion script of a shell, by its file's ending."""
    path = f"{dirname(completion.__file__)}/scripts/{PROGRAM}.{ending}"
    with open(path, encoding="utf-8") as file:
        return file.read().replace("@REQUEST@", REQUESTS[0 if described else 1])


def _printing(ending: str) -> "Callable[[Context, Options], None]":
    def run(_context: Context, options: Options) -> None:
        sys.stdout.write(script(ending, described=not options.no_descriptions))

    return run


def _command(shell: str, ending: str, long: str, use: str = "") -> Command:
    return Command(
        use or f"{shell} [flags]",
        _printing(ending),
        Flag("no-descriptions", "", "bool", "disable completion descriptions"),
        long=f"Generate the autocompletion script for {'the ' if ending != 'ps1' else ''}{shell}"
        f"{' shell' if ending != 'ps1' else ''}.\n\n" + long.replace("PROGRAM", PROGRAM),
    )


_NEW_SHELL = "You will need to start a new shell for this setup to take effect."

BASH = _command(
    "bash",
    "bash",
    f"""\
To load completions in your current shell session:

	source <(PROGRAM completion bash)

To load completions for every new session, execute once:

	PROGRAM completion bash > /etc/bash_completion.d/PROGRAM

{_NEW_SHELL}""",
    "bash",
)
ZSH = _command(
    "zsh",
    "zsh",
    f"""\
If shell completion is not already enabled in your environment you will need
to enable it.  You can execute the following once:

	echo "autoload -U compinit; compinit" >> ~/.zshrc

To load completions in your current shell session:

	source <(PROGRAM completion zsh)

To load completions for every new session, execute once:

	PROGRAM completion zsh > "${{fpath[1]}}/_PROGRAM"

{_NEW_SHELL}""",
)
FISH = _command(
    "fish",
    "fish",
    f"""\
To load completions in your current shell session:

	PROGRAM completion fish | source

To load completions for every new session, execute once:

	PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish

{_NEW_SHELL}""",
)
POWERSHELL = _command(
    "powershell",
    "ps1",
    """\
To load completions in your current shell session:

	PROGRAM completion powershell | Out-String | Invoke-Expression

To load completions for every new session, add the output of the above command
to your powershell profile.""",
)
