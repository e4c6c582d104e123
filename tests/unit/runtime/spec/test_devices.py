from boxship.linux.devices import Device
from boxship.model.container import DeviceMapping, HostConfig
from boxship.runtime.spec.devices import rules

NULL = Device("/dev/null", "c", 1, 3, 0o666, 0, 0)


def test_a_device_that_everybody_has_stays_writable_when_given_for_reading() -> None:
    """systemd takes the last rule of a device for the whole truth."""
    given = DeviceMapping(
        path_on_host="/dev/null", path_in_container="/dev/x", cgroup_permissions="r"
    )
    found = rules(HostConfig(devices=(given,)), {"/dev/null": (NULL,)})
    assert [rule["access"] for rule in found if rule.get("minor") == 3] == ["rwm"]


def test_rules_for_one_device_are_united() -> None:
    asked = HostConfig(device_cgroup_rules=("c 42:1 r", "c 42:* m", "c 42:1 w"))
    found = [rule for rule in rules(asked, {}) if rule.get("major") == 42]
    assert [(rule.get("minor"), rule["access"]) for rule in found] == [(1, "rw"), (None, "m")]
