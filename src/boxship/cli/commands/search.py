"""boxship search: images in a registry."""

from boxship.cli.credentials import INDEX, encoded, get
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.formatting import Listing, ellipsis
from boxship.cli.running import Context, check_filter, filters_query


def run(context: Context, options: Options) -> None:
    """Ask the registry and print what it found."""
    query = {
        "term": options.args[0],
        "filters": filters_query(options.filter),
        "limit": str(options.limit) if options.limit > 0 else None,
    }
    term = options.args[0]
    domain = term.partition("/")[0] if "." in term.partition("/")[0] and "/" in term else INDEX
    headers = {"X-Registry-Auth": encoded(get(context.config, domain))}
    rows = context.client.request("GET", "/images/search", query, headers=headers).json()
    rows.sort(key=lambda row: -row.get("star_count", 0))
    listing(full=options.no_trunc).show(rows, options.format)


def _official(row: "dict[str, object]") -> str:
    return "[OK]" if row.get("is_official") else ""


def listing(*, full: bool) -> Listing:
    """The columns of `search`."""

    def description(row: "dict[str, object]") -> str:
        text = str(row.get("description") or "").replace("\n", " ").replace("\r", " ")
        return text if full else ellipsis(text, 45)

    fields = {
        "Description": ("DESCRIPTION", description),
        "IsOfficial": ("OFFICIAL", _official),
        "Name": ("NAME", lambda row: row["name"]),
        "StarCount": ("STARS", lambda row: str(row.get("star_count", 0))),
    }
    return Listing(
        "*registry.searchContext", fields, ("Name", "Description", "StarCount", "IsOfficial")
    )


COMMAND = Command(
    "search [OPTIONS] TERM",
    run,
    Flag("filter", "f", "filter", "Filter output based on conditions provided", check=check_filter),
    Flag("format", "", "string", "Pretty-print search using a Go template"),
    Flag("limit", "", "int", "Max number of search results"),
    Flag("no-trunc", "", "bool", "Don't truncate output"),
    args=(1, 1),
)
