# fsscan: `make scan DIR=/usr` builds and scans, `make test` runs all tests. `make help` lists the rest.

DIR ?= .
THREADS ?=
PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
PYTHON ?= python3

# The Swift runtime goes into the program, so that it runs where no Swift is installed.
RELEASE = -c release --static-swift-stdlib
BINARY = .build/release/fsscan

.DEFAULT_GOAL := help
.PHONY: scan build test stress reliability-peers lint format fixtures tsan asan examples docs install uninstall clean help packages

scan: build ## Builds, and scans DIR (make scan DIR=/usr)
	$(BINARY) $(if $(THREADS),--threads $(THREADS)) -- "$(DIR)"

build: packages ## Builds the release program: .build/release/fsscan
	$(SWIFT) build $(RELEASE) --product fsscan

test: packages lint ## Runs all tests
	Tests/oracles/setup.sh
	$(SWIFT) build --build-tests
	$(MAKE) bench-check
	$(SWIFT) test --skip-build
	$(PYTHON) Tests/oracles/check_docs.py .build/debug/fsscan
	.venv/bin/python Tests/hostile/hostile.py --short .build/debug/fsscan
	$(MAKE) examples docs tsan

EXAMPLES = $(wildcard Examples/*/main.swift)

# STRESS_SECONDS is about how long the first step takes, STRESS_SEED repeats it, STRESS_TREES are the seeds of the second.
STRESS_TREES ?= 1-200

stress: build ## Hostile trees, races, signals and random trees, for some 20 minutes (STRESS_SECONDS, STRESS_SEED)
	Tests/oracles/setup.sh
	.venv/bin/python Tests/hostile/hostile.py $(BINARY)
	FSSCAN_BINARY=$(CURDIR)/$(BINARY) FSSCAN_SEEDS=$(STRESS_TREES) $(SWIFT) test --filter aRandomTree

reliability-peers: build ## The same hostile cases for find, fd, ncdu, gdu and hashdeep, as a table
	Tests/oracles/setup.sh
	.venv/bin/python Tests/hostile/peers.py $(BINARY)

lint: ## Fails if the layout is not what `make format` makes, or a style rule is broken
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/scheduler Examples/Package.swift $(EXAMPLES)

format: ## Lays the sources out
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/scheduler Examples/Package.swift $(EXAMPLES)

fixtures: packages ## Renews the golden output in fixtures/ (look at the difference before you commit it)
	Tests/oracles/setup.sh
	FSSCAN_RENEW_FIXTURES=1 $(SWIFT) test --filter GoldenTests

# XCTest's own run comes with a leak that AddressSanitizer reports, and has no tests here.
SANITIZED = --disable-xctest --filter 'WorkStealingTests\.(Counting|Async|Ending|Monitor|Priority|Ask|Draining|Channel|Yield|Resource)Tests|TaskGraphsTests\.(Article|Graph)Tests'

tsan: packages ## The scheduler's stress tests under ThreadSanitizer
	TSAN_OPTIONS="suppressions=$(CURDIR)/Tests/tsan-suppressions.txt" \
	$(SWIFT) test --sanitize thread --scratch-path .build-tsan $(SANITIZED)

asan: packages ## The scheduler's stress tests under AddressSanitizer
	$(SWIFT) test --sanitize address --scratch-path .build-asan $(SANITIZED)

examples: packages ## Builds the programs in Examples/, runs them, and checks what they print
	Tests/oracles/setup.sh
	Examples/check.sh

docs: packages ## Makes the library's documentation: .build/docs (to be served, or opened with a documentation browser)
	$(SWIFT) build --target WorkStealing
	docs/make-docs.sh .build/docs

install: build ## Installs the program (PREFIX, DESTDIR)
	install -D -m 755 $(BINARY) "$(DESTDIR)$(PREFIX)/bin/fsscan"

uninstall: ## Removes what `make install` installed
	rm -f "$(DESTDIR)$(PREFIX)/bin/fsscan"

packages: ## Installs the libraries that the build needs, or says how
	@Tests/oracles/packages.sh pkg-config libmagic-dev libsqlite3-dev libssl-dev libxxhash-dev

clean: ## Removes everything that was built
	rm -rf .build .build-* .venv Benchmarks/.build Benchmarks/results Examples/.build

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

include Benchmarks/benchmarks.mk
