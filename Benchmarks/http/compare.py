"""Loads Examples/HTTPServer and its rivals with wrk, in turn, and prints the table of `make bench-http`.

Each server handles the same requests on the same number of threads. A round loads every server once with each load, so
that changes of the machine's speed affect all of them. wrk shares the processors with the servers.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import bench  # noqa: E402  (found through the path above)

#: Name of the load, path, and which share of the requests blocks for 50 ms.
LOADS = [
    ("plain text", "/plaintext", 0),
    ("JSON", "/json", 0),
    ("plain text, one in 100 blocks", "/plaintext", 100),
    ("plain text, one in 20 blocks", "/plaintext", 20),
    ("computing", "/computing", 0),
]


def processor_time(process: subprocess.Popen) -> float:
    """Of all its threads, in seconds."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def load(server: subprocess.Popen, port: int, path: str, share: int, options: argparse.Namespace) -> tuple[float, ...]:
    """Requests a second, the 99th percentile of the latency of those that do not block, in milliseconds, and the
    server's processor time for a request, in microseconds."""
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--timeout", "30s", "-s"]
    command += [str(HERE / "mixed.lua"), f"http://127.0.0.1:{port}", "--", path, str(share)]
    before = processor_time(server)
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    used = processor_time(server) - before
    requests, rate, all_of_them, others, failures = output.split("measured ")[1].split()
    if int(failures):
        sys.exit(f"{failures} requests failed: {' '.join(command)}")
    return float(rate), float(others if share == 100 else all_of_them), used / int(requests) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Tables of HTTP servers.")
    parser.add_argument("--swift", required=True, help="the program HTTPServer")
    parser.add_argument("--go", help="the program made from server.go")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    commands = {
        "pool": [options.swift, "0", "pool", str(options.threads)],
        "pool without monitor": [options.swift, "0", "fixed", str(options.threads)],
        "Swift's executor": [options.swift, "0", "swift"],
    }
    if options.go:
        commands["Go"] = ["env", f"GOMAXPROCS={options.threads}", options.go, "0"]
    servers = {name: subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for name, command in commands.items()}
    try:
        ports = {name: int(server.stdout.readline().split()[1]) for name, server in servers.items()}
        measured: dict[tuple[str, str], list[tuple[float, ...]]] = {}
        for number in range(1, options.rounds + 1):
            print(f"== http: round {number} of {options.rounds}", file=sys.stderr)
            for title, path, share in LOADS:
                for name, port in ports.items():
                    measured.setdefault((title, name), []).append(load(servers[name], port, path, share, options))
    finally:
        for server in servers.values():
            server.terminate()

    print("### HTTP servers\n")
    print(bench.machine(["go"] if options.go else []) + "\n")
    print(f"Medians of {options.rounds} rounds of {options.seconds} s, {options.connections} connections.\n")
    lines = []
    for title, _, share in LOADS:
        base = [statistics.median(values) for values in zip(*measured[title, "pool"])]
        for name in commands:
            medians = [statistics.median(values) for values in zip(*measured[title, name])]
            ratios = [f"{value / of_pool:.2f}" for value, of_pool in zip(medians, base)]
            rate, latency, cpu = f"{medians[0]:,.0f}", f"{medians[1]:.1f}", f"{medians[2]:.1f}"
            lines.append([title, name, rate, ratios[0], latency, ratios[1], cpu, ratios[2]])
    header = ["load", "server", "requests/s", "÷ pool", "99 % within ms", "÷ pool", "CPU µs a request", "÷ pool"]
    print(bench.markdown(header, lines))


if __name__ == "__main__":
    main()
