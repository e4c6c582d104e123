"""Columns as Go's tabwriter makes them."""

from boxship.cli.tables import align, expand


def test_columns_are_three_apart_and_ten_wide() -> None:
    assert align([("A", "NAME"), ("abcdefghij", "x")]) == "A            NAME\nabcdefghij   x\n"
    assert align([("A", "B"), ("c", "d")]) == "A         B\nc         d\n"
    assert align([]) == ""


def test_expanded_text_is_the_same() -> None:
    assert expand("A\tNAME\nabcdefghij\tx\n") == "A            NAME\nabcdefghij   x\n"


def test_a_column_ends_where_a_line_lacks_it() -> None:
    assert expand("a\tb\nplain\nlonger text\tc\n") == "a         b\nplain\nlonger text   c\n"
