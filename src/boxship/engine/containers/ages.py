"""Points in time as filters name them, where networks and images find them too: in the model."""

from boxship.model.moment import parse_moment

__all__ = ["parse_moment"]
