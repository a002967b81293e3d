"""Folders that tell of a CPU quota as Linux does: for the package's own count and for the C++ one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MOUNT_2 = "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
MOUNT_1 = (
    "23 0 8:1 / / rw - ext4 /dev/root rw\n"
    "32 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 23 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:11 master:4 - cgroup cgroup rw,cpu,cpuacct\n"
)
CPU_1 = "sys/fs/cgroup/cpu,cpuacct"
CASES: Mapping[str, tuple[Mapping[str, str], int | None]] = {
    "nothing is there": ({}, None),
    "version 2, no quota": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/app\n",
            "sys/fs/cgroup/app/cpu.max": "max 100000\n",
        },
        None,
    ),
    "version 2, half a processor is one": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
        },
        1,
    ),
    "version 2, one and a half are two": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
        },
        2,
    ),
    "version 2, the group above has less": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/a/b/c\n",
            "sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/a/cpu.max": "20000 20000\n",
        },
        1,
    ),
    "version 1, no quota": (
        {
            "proc/self/mountinfo": MOUNT_1,
            "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n0::/\n",
            f"{CPU_1}/x/cpu.cfs_quota_us": "-1\n",
            f"{CPU_1}/x/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "version 1, in a service": (
        {
            "proc/self/mountinfo": MOUNT_1,
            "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/service/x:y\n",
            f"{CPU_1}/service/x:y/cpu.cfs_quota_us": "100000\n",
            f"{CPU_1}/service/x:y/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "version 1, a container that sees its own group only": (
        {
            "proc/self/mountinfo": MOUNT_1.replace("0:30 / ", "0:30 /docker/0a1b "),
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/0a1b/inner\n",
            f"{CPU_1}/inner/cpu.cfs_quota_us": "300000\n",
            f"{CPU_1}/inner/cpu.cfs_period_us": "100000\n",
            f"{CPU_1}/cpu.cfs_quota_us": "10000\n",
            f"{CPU_1}/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "a group outside of what is mounted": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/../../elsewhere\n",
            "sys/fs/cgroup/cpu.max": "100000 100000\n",
        },
        1,
    ),
    "both versions, and a space in a name": (
        {
            "proc/self/mountinfo": MOUNT_1
            + "41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n",
            "proc/self/cgroup": "4:cpu,cpuacct:/\n0::/own\n",
            f"{CPU_1}/cpu.cfs_quota_us": "400000\n",
            f"{CPU_1}/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/uni fied/own/cpu.max": "90000 100000\n",
        },
        1,
    ),
    "files that say nothing": (
        {
            "proc/self/mountinfo": MOUNT_2 + "no line of this file\n",
            "proc/self/cgroup": "0::/\nno line either\n",
            "sys/fs/cgroup/cpu.max": "nan 100000\n",
        },
        None,
    ),
    "a period of nothing": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "100000 0\n",
        },
        None,
    ),
    "more than there are": (
        {
            "proc/self/mountinfo": MOUNT_2,
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "9000000000000 100000\n",
        },
        90_000_000,
    ),
}
"""By what it is: files by their path, and how many processors the quota leaves; None: there is no quota."""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """`root` with these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
