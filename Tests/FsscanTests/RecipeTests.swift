// The recipes of docs/MANY-MACHINES.md, as they stand there, with the real engines: `make test-all` installs dask,
// duckdb and pyspark, and starts Slurm.

import Glibc
import TestSupport
import Testing

private let python = Repository.path(".venv/engines/bin/python")

private func has(_ module: ByteString) -> Bool { (try? run([python, "-c", "import " + module]))?.status == 0 }

@Suite(.serialized) struct RecipeTests {
    /// The block after `<!-- recipe: NAME -->`.
    private static func recipe(_ name: String) throws -> String {
        let text = String(decoding: try Repository.contents("docs/MANY-MACHINES.md"), as: UTF8.self)
        let rest = try #require(text.split(separator: "<!-- recipe: \(name) -->\n```python\n").dropFirst().first)
        return String(try #require(rest.split(separator: "```\n").first))
    }

    private static let tree = Tree(
        (0..<20).map { .directory("d\($0)", [.directory("e", [.file("f", "12")]), .file("g", "1")]) })

    private static func shell(_ script: String, recipe: String = "") throws -> ProcessOutcome {
        let directory = try TemporaryDirectory([.directory("tree", tree), .file("recipe.py", ByteString(recipe))])
        return try Fsscan.shell(
            ByteString("export PATH=\"$(dirname \"$F\"):$PATH\"\n" + script), in: directory,
            ProcessOptions {
                $0.environment["PYTHON"] = python.text
                $0.environment["M"] = MPI.program.text
                $0.timeout = 300
            })
    }

    private static let expectSameTotals = """
        jq -c '[.complete, .totals]' data.json > merged; fsscan --json tree | jq -c '[.complete, .totals]' | diff - merged
        ls data.? | wc -l

        """

    @Test(.enabled(if: has("dask"), "dask is not installed: make test-all"))
    func shardsUnderDask() throws {
        let script = "\"$PYTHON\" recipe.py tree 5 > log 2>&1 || tail -5 log\n" + Self.expectSameTotals
        #expect(try Self.shell(script, recipe: Self.recipe("dask")).outputText == "5\n")
    }

    @Test(.enabled(if: has("pyspark"), "pyspark is not installed: make test-all"))
    func shardsUnderSpark() throws {
        let script = "\"$PYTHON\" recipe.py tree 5 > log 2>&1 || tail -5 log\n" + Self.expectSameTotals
        #expect(try Self.shell(script, recipe: Self.recipe("spark")).outputText == "5\n")
    }

    @Test(.enabled(if: hasSlurm, "there is no Slurm cluster: make test-all"))
    func shardsUnderSlurm() throws {
        let script = """
            fsscan plan tree --shards 5 -o data.plan
            sbatch --wait --array=1-5 --wrap \\
              'fsscan --shard $SLURM_ARRAY_TASK_ID/5 --plan data.plan --partial data.$SLURM_ARRAY_TASK_ID tree' > log
            fsscan merge data.{1..5} --json -o data.json

            """
        #expect(try Self.shell(script + Self.expectSameTotals).outputText == "5\n")
    }

    // MARK: Records of fsscan-mpi

    private static let parts = "\(MPI.mpirun(3)) --threads 1 --ndjson -o records/ tree > noise 2>&1; echo $?\n"

    @Test(
        .enabled(if: MPI.isThere, "\(MPI.obstacle)"),
        .enabled(if: has("duckdb"), "duckdb is not installed: make test-all"))
    func recordsInDuckDB() throws {
        let script =
            Self.parts + """
                "$PYTHON" -c 'import duckdb
                print(duckdb.sql("SELECT count(*), sum(size) FROM read_ndjson_auto(\\"records/*.ndjson\\") WHERE type = \\"entry\\" AND kind = \\"file\\""
                .replace("\\"", chr(39))).fetchall()[0])'
                """
        #expect(try Self.shell(script).outputText == "0\n(40, 60)\n")
    }

    @Test(
        .enabled(if: MPI.isThere, "\(MPI.obstacle)"),
        .enabled(if: has("dask.bag"), "dask is not installed: make test-all"))
    func recordsInDask() throws {
        let script =
            Self.parts + """
                "$PYTHON" -c 'import dask.bag, json
                records = dask.bag.read_text("records/*.ndjson").map(json.loads)
                files = records.filter(lambda r: r["type"] == "entry" and r["kind"] == "file")
                print(files.count().compute(scheduler="sync"), files.pluck("size").sum().compute(scheduler="sync"))'
                """
        #expect(try Self.shell(script).outputText == "0\n40 60\n")
    }

    @Test(
        .enabled(if: MPI.isThere, "\(MPI.obstacle)"),
        .enabled(if: has("pyspark"), "pyspark is not installed: make test-all"))
    func recordsInSpark() throws {
        let script =
            Self.parts + """
                "$PYTHON" -c 'from pyspark.sql import SparkSession
                spark = SparkSession.builder.master("local[1]").getOrCreate()
                files = spark.read.json("records").filter("type = \\"entry\\" AND kind = \\"file\\"")
                print(files.count(), files.groupBy().sum("size").first()[0])' 2> log
                """
        #expect(try Self.shell(script).outputText == "0\n40 60\n")
    }
}
