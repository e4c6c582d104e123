"""What instructions make of an image's configuration, and how history tells it."""

import pytest

from boxship.build.image_config import Applied, apply, apply_changes, environment_of
from boxship.dockerfile.reading import read_text
from boxship.errors import InvalidArgument
from boxship.model.image import OCIHealthcheck, OCIRunConfig

CONFIG = OCIRunConfig(env=("PATH=/bin", "A=a b"), working_dir="/w", exposed_ports={"1/tcp": {}})


def applied(text: str, config: OCIRunConfig = CONFIG) -> Applied:
    found = apply(config, read_text(text), environment_of(config))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "field", "value", "comment"),
    [
        ("ENV B=$A A=x", "env", ("PATH=/bin", "A=x", "B=a b"), "ENV B=a b A=x"),
        (
            "ENV OLD some thing",
            "env",
            ("PATH=/bin", "A=a b", "OLD=some thing"),
            "ENV OLD=some thing",
        ),
        ("LABEL a='$A' b=\"$A\"", "labels", {"a": "$A", "b": "a b"}, "LABEL a=$A b=a b"),
        (
            "EXPOSE 81 80/UDP 9-10",
            "exposed_ports",
            {"1/tcp": {}, "81/tcp": {}, "80/udp": {}, "9/tcp": {}, "10/tcp": {}},
            "EXPOSE 80/UDP 81 9-10",
        ),
        (
            "EXPOSE 1.2.3.4:99:98 8000:7000",
            "exposed_ports",
            {"1/tcp": {}, "98/tcp": {}, "7000/tcp": {}},
            "EXPOSE 1.2.3.4:99:98 8000:7000",
        ),
        ("VOLUME /a $A", "volumes", {"/a": {}, "a b": {}}, "VOLUME [/a a b]"),
        ("USER $A", "user", "a b", "USER a b"),
        ("WORKDIR sub/../x", "working_dir", "/w/x", "WORKDIR /w/x"),
        ("WORKDIR /abs/", "working_dir", "/abs", "WORKDIR /abs"),
        ("STOPSIGNAL SIGUSR1", "stop_signal", "SIGUSR1", "STOPSIGNAL SIGUSR1"),
        ("STOPSIGNAL 99", "stop_signal", "99", "STOPSIGNAL 99"),
        ("CMD echo $A", "cmd", ("/bin/sh", "-c", "echo $A"), 'CMD ["/bin/sh" "-c" "echo $A"]'),
        ('CMD ["a", "b\\"\\n"]', "cmd", ("a", 'b"\n'), 'CMD ["a" "b\\"\\n"]'),
        ("CMD []", "cmd", None, "CMD []"),
        ('ENTRYPOINT ["e"]', "entrypoint", ("e",), 'ENTRYPOINT ["e"]'),
        ('SHELL ["a", "-c"]', "shell", ("a", "-c"), "SHELL [a -c]"),
        ("ONBUILD RUN  x", "on_build", ("RUN  x",), "ONBUILD RUN  x"),
        (
            "HEALTHCHECK --interval=5s --timeout=1m --retries=3 CMD echo ok",
            "healthcheck",
            OCIHealthcheck(
                test=("CMD-SHELL", "echo ok"),
                interval=5_000_000_000,
                timeout=60_000_000_000,
                retries=3,
            ),
            "HEALTHCHECK &{[CMD-SHELL echo ok] 5s 1m0s 0s 0s 3}",
        ),
        (
            "HEALTHCHECK NONE",
            "healthcheck",
            OCIHealthcheck(test=("NONE",)),
            "HEALTHCHECK &{[NONE] 0s 0s 0s 0s 0}",
        ),
    ],
)
def test_instructions(text: str, field: str, value: object, comment: str) -> None:
    found = applied(text)
    assert getattr(found.config, field) == value
    assert found.comment == comment


def test_a_health_check_keeps_the_times_it_does_not_name() -> None:
    first = applied("HEALTHCHECK --interval=5s --retries=2 CMD a").config
    check = applied("HEALTHCHECK --interval=7s CMD b", first).config.healthcheck
    assert check == OCIHealthcheck(test=("CMD-SHELL", "b"), interval=7_000_000_000, retries=2)


def test_a_shell_of_ones_own() -> None:
    shell = applied('SHELL ["ash", "-ec"]').config
    assert applied("CMD x", shell).config.cmd == ("ash", "-ec", "x")


@pytest.mark.parametrize("text", ["RUN a", "COPY a b", "ARG x", "MAINTAINER a"])
def test_what_is_more_than_configuration(text: str) -> None:
    assert apply(CONFIG, read_text(text), {}) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("EXPOSE abc", "Invalid containerPort: abc"),
        ("EXPOSE 70000", "Invalid containerPort: 70000"),
        ("EXPOSE 90-80", "Invalid containerPort: 90-80"),
        ("EXPOSE 80/foo", "Invalid proto: foo"),
        ("EXPOSE /tcp", "No port specified: /tcp<empty>"),
        ("EXPOSE x:80", "Invalid hostPort: x"),
        ("STOPSIGNAL FOO", "invalid signal: FOO"),
        ("STOPSIGNAL 0", "invalid signal: 0"),
        ("VOLUME $nope", "VOLUME specified can not be an empty string"),
        ("WORKDIR $nope", "cannot normalize nothing"),
        ("ENV $nope=x", "ENV names can not be blank"),
    ],
)
def test_what_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        applied(text)


def test_changes_of_commit_and_import() -> None:
    config = apply_changes(OCIRunConfig(), ["ENV A=b\nCMD x $A", "LABEL l=$A"])
    assert (config.env, config.cmd, config.labels) == (
        ("A=b",),
        ("/bin/sh", "-c", "x $A"),
        {"l": "b"},
    )


@pytest.mark.parametrize("change", ["RUN x", "FROM x", 'SHELL ["a"]', "COPY a b"])
def test_other_changes_are_refused(change: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a valid change command"):
        apply_changes(OCIRunConfig(), [change])
