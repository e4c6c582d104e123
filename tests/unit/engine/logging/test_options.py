"""Log options as Docker Engine 28 refuses them: recorded from it."""

from pathlib import Path

import pytest

from boxship.engine.logging.drivers import DRIVERS, SINKS, check_log_config
from boxship.engine.logging.files import file_spec
from boxship.engine.logging.info import LogInfo
from boxship.errors import BoxshipError, InvalidArgument

REFUSED = """
foo | | error looking up logging plugin foo: plugin "foo" not found
splunk | | error looking up logging plugin splunk: plugin "splunk" not found
json-file | x=y | unknown log opt 'x' for json-file log driver
json-file | mode=foo | logger: logging mode not supported: foo
json-file | mode=non-blocking max-buffer-size=x | error parsing option max-buffer-size: invalid size: 'x'
json-file | max-buffer-size=4m | logger: max-buffer-size option is only supported with 'mode=non-blocking'
local | x=y | unknown log opt 'x' for log driver local
journald | x=y | unknown log opt 'x' for journald log driver
journald | cache-disabled=x | invalid value for option cache-disabled: x
journald | cache-foo=x | unknown log opt 'cache-foo' for journald log driver
syslog | x=y | unknown log opt 'x' for syslog log driver
syslog | syslog-address=foo | unsupported scheme: ''
syslog | syslog-address=foo://bar | unsupported scheme: 'foo'
syslog | syslog-address=unix:///nope | stat /nope: no such file or directory
syslog | syslog-address=tcp://127.0.0.1:x | parse "tcp://127.0.0.1:x": invalid port ":x" after host
syslog | syslog-address=tcp://[::1 | parse "tcp://[::1": missing ']' in host
syslog | syslog-facility=foo | invalid syslog facility
syslog | syslog-facility=24 | invalid syslog facility
syslog | syslog-facility=-1 | invalid syslog facility
syslog | syslog-format=foo | Invalid syslog format
gelf | | gelf-address is a required parameter
gelf | gelf-address=foo | gelf: endpoint needs to be TCP or UDP
gelf | gelf-address=udp://1.2.3.4 | gelf: please provide gelf-address as proto://host:port
gelf | gelf-address=http://1.2.3.4:5 | gelf: endpoint needs to be TCP or UDP
gelf | gelf-address=udp://1.2.3.4:5 x=y | unknown log opt "x" for gelf log driver
gelf | gelf-address=udp://1.2.3.4:5 gelf-compression-type=foo | unknown value "foo" for log opt "gelf-compression-type" for gelf log driver
gelf | gelf-address=udp://1.2.3.4:5 gelf-compression-level=10 | unknown value "10" for log opt "gelf-compression-level" for gelf log driver
gelf | gelf-address=tcp://1.2.3.4:5 gelf-compression-level=1 | compression is only supported on UDP
gelf | gelf-address=udp://1.2.3.4:5 gelf-tcp-max-reconnect=3 | "gelf-tcp-max-reconnect" is only valid for TCP
gelf | gelf-address=tcp://1.2.3.4:5 gelf-tcp-max-reconnect=x | "gelf-tcp-max-reconnect" must be a positive integer
gelf | gelf-address=tcp://1.2.3.4:5 gelf-tcp-reconnect-delay=-1 | "gelf-tcp-reconnect-delay" must be a positive integer
fluentd | x=y | unknown log opt 'x' for fluentd log driver
fluentd | fluentd-async-connect=true | unknown log opt 'fluentd-async-connect' for fluentd log driver
fluentd | fluentd-address=tcp://1.2.3.4:x | invalid fluentd-address (tcp://1.2.3.4:x): parse "tcp://1.2.3.4:x": invalid port ":x" after host
fluentd | fluentd-address=foo://1.2.3.4 | invalid fluentd-address (foo://1.2.3.4): unsupported scheme: 'foo'
fluentd | fluentd-address=unix:// | invalid fluentd-address (unix://): path is empty
fluentd | fluentd-address=1.2.3.4/foo | invalid fluentd-address (1.2.3.4/foo): should not contain a path element
fluentd | fluentd-async=x | strconv.ParseBool: parsing "x": invalid syntax
fluentd | fluentd-async-reconnect-interval=x | invalid value for fluentd-async-reconnect-interval: time: invalid duration "x"
fluentd | fluentd-async-reconnect-interval=1ms | invalid value for fluentd-async-reconnect-interval: value ("1ms") must be between 100ms and 10s
fluentd | fluentd-buffer-limit=x | invalid size: 'x'
fluentd | fluentd-retry-wait=x | time: invalid duration "x"
fluentd | fluentd-max-retries=-1 | strconv.ParseUint: parsing "-1": invalid syntax
fluentd | fluentd-write-timeout=x | invalid value for fluentd-write-timeout: value must be a duration: time: invalid duration "x"
fluentd | fluentd-write-timeout=-1s | invalid value for fluentd-write-timeout: value must be a duration that is non-negative
"""
ACCEPTED = """
none | x=y
json-file | max-size=abc max-file=0 compress=x tag={{.Nope}} labels-regex=(
json-file | mode=non-blocking max-buffer-size=4m cache-disabled=true
local | max-size=abc
journald | tag=x labels=a env=b labels-regex=x env-regex=y
syslog | syslog-address=tcp:// syslog-tls-skip-verify=x
syslog | syslog-facility=23 syslog-format=rfc5424micro
syslog | syslog-address=udp://1.2.3.4:99999 cache-max-size=abc
fluentd | fluentd-address=1.2.3.4:5:6 fluentd-async=true fluentd-write-timeout=1s
"""
AT_START = """
json-file | max-size=abc | invalid size: 'abc'
json-file | max-size=0 | max-size must be a positive number
json-file | max-size=10k max-file=0 | max-file cannot be less than 1
json-file | max-size=10k max-file=x | strconv.Atoi: parsing "x": invalid syntax
json-file | max-size=10k compress=x | strconv.ParseBool: parsing "x": invalid syntax
json-file | max-size=10k compress=true | compress cannot be true when max-file is less than 2 or max-size is not set
local | max-size=abc | invalid value for max-size: abc: invalid size: 'abc'
local | compress=x | error reading compress log option: strconv.ParseBool: parsing "x": invalid syntax
local | max-file=1 | compression cannot be enabled when max file count is 1
"""
DIRECTORY = Path("/data/containers/abc")


