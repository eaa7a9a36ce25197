import Bytes
import Entries

extension LineReader {
    /// The JSON object in a line.
    func object(in line: UnsafeRawBufferPointer) throws(SnapshotFailure) -> JSONObject {
        do throws(JSONFailure) {
            return try JSONLine.object(in: line)
        } catch {
            throw failure(error.text)
        }
    }

    /// Runs `body`, which reads members of the last line's object, and turns its failure into one with the line number.
    func taking<Result>(_ body: () throws(JSONFieldFailure) -> Result) throws(SnapshotFailure) -> Result {
        do throws(JSONFieldFailure) {
            return try body()
        } catch {
            throw failure("no value for \(error.key)")
        }
    }
}
