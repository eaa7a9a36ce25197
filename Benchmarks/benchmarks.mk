# Benchmarks: included by the top Makefile, which has the target `build` (the release program).
#
# make hands variables of its command line to the scripts: `make bench RUNS=10 ROUNDS=5 TREES=/mnt/scratch`.

.PHONY: bench bench-guard bench-browse bench-saved bench-duplicates bench-scheduler bench-cores bench-http bench-content bench-cold bench-scale bench-latency bench-mpi bench-reading bench-compare bench-equal
.PHONY: bench-tools bench-build bench-check bench-docs bench-rivals bench-clean

bench: build ## Metadata scan beside the C floor, find, bfs, fd, du and gdu (warm)
	Benchmarks/metadata.sh

bench-guard: build ## Instructions, allocations and system calls of small workloads beside their thresholds (UPDATE=1 sets them)
	@Tests/oracles/packages.sh valgrind strace
	$(SWIFT) build -c release --package-path Benchmarks --product SchedulerBench
	Benchmarks/guard.py .build/release/fsscan Benchmarks/.build/release/SchedulerBench $(if $(UPDATE),--update)

bench-equal: build ## Shows that the tools of `bench` do equal work: counts their stat calls
	Benchmarks/metadata.sh --equal

bench-browse: build ## A tree in a terminal, beside ncdu and gdu: first picture, all of it, memory
	Benchmarks/browse.sh

bench-saved: build ## Files of saved scans: --save beside --ndjson, fifty scans, diff and prune
	Benchmarks/saved.sh

bench-duplicates: build ## Files of one content, beside jdupes, fdupes, rdfind and rmlint
	Benchmarks/duplicates.sh

bench-scheduler: ## Empty actors and tasks, fork and join, messages: beside Go, oneTBB, tokio, asyncio and others
	Benchmarks/scheduler.sh

bench-http: ## The HTTP server of Examples/ on the pool, beside Swift's own executor and Go (needs wrk)
	Benchmarks/http.sh

bench-content: build ## Digests and MIME types beside sha256sum, hashdeep, rclone, file and others
	Benchmarks/content.sh

bench-cold: build ## Cold caches (needs root)
	Benchmarks/cold.sh

bench-scale: build ## From 10,000 to 5,000,000 entries, a deep chain, a huge directory
	Benchmarks/scale.sh

bench-latency: build bench-tools ## A remote disk: every operation takes 1 or 5 ms (needs /dev/fuse)
	Benchmarks/latency.sh

bench-mpi: build mpi ## Ranks of MPI beside one process, and beside dwalk (needs Open MPI)
	Benchmarks/mpi.sh

bench-reading: bench-tools ## Blocking threads or io_uring for the content of small files (cold: needs root)
	Benchmarks/reading.sh

bench-compare: build ## verify, diff and --baseline beside AIDE, hashdeep -a and mtree (needs root)
	Benchmarks/compare.sh

bench-tools:
	@Tests/oracles/setup.sh --tools
	Benchmarks/support/build.sh

bench-build: bench-tools ## Builds the tools of the benchmarks
	$(SWIFT) build --package-path Benchmarks

bench-check: bench-build ## Checks the tools of the benchmarks
	Benchmarks/support/check.sh

bench-docs: ## Puts the tables of Benchmarks/results/ into docs/PERFORMANCE.md
	$(PYTHON) Benchmarks/support/docs.py

bench-rivals: ## Installs the programs that the benchmarks compare with
	Benchmarks/install-rivals.sh

bench-clean: ## Removes the trees that the benchmarks created
	Benchmarks/support/clean.sh
