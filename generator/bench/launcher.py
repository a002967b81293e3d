"""Starts one program and tells its beginning, exit code and peak memory: `launcher.py FD PROGRAM ...`.

A process that is measured is no child of the one that measures: Linux counts the memory that the parent had
at its start into the child's peak. This one is small.
"""

import os
import sys
import time

if __name__ == "__main__":
    pipe = int(sys.argv[1])
    os.set_inheritable(pipe, False)
    begin = time.monotonic()
    process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(process, 0)
    os.write(pipe, f"{begin!r} {os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}".encode())
