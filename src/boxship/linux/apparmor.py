"""AppArmor: whether this kernel confines by it, and which profiles are loaded."""


def is_enabled() -> bool:
    """True when the kernel enforces AppArmor profiles."""
    try:
        with open("/sys/module/apparmor/parameters/enabled", encoding="ascii") as file:
            return file.read(1) == "Y"
    except OSError:
        return False


def is_loaded(profile: str) -> bool:
    """True when a profile of this name is loaded."""
    try:
        with open("/sys/kernel/security/apparmor/profiles", encoding="utf-8") as file:
            return any(line.rpartition(" (")[0] == profile for line in file)
    except OSError:
        return False
