"""Loads Examples/HTTPServer and its rivals with wrk, in turn, and prints the table of `make bench-http`.

Each server handles the same requests on the same number of threads. A round loads every server once with each load, so
that changes of the machine's speed affect all of them. wrk shares the processors with the servers.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import bench  # noqa: E402  (found through the path above)

@dataclasses.dataclass
class Load:
    title: str
    path: str
    #: Every so manieth request asks for the handler that blocks for 50 ms; 0: none.
    share: int = 0
    #: Connections beside the measured ones, which ask for nothing but that handler.
    blocking: int = 0


LOADS = [
    Load("plain text", "/plaintext"),
    Load("JSON", "/json"),
    Load("plain text, one in 100 blocks", "/plaintext", share=100),
    Load("plain text, beside 16 connections that block", "/plaintext", blocking=16),
    Load("computing", "/computing"),
]


def processor_time(process: subprocess.Popen) -> float:
    """Of all its threads, in seconds."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def wrk(port: int, path: str, share: int, connections: int, seconds: int) -> subprocess.Popen:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(HERE / "mixed.lua")]
    command += [f"http://127.0.0.1:{port}", "--", path, str(share)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def results(running: subprocess.Popen) -> tuple[float, float, float]:
    requests, rate, latency, failures = running.communicate()[0].split("measured ")[1].split()
    if int(failures):
        sys.exit(f"{failures} requests failed: {running.args}")
    return float(requests), float(rate), float(latency)


def measure(server: subprocess.Popen, port: int, load: Load, options: argparse.Namespace) -> tuple[float, ...]:
    """Requests a second, the 99th percentile of their latency in milliseconds, and the server's processor time for a
    request of any kind, in microseconds."""
    before = processor_time(server)
    measured = wrk(port, load.path, load.share, options.connections, options.seconds)
    others = wrk(port, "/blocking", 0, load.blocking, options.seconds) if load.blocking else None
    requests, rate, latency = results(measured)
    if others:
        requests += results(others)[0]
    return rate, latency, (processor_time(server) - before) / requests * 1e6


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
            for load in LOADS:
                for name, port in ports.items():
                    figures = measure(servers[name], port, load, options)
                    measured.setdefault((load.title, name), []).append(figures)
    finally:
        for server in servers.values():
            server.terminate()

    print("### HTTP servers\n")
    print(bench.machine(["go"] if options.go else []) + "\n")
    print(f"Medians of {options.rounds} rounds of {options.seconds} s, {options.connections} connections.\n")
    lines = []
    for load in LOADS:
        base = [statistics.median(values) for values in zip(*measured[load.title, "pool"])]
        for name in commands:
            medians = [statistics.median(values) for values in zip(*measured[load.title, name])]
            ratios = [f"{value / of_pool:.2f}" for value, of_pool in zip(medians, base)]
            rate, latency, cpu = f"{medians[0]:,.0f}", f"{medians[1]:.1f}", f"{medians[2]:.1f}"
            lines.append([load.title, name, rate, ratios[0], latency, ratios[1], cpu, ratios[2]])
    header = ["load", "server", "requests/s", "÷ pool", "99 % within ms", "÷ pool", "CPU µs a request", "÷ pool"]
    print(bench.markdown(header, lines))


if __name__ == "__main__":
    main()
