// Ranks on two hosts, which are network namespaces of this machine: two_hosts.sh.

import TestSupport
import Testing

@Suite(
    .serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)"),
    .enabled(if: canMakeHosts, "needs root, and ip that may make network namespaces and a cable between them"))
struct MPIHostTests {
    /// - Parameters:
    ///   - script: runs on the first host.
    ///   - lower: each host mounts it at `$TREE`.
    ///   - isMounted: false: both hosts use it as it is.
    private static func onTwoHosts(
        _ script: String, lower: ByteString, isMounted: Bool = true
    ) throws -> ProcessOutcome {
        let start = """
            cat > script <<'END'
            \(script)
            END
            export -f rank; export F M T PYTHON VALIDATE TREE=\(isMounted ? "$PWD/tree" : "")
            mkdir -p tree; "$TWO_HOSTS" "$T" "$TREE" "$(cat script)"; echo "status $?"
            """
        return try MPI.shell("TWO_HOSTS=\(Repository.path("Tests/oracles/two_hosts.sh").text)\n" + start, lower)
    }

    @Test func theReportIsThatOfOneHost() throws {
        var nodes: [Node] =
            (0..<100).map { .file("origin\($0)", "\($0)") } + [
                .directory("inner", []), .directory("flat", Tree((0..<20_000).map { .file("f\($0)") })),
            ]
        for number in 0..<200 {
            nodes.append(
                .directory("d\(number)", [.hardLink("l", to: ByteString("lower/origin\(number % 100)")), .file("own")]))
        }
        let inner = (0..<60).map { Node.directory("i\($0)", [.file("f", "\($0)"), .file("g")]) }
        let directory = try TemporaryDirectory([
            .directory("lower", Tree(nodes)), .directory("lower.inner", Tree(inner)),
        ])
        let script = """
            hosts 2 stat -c %d "$TREE" "$TREE/inner" | sort -u | wc -l
            options='--hash sha256'
            "$F" --json --depth 3 $options --save one "$TREE" > one.json 2> text; "$F" --ndjson --sorted $options "$TREE" > one.ndjson
            hosts 4 "$M" --threads 1 --depth 3 --stats --json $options --save many -o many.json "$TREE" > noise 2>&1
            status=$?; echo "json $status"; [ $status = 0 ] || grep -a -e Fatal -e '^fsscan' -e ' at /' noise
            # Both hosts have worked.
            grep -a -q 'rank [23]: [1-9][0-9]* entries' noise && echo shared
            for file in one many; do sed -e '/^  "timing": {/,$d' $file.json > $file.cut; done; diff one.cut many.cut | head
            hosts 2 "$M" --threads 1 --ndjson --sorted $options -o many.ndjson "$TREE" > noise 2>&1; echo "ndjson $?"
            for file in one many; do sed -e '1d;$d' $file.ndjson > $file.cut; done; cmp one.cut many.cut
            jq -r 'select(.type == "entry").device' many.ndjson | sort -u | wc -l
            sed -n "s/.*#1.: evidence: //p" text > one.evidence; jq -r .saved.evidence many.json | cmp - one.evidence
            """
        let outcome = try Self.onTwoHosts(script, lower: directory.appending("lower"))
        #expect(
            outcome.outputText == "4\njson 0\nshared\nndjson 0\n2\nstatus 0\n", "\(outcome.errorText)")
    }

    /// Rank 0 writes its report, and the job ends when the kernel gives up the connection: by default after a quarter of
    /// an hour. Or when somebody ends mpirun.
    @Test(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")"), arguments: ["kernel", "somebody"])
    func theCableIsPulled(end: String) throws {
        let script = """
            [ \(end) = somebody ] || sysctl -q -w net.ipv4.tcp_retries2=3
            hosts 2 "$M" --pool 1 --hash git --patience 2 --json -o out.json "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do [ -n "$(rank 1)" ] && break; sleep 0.05; done
            sleep 1.5; unplug
            if [ \(end) = somebody ]; then
              for i in $(seq 400); do [ -e out.json ] && break; sleep 0.1; done; sleep 1; kill $(pgrep -P $job)
            fi
            wait $job; status=$?; [ \(end) = kernel ] || [ $status = 0 ] || status=ended
            echo "status $status, complete $(jq .complete out.json)"
            grep -a -c 'fsscan: rank 1 on host2 does not answer' noise
            # What is outside of the named directories has been counted, and nothing else.
            jq -r '.unfinished[].path' out.json | while read -r d; do find "$d"; done | sort -u | wc -l > below
            [ $(($(jq .totals.entries out.json) + $(cat below))) = $(find "$T" | wc -l) ] && echo counted
            """
        let tree = try FaultyTree((0..<120).flatMap { ["d\($0) dir", "d\($0)/f file count=8 size=10 delay=2"] })
        let outcome = try tree.mounted { try Self.onTwoHosts(script, lower: $0, isMounted: false) }
        #expect(
            outcome.outputText
                == "status \(end == "kernel" ? "75" : "ended"), complete false\n1\ncounted\nstatus 0\n",
            "\(outcome.errorText)")
    }
}

/// A container's root may lack the capabilities, and a kernel the virtual cable.
private let canMakeHosts: Bool = {
    guard isRoot, isInstalled("ip") else { return false }
    let script = """
        name=fsscan-probe-$$
        trap 'ip netns del $name-1; ip netns del $name-2' EXIT
        ip netns add $name-1 && ip netns add $name-2 &&
            ip -n $name-1 link add cable type veth peer name cable netns $name-2 &&
            ip netns exec $name-1 unshare --uts --mount --propagation private true
        """
    return (try? run(["sh", "-c", ByteString(script)]).status) == 0
}()
