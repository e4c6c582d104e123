"""The metadata database."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.errors import AlreadyExists, Conflict, Internal, Unavailable, Unsupported
from boxship.model.config import RunConfig
from boxship.model.container import Container, ContainerNameTaken, HostConfig, NoSuchContainer
from boxship.model.network import Endpoint, Network, NetworkNameTaken
from boxship.model.volume import Volume
from boxship.store.metadata import Metadata


def a_container(identifier: str = "c1", name: str = "web") -> Container:
    return Container(
        id=identifier,
        name=name,
        created=1,
        image=None,
        image_reference="busybox",
        config=RunConfig(env=("A=1",)),
        host_config=HostConfig(),
    )


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[Metadata]:
    database = Metadata(tmp_path / "meta.db")
    yield database
    database.close()


def test_documents_come_back_as_they_went(metadata: Metadata) -> None:
    metadata.containers.put(a_container())
    assert metadata.containers.get("c1") == a_container()
    assert metadata.containers.find_by_name("web") == a_container()
    assert metadata.containers.list() == [a_container()]
    assert metadata.containers.find("c2") is None


def test_a_missing_document_raises_its_nouns_error(metadata: Metadata) -> None:
    with pytest.raises(NoSuchContainer, match="No such container: nope"):
        metadata.containers.get("nope")


def test_names_are_unique_in_dockers_words(metadata: Metadata) -> None:
    metadata.containers.put(a_container())
    with pytest.raises(ContainerNameTaken, match='"/web" is already in use by container "c1"'):
        metadata.containers.put(a_container("c2"))
    metadata.networks.put(Network(id="n1", name="net", created=1, driver="bridge"))
    with pytest.raises(NetworkNameTaken, match="network with name net already exists"):
        metadata.networks.put(Network(id="n2", name="net", created=1, driver="bridge"))


def test_add_refuses_a_known_key_but_put_replaces(metadata: Metadata) -> None:
    volume = Volume(name="data", driver="local", mountpoint="/x", created=1)
    metadata.volumes.add(volume)
    with pytest.raises(AlreadyExists):
        metadata.volumes.add(volume)
    metadata.volumes.put(Volume(name="data", driver="local", mountpoint="/y", created=1))
    assert metadata.volumes.get("data").mountpoint == "/y"


def test_rows_in_use_stay(metadata: Metadata) -> None:
    metadata.networks.put(Network(id="n1", name="net", created=1, driver="bridge"))
    endpoint = Endpoint(
        id="e1", network_id="n1", network_name="net", container_id="c", container_name="web"
    )
    metadata.endpoints.put(endpoint)
    with pytest.raises(Conflict):
        metadata.networks.delete("n1")
    assert metadata.endpoints.find_by("container_id", "c") == [endpoint]
    assert metadata.endpoints.delete("e1")
    assert metadata.networks.delete("n1")
    assert not metadata.networks.delete("n1")


def test_prefixes_find_one_or_tell_that_there_are_more(metadata: Metadata) -> None:
    for identifier in ("aa1", "aa2", "b"):
        metadata.containers.put(a_container(identifier, identifier))
    assert [c.id for c in metadata.containers.find_by_prefix("aa")] == ["aa1", "aa2"]
    assert [c.id for c in metadata.containers.find_by_prefix("b")] == ["b"]
    assert metadata.containers.find_by_prefix("%") == []


def test_a_failed_transaction_changes_nothing(metadata: Metadata) -> None:
    with pytest.raises(ZeroDivisionError), metadata.transaction():  # noqa: PT012
        metadata.containers.put(a_container())
        with metadata.transaction():
            metadata.settings.put("a", b"1")
        _ = 1 / 0
    assert metadata.containers.list() == []
    assert metadata.settings.find("a") is None


def test_what_was_stored_is_there_after_reopening(tmp_path: Path) -> None:
    first = Metadata(tmp_path / "meta.db")
    first.settings.put("a", b"1")
    first.close()
    second = Metadata(tmp_path / "meta.db")
    assert second.settings.find("a") == b"1"
    second.settings.delete("a")
    assert second.settings.find("a") is None
    second.close()


def test_threads_take_turns(metadata: Metadata) -> None:
    def work(number: int) -> None:
        for step in range(20):
            with metadata.transaction():
                metadata.settings.put(f"{number}.{step}", b"")
                metadata.settings.put(f"{number}.{step}.again", b"")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metadata.execute("SELECT count(*) FROM settings") == [(160,)]


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "meta.db")
    connection.execute("PRAGMA user_version = 1000")
    connection.close()
    with pytest.raises(Unsupported, match="newer release"):
        Metadata(tmp_path / "meta.db")


def test_garbage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Internal, match="cannot open"):
        Metadata(tmp_path / "meta.db")


def test_a_second_engine_on_the_same_root_is_refused(metadata: Metadata) -> None:
    metadata.settings.put("a", b"1")
    with pytest.raises(Unavailable, match="another engine uses it"):
        Metadata(metadata.path)
