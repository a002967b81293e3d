"""Starts one program and tells its beginning, exit code and peak memory.

`launcher.py FD PROCESSORS PROGRAM ...`: numbers with commas, or `all`; the program inherits them.

A process that is measured is no child of the one that measures: Linux counts the memory that the parent had
at its start into the child's peak. This one is small.
"""

import os
import sys
import time

if __name__ == "__main__":
    pipe = int(sys.argv[1])
    os.set_inheritable(pipe, False)
    if sys.argv[2] != "all":
        os.sched_setaffinity(0, map(int, sys.argv[2].split(",")))
    begin = time.monotonic()
    process = os.posix_spawn(sys.argv[3], sys.argv[3:], os.environ)
    _, status, usage = os.wait4(process, 0)
    os.write(pipe, f"{begin!r} {os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}".encode())
