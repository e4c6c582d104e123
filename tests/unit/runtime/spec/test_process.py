"""HOME of users that the accounts do not know."""

from boxship.runtime.contract import ExecSpec
from boxship.runtime.spec.process import NO_HOME, exec_process, with_home
from boxship.runtime.spec.users import Identity

KNOWN = Identity(1000, 1000)
UNKNOWN = Identity(4242, 0, known=False)


def test_an_unknown_user_lives_in_the_root_directory() -> None:
    assert with_home(["A=1"], UNKNOWN) == [NO_HOME, "A=1"]


def test_a_given_home_stays_and_known_users_are_left_to_the_runtime() -> None:
    assert with_home(["HOME=/x"], UNKNOWN) == ["HOME=/x"]
    assert with_home(["A=1"], KNOWN) == ["A=1"]


def test_an_empty_home_is_none() -> None:
    assert with_home(["HOME=", "A=1"], KNOWN) == ["A=1"]
    assert with_home(["HOME=", "A=1"], UNKNOWN) == [NO_HOME, "A=1"]


def test_an_exec_does_not_inherit_the_home_of_nobody() -> None:
    first = {"env": [NO_HOME, "A=1"], "cwd": "/"}
    spec = ExecSpec(id="e", cmd=("true",))
    assert exec_process(first, spec, KNOWN, ())["env"] == ["A=1"]
    assert exec_process(first, spec, UNKNOWN, ())["env"] == [NO_HOME, "A=1"]


def test_an_exec_without_a_terminal_has_no_term_of_the_containers_terminal() -> None:
    first = {"env": ["TERM=xterm", "A=1"], "cwd": "/"}
    plain, terminal = (ExecSpec(id="e", cmd=("true",), tty=tty) for tty in (False, True))
    assert exec_process(first, plain, KNOWN, ())["env"] == ["A=1"]
    assert exec_process(first, terminal, KNOWN, ())["env"] == ["TERM=xterm", "A=1"]
    assert exec_process(first, plain, KNOWN, (), ["TERM=xterm"])["env"] == ["TERM=xterm", "A=1"]
