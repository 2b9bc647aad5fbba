"""CPU time and peak memory of a child process, as counted by the kernel."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# The kernel counts the memory of the parent at the fork towards the child's peak, hence a small process in between.
_LAUNCHER = """
import json, os, sys
pid = os.fork()
if not pid:
    os.dup2(2, 1)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """One process from start to end."""

    cpu: float  # seconds, user and system
    peak: float  # MB resident


def measure(arguments: Sequence[str], *, times: int = 1) -> Cost:
    """Run `python ARGUMENTS` a number of times; return the cheapest run. Leaves with its output when it fails."""
    costs = []
    for _ in range(times):
        command = [sys.executable, "-S", "-c", _LAUNCHER, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        code, cpu, peak = json.loads(done.stdout)
        if code:
            sys.exit(f"{' '.join(arguments)} ended with {code}:\n{done.stderr}")
        costs.append(Cost(cpu, peak))
    return min(costs, key=lambda cost: cost.cpu)
