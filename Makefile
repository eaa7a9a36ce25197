# fsscan: `make scan DIR=/usr` builds and scans, `make test` runs all tests. `make help` lists the rest.

DIR ?= .
THREADS ?=
PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
PYTHON ?= python3
# The toolchain's clang, also if `swift` is a link or a script.
CLANG = $(shell $(SWIFT) -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift.*".*|\1/bin/clang|p')

# The Swift runtime goes into the program, so that it runs where no Swift is installed. So does the C++ library that the
# runtime needs, where there is an archive of it: binding its symbols was a fifth of the time that a small tree takes.
RELEASE = -c release --static-swift-stdlib -Xswiftc "-L$(CURDIR)/.build/static"
BINARY = .build/release/fsscan

# The program that asks libmagic is plain C, hardened. `swift build` makes the one for the tests, but would link the
# Swift runtime into it.
HELPER = .build/release/fsscan-magic
HELPER_FLAGS = -O2 -Wall -Wextra -Werror -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie -Wl,-z,relro,-z,now

# 1 if there is an MPI to build with. Asked each time it is used, because `oracles` may install one.
HAS_MPI = $(shell pkg-config --exists mpi-c 2>/dev/null && echo 1)

.DEFAULT_GOAL := help
.PHONY: scan build mpi test test-all stress stress-mpi stress-filesystems reliability-peers lint format fixtures tsan tsan-scheduler asan fuzz examples docs api screenshots install uninstall deb dist fresh-packages clean help packages oracles fresh

scan: build ## Builds the program and scans DIR (make scan DIR=/usr)
	$(BINARY) $(if $(THREADS),--threads $(THREADS)) -- "$(DIR)"

build: packages ## Builds the release program and its helper: .build/release/fsscan, .build/release/fsscan-magic
	mkdir -p .build/static
	library=$$($(CLANG) -print-file-name=libstdc++.a); test ! -f "$$library" || ln -sf "$$library" .build/static/
	$(SWIFT) build $(RELEASE) --product fsscan
	$(CLANG) $(HELPER_FLAGS) -o $(HELPER) Sources/fsscan-magic/main.c $$(pkg-config --cflags --libs libmagic)

# MPI_Init takes a quarter of a second, so fsscan-mpi is a program of its own, built only on request.
# MPI is a name in pkg-config, or 1 for the usual one. All others have a folder of their own: .build/mpich/release.
MPI = 1
MPI_PACKAGES = $(if $(filter mpich,$(MPI)),libmpich-dev mpich,libopenmpi-dev openmpi-bin)
mpi: packages ## Builds fsscan-mpi with Open MPI (.build/release/fsscan-mpi), or MPICH: make mpi MPI=mpich
	@pkg-config --exists $(patsubst 1,mpi-c,$(MPI)) || { echo "make mpi needs MPI: apt-get install $(MPI_PACKAGES)" >&2; exit 1; }
	mkdir -p .build/static
	FSSCAN_MPI=$(MPI) $(SWIFT) build $(RELEASE) --product fsscan-mpi $(if $(filter-out 1,$(MPI)),--scratch-path .build/$(MPI))

test: oracles lint ## Runs all tests
	$(if $(HAS_MPI),FSSCAN_MPI=1) $(SWIFT) build --build-tests
	$(MAKE) bench-check
	$(SWIFT) test --skip-build
	$(PYTHON) Tests/oracles/check_docs.py .build/debug/fsscan
	.venv/bin/python Tests/hostile/hostile.py --short .build/debug/fsscan
	$(MAKE) examples docs api tsan-scheduler bench-guard

# Asks for all packages first: an ordinary user has to do so only once.
test-all: ## Runs all tests; and with MPICH, under a Slurm that it starts and stops, and with Dask, DuckDB and PySpark
	@Tests/oracles/setup.sh --all
	$(MAKE) test
	$(MAKE) mpi MPI=mpich
	Tests/oracles/slurm.sh $(SWIFT) test --skip-build --filter 'FsscanTests\.(MPILauncher|Recipe)Tests'

EXAMPLES = $(wildcard Examples/*/main.swift)

# The first step takes about STRESS_SECONDS; STRESS_SEED repeats it. STRESS_TREES are the seeds of the second step.
STRESS_TREES ?= 1-200
MPI_TREES ?= 1-5

stress: oracles build stress-filesystems ## Runs hostile trees, races, signals and random trees for half an hour (STRESS_SECONDS, STRESS_SEED)
	.venv/bin/python Tests/hostile/hostile.py $(BINARY)
	FSSCAN_BINARY=$(CURDIR)/$(BINARY) FSSCAN_SEEDS=$(STRESS_TREES) $(SWIFT) test --filter aRandomTree

stress-mpi: oracles ## Compares fsscan-mpi at 1 to 8 ranks with fsscan on random trees, 50 times on one, and loses ranks (long)
	FSSCAN_MPI=1 FSSCAN_LARGE=1 FSSCAN_SEEDS=$(MPI_TREES) $(SWIFT) test --filter 'FsscanTests\.MPI'

reliability-peers: oracles build ## Runs the same hostile cases with find, fd, ncdu, gdu and hashdeep, and prints a table
	.venv/bin/python Tests/hostile/peers.py $(BINARY)

lint: ## Fails if `make format` would change a file, or a style rule is broken
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/scheduler Examples/Package.swift $(EXAMPLES)
	@! grep -rnE --include='*.swift' '\.(enabled|disabled)\(if: [^,"]*\)([,)]|$$)' Tests || { echo "A test that may be skipped says why." >&2; exit 1; }
	@$(PYTHON) Tests/oracles/check_folders.py

format: ## Formats the sources
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/scheduler Examples/Package.swift $(EXAMPLES)

fixtures: oracles ## Renews the golden output in fixtures/ (check the diff before you commit it)
	FSSCAN_RENEW_FIXTURES=1 $(SWIFT) test --filter GoldenTests

tsan: oracles ## Runs the whole test suite under ThreadSanitizer (some 30 minutes)
	Tests/sanitized.sh thread

asan: oracles ## Runs the whole test suite under AddressSanitizer (some 20 minutes)
	Tests/sanitized.sh address

tsan-scheduler: packages ## Runs the scheduler's stress tests under ThreadSanitizer
	Tests/sanitized.sh thread --filter 'WorkStealingTests\.(Counting|Message|Async|Ending|Monitor|Priority|Ask|Draining|Channel|Yield|Resource|Waiting|Guest|Handle|Deinit|WorkerLocal|Fork|Pool|BoundedMailbox|Detached)Tests|TaskGraphsTests\.(Article|Graph)Tests'

stress-filesystems: oracles ## Tests file systems with 200,000 files each, and memory that runs out at 1,000 places
	FSSCAN_LARGE=1 $(SWIFT) test --filter 'FsscanTests\.(FileSystem|RefusedCall)Tests'

# libFuzzer comes with the toolchain's clang. SECONDS is for all targets together. It is make's variable, not the
# shell's.
FUZZ = .build-fuzz/release/fuzz
FUZZ_TARGETS = $(notdir $(wildcard fixtures/fuzz/*))
FUZZ_RUNTIME = $(shell $(CLANG) -print-resource-dir)/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a
fuzz: SECONDS ?= 60
fuzz: packages ## Feeds parsers with random bytes, under AddressSanitizer (make fuzz SECONDS=600)
	$(SWIFT) build -c release --product fuzz --sanitize address --scratch-path .build-fuzz -Xswiftc -DFUZZER \
		-Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp \
		-Xlinker $(FUZZ_RUNTIME) -Xlinker -lstdc++
	for target in $(FUZZ_TARGETS); do \
		mkdir -p .build-fuzz/corpus/$$target && \
		$(FUZZ) $$target -max_total_time=$$(($(SECONDS) / $(words $(FUZZ_TARGETS)))) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=.build-fuzz/$$target- .build-fuzz/corpus/$$target fixtures/fuzz/$$target || exit 1; \
	done

examples: oracles ## Builds the programs in Examples/, runs them, and checks their output
	Examples/check.sh

docs: packages ## Builds the libraries' documentation in .build/docs (serve it, or open it with a documentation browser)
	$(SWIFT) build --target TaskGraphs
	docs/make-docs.sh .build/docs

api: ## Lists breaking changes of the libraries' public API since the latest tag, if there is one
	@tag=$$(git describe --tags --abbrev=0 2>/dev/null) || { echo "api: no tag yet, so nothing to compare with"; exit 0; }; \
	$(SWIFT) package diagnose-api-breaking-changes "$$tag" --products WorkStealing TaskGraphs

screenshots: oracles build ## Renews the pictures of pages and the screens of browse in docs/ (needs chromium)
	rm -rf .build/sample && mkdir -p .build/sample && $(PYTHON) docs/sample_tree.py .build/sample/srv
	cd .build/sample && "$(CURDIR)/$(BINARY)" --html -o page.html srv
	.venv/bin/python Tests/oracles/page.py screenshots .build/sample/page.html docs/page
	$(PYTHON) docs/browse_screens.py $(BINARY) .build/sample docs/BROWSE.md

install: ## Installs the program, man pages, completions, units and documents that `make build` built (PREFIX, DESTDIR)
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" BUILD="$(patsubst %/,%,$(dir $(BINARY)))" contrib/install.sh install

uninstall: ## Removes everything that `make install` installed
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" BUILD="$(patsubst %/,%,$(dir $(BINARY)))" contrib/install.sh uninstall

# One environment for both programs, or the second build begins from nothing.
deb: export FSSCAN_MPI = $(HAS_MPI)
deb: build $(if $(HAS_MPI),mpi) ## Builds Debian packages of the release programs, checked by lintian: .build/deb
	@Tests/oracles/packages.sh debhelper lintian
	@$(if $(HAS_MPI),,echo "No package fsscan-mpi: there is no MPI (libopenmpi-dev)." >&2)
	rm -rf .build/deb && mkdir .build/deb
	DEB_RULES_REQUIRES_ROOT=no $(if $(HAS_MPI),,DEB_BUILD_PROFILES=nompi) debian/rules clean binary
	lintian --fail-on error,warning .build/deb/*.deb

dist: build ## Builds a tar file with the program for other machines: .build/dist
	contrib/dist.sh .build/dist

fresh-packages: ## Installs, runs and removes the packages of .build/deb and .build/dist on new systems (needs root)
	Tests/fresh/packages.sh

packages: ## Installs the libraries that the build needs, or says how
	@Tests/oracles/setup.sh --build

oracles:
	@Tests/oracles/setup.sh

fresh: ## Runs make scan and make test-all on a new Debian, as root and as an ordinary user (needs root; FRESH_USER=root|user: one of them)
	Tests/fresh/fresh.sh $(if $(FRESH_USER),$(FRESH_USER),root user)

clean: ## Removes everything that was built
	rm -rf .build .build-* .venv Benchmarks/.build Benchmarks/results Examples/.build

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

include Benchmarks/benchmarks.mk