def cases(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ", 2)] for line in table.strip().splitlines()]


def options(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.strip("| ").split())


def an_info(text: str = "", **facts: object) -> LogInfo:
    known = {
        "options": options(text),
        "container_id": "c" * 64,
        "name": "web",
        "command": "sh -c true",
        "image_id": "sha256:abc",
        "image_name": "busybox",
        "created": "2026-11-24T11:51:13.487796585Z",
    }
    return LogInfo(**(known | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", cases(REFUSED), ids=lambda case: " ".join(case[:2]))
def test_refused_in_docker_s_words(case: list[str]) -> None:
    driver, *_, text = case
    with pytest.raises(InvalidArgument) as refusal:
        check_log_config(driver, options(case[1]) if len(case) == 3 else {})
    assert str(refusal.value) == text.removeprefix("| ")


@pytest.mark.parametrize("case", cases(ACCEPTED), ids=" ".join)
def test_accepted_when_created(case: list[str]) -> None:
    check_log_config(case[0], options(case[1]))


@pytest.mark.parametrize("case", cases(AT_START), ids=lambda case: " ".join(case[:2]))
def test_refused_at_the_start(case: list[str]) -> None:
    with pytest.raises(BoxshipError) as refusal:
        file_spec(case[0], DIRECTORY, an_info(case[1]))
    assert str(refusal.value) == case[2]


@pytest.mark.parametrize(
    ("driver", "text", "name", "limits"),
    [
        ("json-file", "", "abc-json.log", (10 << 20, 5, True)),  # ours: Docker's logs fill disks
        ("json-file", "max-file=1", "abc-json.log", (10 << 20, 1, False)),
        ("json-file", "max-size=10k", "abc-json.log", (10_000, 1, False)),
        ("json-file", "max-size=1m max-file=3 compress=true", "abc-json.log", (1_000_000, 3, True)),
        ("json-file", "max-size=-1", "abc-json.log", (0, 1, False)),
        ("local", "", "local-logs/container.log", (20 << 20, 5, True)),
        ("local", "max-size=1k max-file=2", "local-logs/container.log", (1024, 2, True)),
        ("local", "max-size=-1", "local-logs/container.log", (0, 5, True)),
        ("syslog", "", "container-cached.log", (20 << 20, 5, True)),
        ("gelf", "cache-max-size=1m cache-max-file=2", "container-cached.log", (1 << 20, 2, True)),
        ("fluentd", "cache-max-size=abc", "container-cached.log", (20 << 20, 5, True)),
    ],
)
def test_where_a_log_is_kept(
    driver: str, text: str, name: str, limits: tuple[int, int, bool]
) -> None:
    spec = file_spec(driver, DIRECTORY, an_info(text))
    assert spec is not None
    assert spec.path == DIRECTORY / name
    assert (spec.max_bytes, spec.max_files, spec.compress) == limits


def test_what_is_not_kept_is_not_read() -> None:
    assert file_spec("none", DIRECTORY, an_info()) is None
    assert file_spec("syslog", DIRECTORY, an_info("cache-disabled=true")) is None


def test_every_driver_is_listed() -> None:
    assert set(DRIVERS) == {*SINKS, "json-file", "local"}
