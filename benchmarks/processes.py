"""What a child process costs: processor seconds and peak memory, as the kernel counted them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """One process from start to end."""

    cpu: float  # seconds, user and system
    peak: float  # MB resident


def measure(arguments: Sequence[str], *, times: int = 1) -> Cost:
    """Run `python ARGUMENTS` a number of times; return the cheapest run. Leaves with its output when it fails."""
    costs = []
    for _ in range(times):
        command = [sys.executable, *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{' '.join(arguments)} ended with {child.returncode}:\n{output}")
        costs.append(Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    return min(costs, key=lambda cost: cost.cpu)
