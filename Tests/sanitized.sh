#!/bin/sh
# Runs the tests under a sanitizer, with the program that they start built under it, too:
#
#     sanitized.sh thread|address [swift test's options]
#
# Reports of the tests' process and of the program's processes are collected in .build-…/reports, because a test may
# ignore the status of a process that it starts. Any report fails the run.
set -u
cd "$(dirname "$0")/.."
sanitizer=$1
shift
scratch=.build-tsan
[ "$sanitizer" = thread ] || scratch=.build-asan
reports=$PWD/$scratch/reports

# A failed write of a report must not go unnoticed: ordinary users write them, too.
rm -rf "$reports"
mkdir -p -m 0777 "$reports"
chmod 0777 "$reports"
# 66: a status that fsscan does not have.
export TSAN_OPTIONS="exitcode=66 log_path=$reports/report suppressions=$PWD/Tests/tsan-suppressions.txt"
export ASAN_OPTIONS="exitcode=66 log_path=$reports/report detect_stack_use_after_return=1"
export LSAN_OPTIONS="exitcode=66 print_suppressions=0 suppressions=$PWD/Tests/lsan-suppressions.txt"
export SWIFT_BACKTRACE=enable=no

# XCTest's own run comes with a leak that AddressSanitizer reports, and has no tests here.
${SWIFT:-swift} test --sanitize "$sanitizer" --scratch-path "$scratch" --disable-xctest "$@"
status=$?
for report in "$reports"/*; do
    [ -e "$report" ] || continue
    status=1
    grep -h SUMMARY "$report" || echo "$report"
done | sort | uniq -c | sort -rn >&2
[ -z "$(ls -A "$reports")" ] || { echo "reports in $reports" >&2; status=1; }
exit $status
