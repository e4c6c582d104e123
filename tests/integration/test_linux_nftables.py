"""nftables on the real kernel, by both ways, in a namespace of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.errors import BoxshipError, NotFound
from boxship.linux import namespaces
from boxship.linux.nftables import LibNftables, NftProgram, open_nftables

pytestmark = pytest.mark.root


@pytest.fixture
def netns(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "netns"
    namespaces.create_netns(path, lambda: None)
    yield path
    namespaces.delete_netns(path)


@pytest.mark.parametrize("way", [LibNftables, NftProgram])
def test_commands_take_effect_and_answer(netns: Path, way: type[LibNftables | NftProgram]) -> None:
    def test() -> None:
        nft = way()
        nft.run("add table inet t\nadd set inet t s { type ipv4_addr; }")
        nft.run("add element inet t s { 192.0.2.7 }")
        assert "192.0.2.7" in nft.run("list set inet t s")
        nft.close()

    namespaces.run_in_netns(netns, test)


@pytest.mark.parametrize("way", [LibNftables, NftProgram])
def test_a_failing_command_undoes_the_others(
    netns: Path, way: type[LibNftables | NftProgram]
) -> None:
    def test() -> None:
        nft = way()
        with pytest.raises(NotFound, match="cannot change the firewall: No such file or directory"):
            nft.run("add table inet t\nadd rule inet absent c accept")
        with pytest.raises(BoxshipError, match="syntax error"):
            nft.run("add nonsense")
        assert nft.run("list tables") == ""
        nft.close()

    namespaces.run_in_netns(netns, test)


def test_the_library_stays_in_the_namespace_it_was_opened_in(netns: Path) -> None:
    nft = namespaces.run_in_netns(netns, open_nftables)
    nft.run("add table inet boxship_test_elsewhere")
    assert "boxship_test_elsewhere" in nft.run("list tables")
    assert "boxship_test_elsewhere" not in LibNftables().run("list tables")
    nft.close()
