#!/usr/bin/env python3
"""clock-gaps.py [SECONDS]: how long the machine takes its processors away. One process on each of them does nothing but
read the clock; a gap of more than 0.3 ms between two readings is time in which it did not run."""
import os
import sys
import time

GAP_S = 0.0003


def watch(processor, seconds):
    os.sched_setaffinity(0, {processor})
    last = time.perf_counter()
    end = last + seconds
    gaps = []
    while last < end:
        here = time.perf_counter()
        if here - last > GAP_S:
            gaps.append(here - last)
        last = here
    share = 100 * sum(gaps) / seconds
    print(f"processor {processor}: {len(gaps)} gaps in {seconds:g} s, {share:.1f} % of the time, "
          f"the longest {1e3 * max(gaps, default=0):.1f} ms", flush=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    children = []
    for processor in sorted(os.sched_getaffinity(0)):
        child = os.fork()
        if child == 0:
            watch(processor, seconds)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
