"""The engine as a whole."""

from support.differential.judge import Judge
from support.differential.steps import Case, Look, api, case, flat

VERSIONS = (
    "1 1.51.0 1.51.1 1.24.0 1.24.1 1.23.9 2 .. 1. 1.x 01.51 x 1.24.x 99999999999999999999.1 1..51"
)

CASES = flat(
    case("ping", api("GET", "/_ping"), api("HEAD", "/_ping")),
    case("ping without version", api("GET", "/_ping", version="")),
    [case(f"version {v}", api("GET", "/_ping", version=f"v{v}")) for v in VERSIONS.split()],
    case("version", api("GET", "/version", look=Look.SHAPE)),
    case("info", api("GET", "/info", look=Look.SHAPE)),
    case("unknown route", api("GET", "/nosuch"), api("GET", "/v1.2/x", version="")),
    case("unknown route of an old version", api("GET", "/nosuch", version="v1.1")),
    case("other methods", api("POST", "/info"), api("DELETE", "/_ping"), api("HEAD", "/info")),
    case("options", api("OPTIONS", "/info"), api("OPTIONS", "/nosuch", version="")),
    case("final slash", api("GET", "/info/"), api("GET", "//info", version="")),
    case("unclean path", api("GET", "/containers/../info"), api("POST", "/./info", a="b c")),
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
