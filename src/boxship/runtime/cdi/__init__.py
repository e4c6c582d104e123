"""Container Device Interface: devices that vendors describe in files, given to containers by name."""

from boxship.runtime.cdi.requests import give
from boxship.runtime.cdi.specs import DEFAULT_DIRECTORIES, list_devices

__all__ = ["DEFAULT_DIRECTORIES", "give", "list_devices"]
