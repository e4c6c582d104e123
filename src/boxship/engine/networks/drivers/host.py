"""The host driver: containers share the host's own network, there is nothing to make."""

from boxship.model.network import Network

NAME = "host"


def network(identifier: str, created: int) -> Network:
    """The one network of this driver."""
    return Network(id=identifier, name=NAME, created=created, driver=NAME)
