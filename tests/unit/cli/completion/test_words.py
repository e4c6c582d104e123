"""What the protocol answers for words that need no daemon."""

import pytest

from boxship.cli.commands.completion import script
from boxship.cli.completion.protocol import complete
from boxship.cli.completion.words import DEFAULT, NO_FILES, NO_SPACE, ONLY_FOLDERS, Unfit


def names(line: str) -> tuple[list[str], int]:
    """The candidates without descriptions for a line whose words are split at blanks."""
    candidates, directive = complete(line.split(" "))
    return [candidate.partition("\t")[0] for candidate in candidates], directive


def test_verbs_and_groups_complete_with_their_meaning() -> None:
    assert complete(["rena"]) == (["rename\tRename a container"], NO_FILES)
    assert names("container re") == (["rename", "restart"], NO_FILES)


def test_global_flags_may_come_first() -> None:
    assert names("-D --log-level debug container rena") == (["rename"], NO_FILES)
    assert names("--log-level=de")[0][0] == "debug"
    assert "--host" in names("-")[0]


@pytest.mark.parametrize(
    "line",
    [
        "run --restart ",
        "run --restart=",
        "run --restart=on",
        "run -it --restart x",
        "create --restart ",
    ],
)
def test_a_flags_value_completes_behind_a_blank_or_an_equals_sign(line: str) -> None:
    assert names(line) == (["no", "always", "on-failure", "unless-stopped"], NO_FILES)


def test_the_last_of_joined_short_flags_takes_the_value() -> None:
    assert "ABRT" in names("kill -s ")[0]
    assert names("run -ita ") == (["stderr", "stdin", "stdout"], NO_FILES)


def test_a_flag_that_was_given_is_not_offered_again() -> None:
    offered = names("ps -a -")[0]
    assert "--all" not in offered
    assert "-a" not in offered
    assert "--quiet" in offered


def test_hidden_flags_are_not_offered() -> None:
    assert "--cpu-count" not in names("run --")[0]


def test_behind_the_image_nothing_is_ours() -> None:
    assert names("run -it busybox -") == ([], NO_FILES)
    assert names("run -it busybox --network ") == ([], NO_FILES)


def test_log_options_are_those_of_the_driver() -> None:
    found, directive = names("run --log-driver local --log-opt ")
    assert found == ["max-buffer-size=", "mode=", "compress=", "max-file=", "max-size="]
    assert directive == NO_SPACE | NO_FILES
    assert "gelf-address=" in names("run --log-opt ")[0]


def test_folders_and_files_are_the_shells() -> None:
    assert names("build ") == ([], ONLY_FOLDERS)
    assert names("cp ") == ([], DEFAULT)
    assert names("run --env-file ") == ([], DEFAULT)


@pytest.mark.parametrize("line", ["run --nosuch x", "ps --format -", "run --nosuch="])
def test_words_that_make_no_command_have_no_candidates(line: str) -> None:
    with pytest.raises(Unfit):
        complete(line.split(" "))


def test_help_ends_completion() -> None:
    assert names("ps --help ") == ([], NO_FILES)


@pytest.mark.parametrize("ending", ["bash", "zsh", "fish", "ps1"])
def test_scripts_ask_with_or_without_descriptions(ending: str) -> None:
    assert " __complete " in script(ending, described=True)
    assert " __completeNoDesc " in script(ending, described=False)
