"""Boxship beside a reference Docker Engine, measured in one run with the same docker CLI.

usage: compare.py --reference unix:///var/run/docker.sock[@NETNS] [--only run,exec,…] [--runs N] [--check]

Every workload alternates between the engines; medians and the ratio to the reference are printed, with
what Boxship promises. --check fails when a promise is broken. @NETNS names the network namespace (in
/run/netns) of an engine that lives in another one.
"""

import argparse
import sys

from race import Options, race
from workloads import WORKLOADS


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reference", required=True, metavar="DOCKER_HOST[@NETNS]")
    parser.add_argument(
        "--only", default=",".join(WORKLOADS), help="workloads, separated by commas"
    )
    parser.add_argument("--runs", type=int, default=21, help="runs of each short workload")
    parser.add_argument(
        "--reference-daemon",
        default="",
        metavar="'DOCKER_HOST[@NETNS] COMMAND…'",
        help="starts a dockerd with --live-restore that may be restarted, for the workload restart",
    )
    parser.add_argument("--check", action="store_true", help="fail when a promise is broken")
    options = parser.parse_args()
    kept = True
    chosen = Options(options.runs, options.reference_daemon)
    with race(options.reference) as contestants:
        print(f"{'':38}{'reference':>10}{'boxship':>10}{'':5}{'ratio':>7}  promise")
        for name in options.only.split(","):
            for measurement in WORKLOADS[name](contestants, chosen):
                print(measurement.row(), flush=True)
                kept &= measurement.kept()
    return 0 if kept or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
