"""What completes from fixed lists; those of log options and events are Docker's."""

COMMON = ("max-buffer-size", "mode")
OF_CONTAINERS = (*COMMON, "env", "env-regex", "labels")
ROTATION = ("compress", "max-file", "max-size")
LOG_OPTIONS = {
    "fluentd": (
        *OF_CONTAINERS,
        *("fluentd-address", "fluentd-async", "fluentd-buffer-limit", "fluentd-request-ack"),
        *("fluentd-retry-wait", "fluentd-max-retries", "fluentd-sub-second-precision"),
        *("fluentd-write-timeout", "tag"),
    ),
    "gelf": (
        *OF_CONTAINERS,
        *("gelf-address", "gelf-compression-level", "gelf-compression-type"),
        *("gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay", "tag"),
    ),
    "journald": (*OF_CONTAINERS, "tag"),
    "json-file": (*OF_CONTAINERS, *ROTATION),
    "local": (*COMMON, *ROTATION),
    "none": (),
    "syslog": (
        *OF_CONTAINERS,
        *("syslog-address", "syslog-facility", "syslog-format", "syslog-tls-ca-cert"),
        *("syslog-tls-cert", "syslog-tls-key", "syslog-tls-skip-verify", "tag"),
    ),
}
SECURITY_OPTIONS = (
    "apparmor=",
    "label=",
    "no-new-privileges",
    "seccomp=",
    "systempaths=unconfined",
)
SECURITY_LABELS = ("disable", "level:", "role:", "type:", "user:")

EVENT_FILTERS = (
    *("container", "daemon", "event", "image", "label"),
    *("network", "node", "scope", "type", "volume"),
)
EVENT_VALUES = {
    "label": (),
    "node": (),
    "scope": ("local", "swarm"),
    "type": (
        *("builder", "config", "container", "daemon", "image", "network"),
        *("node", "plugin", "secret", "service", "volume"),
    ),
    "event": (
        *("create", "start", "restart", "stop", "checkpoint", "pause", "unpause", "attach"),
        *("detach", "resize", "update", "rename", "kill", "die", "oom", "destroy", "remove"),
        *("commit", "top", "copy", "archive-path", "extract-to-dir", "export", "import"),
        *("save", "load", "tag", "untag", "push", "pull", "prune", "delete", "enable"),
        *("disable", "connect", "disconnect", "reload", "mount", "unmount", "exec_create"),
        *("exec_start", "exec_die", "exec_detach", "health_status"),
    ),
}

_CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID"),
    *("SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST"),
    *("NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO"),
    *("SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE"),
    *("SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE"),
    *("AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM"),
    *("BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"),
)
_SIGNALS = (
    *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT"),
    *("KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS"),
    *("TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH"),
    *("XCPU", "XFSZ", "RTMIN", *(f"RTMIN+{n}" for n in range(1, 16))),
    *(*(f"RTMAX-{n}" for n in range(14, 0, -1)), "RTMAX"),
)
FIXED: "dict[str, tuple[str, ...]]" = {
    "capabilities": ("ALL", *(f"CAP_{name}" for name in _CAPABILITIES)),
    "cgroup namespaces": ("host", "private"),
    "host": ("host",),
    "log levels": ("debug", "info", "warn", "error", "fatal", "panic"),
    "object types": (
        *("config", "container", "image", "network", "node"),
        *("plugin", "secret", "service", "task", "volume"),
    ),
    "platforms": (
        *("linux/386", "linux/amd64", "linux/arm", "linux/arm/v5", "linux/arm/v6"),
        *("linux/arm/v7", "linux/arm64", "linux/arm64/v8", "linux/ppc64le", "linux/s390x"),
        *("linux/riscv64", "windows/amd64", "wasip1/wasm"),
    ),
    "pull policies": ("always", "missing", "never"),
    "restart policies": ("no", "always", "on-failure", "unless-stopped"),
    "signals": _SIGNALS,
    "streams": ("stderr", "stdin", "stdout"),
}
_ULIMITS = (
    *("as", "chroot", "core", "cpu", "data", "fsize", "locks", "maxlogins", "maxsyslogins"),
    *("memlock", "msgqueue", "nice", "nofile", "nproc", "priority", "rss", "rtprio"),
    *("sigpending", "stack"),
)
POSTFIXED: "dict[str, tuple[str, ...]]" = {
    "detach keys": ("ctrl-",),
    "storage options": ("size=",),
    "ulimits": tuple(f"{name}=" for name in _ULIMITS),
}
