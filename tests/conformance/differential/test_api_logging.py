"""Log drivers and their options: what is refused when, what inspect shows, what is read back."""

from support.differential.judge import Judge
from support.differential.steps import Case, Look, Step, api, case, create, finish, flat

SCRIPT = "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three"


def config(driver: str, options: str) -> dict[str, object]:
    pairs = dict(pair.split("=", 1) for pair in options.split())
    return {"LogConfig": {"Type": driver, "Config": pairs}}


def refused(driver: str, options: str = "") -> Case:
    """When it is created."""
    body = {"Image": "<image>", "HostConfig": config(driver, options)}
    name = f"refused {driver} {options}".strip()
    return case(name, api("POST", "/containers/create", body, name="<c>"))


def fails(driver: str, options: str = "") -> Case:
    """When it is started."""
    return case(
        f"fails {driver} {options}".strip(),
        *create("c", "true", HostConfig=config(driver, options)),
        api("POST", "/containers/<c>/start"),
        api("GET", "/containers/<c>/json", look=Look.SHAPE),
    )


def logs(**query: str) -> Step:
    return api("GET", "/containers/<c>/logs", stdout="1", stderr="1", **query)


def kept(driver: str, options: str = "", **settings: object) -> Case:
    """Read back in several ways."""
    host = config(driver, options)
    return case(
        f"kept {driver} {options}".strip(),
        *finish("c", "sh", "-c", SCRIPT, HostConfig=host, **settings),
        logs(),
        logs(tail="1"),
        logs(details="1"),
        logs(follow="1"),
        api("GET", "/containers/<c>/json"),
    )


UDP = "udp://127.0.0.1:9"

CASES = flat(
    refused("foo"),
    refused("foo", "x=y"),
    refused("none", "x=y"),
    refused("json-file", "x=y"),
    refused("json-file", "mode=foo"),
    refused("json-file", "mode=non-blocking max-buffer-size=x"),
    refused("json-file", "max-buffer-size=4m"),
    refused("local", "x=y"),
    refused("journald", "x=y"),
    refused("journald", "cache-disabled=x"),
    refused("journald", "cache-foo=x"),
    refused("syslog", "x=y"),
    *(
        refused("syslog", f"syslog-address={a}")
        for a in ("foo", "foo://bar", "unix:///nope", "tcp://h:x")
    ),
    *(refused("syslog", f"syslog-facility={f}") for f in ("foo", "24", "-1", "local9")),
    refused("syslog", "syslog-format=foo"),
    refused("gelf"),
    *(refused("gelf", f"gelf-address={a}") for a in ("foo", "udp://1.2.3.4", "http://1.2.3.4:5")),
    refused("gelf", f"gelf-address={UDP} gelf-compression-type=foo"),
    refused("gelf", f"gelf-address={UDP} gelf-compression-level=10"),
    refused("gelf", "gelf-address=tcp://1.2.3.4:5 gelf-compression-type=gzip"),
    refused("gelf", f"gelf-address={UDP} gelf-tcp-max-reconnect=3"),
    refused("gelf", "gelf-address=tcp://1.2.3.4:5 gelf-tcp-reconnect-delay=-1"),
    refused("fluentd", "x=y"),
    *(
        refused("fluentd", f"fluentd-address={a}")
        for a in ("tcp://1.2.3.4:x", "foo://1.2.3.4", "unix://", "udp://1.2.3.4:5", "1.2.3.4/foo")
    ),
    refused("fluentd", "fluentd-async=x"),
    refused("fluentd", "fluentd-async-reconnect-interval=1ms"),
    refused("fluentd", "fluentd-buffer-limit=x"),
    refused("fluentd", "fluentd-retry-wait=x"),
    refused("fluentd", "fluentd-max-retries=-1"),
    refused("fluentd", "fluentd-write-timeout=-1s"),
    fails("json-file", "max-size=abc"),
    fails("json-file", "max-size=0"),
    fails("json-file", "max-size=10k max-file=0"),
    fails("json-file", "max-size=10k max-file=x"),
    fails("json-file", "max-size=10k compress=x"),
    fails("json-file", "max-size=10k compress=true"),
    fails("json-file", "tag={{.Foo}}"),
    fails("json-file", "tag={{.ID"),
    fails("json-file", "labels-regex=("),
    fails("local", "max-size=abc"),
    fails("local", "max-file=1"),
    fails("local", "compress=x"),
    fails("syslog"),
    fails("syslog", "syslog-address=tcp://127.0.0.1:9"),
    fails("syslog", "syslog-address=tcp+tls://127.0.0.1:9 syslog-tls-ca-cert=/nope"),
    fails("gelf", "gelf-address=tcp://127.0.0.1:9"),
    fails("fluentd", "fluentd-address=127.0.0.1:9"),
    fails("fluentd", "fluentd-address=unix:///nope"),
    kept("json-file"),
    kept("json-file", "labels=a env=E tag={{.ImageName}}", Labels={"a": "1 2"}, Env=["E=é"]),
    kept("json-file", "mode=non-blocking max-buffer-size=4m"),
    kept("json-file", "max-size=10k max-file=3 compress=true"),
    kept("local"),
    kept("none"),
    kept("syslog", f"syslog-address={UDP} syslog-format=rfc5424"),
    kept("syslog", f"syslog-address={UDP} cache-disabled=true"),
    kept("fluentd", "fluentd-async=true"),
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
