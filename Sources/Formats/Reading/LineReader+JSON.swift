import Bytes
import Entries

extension LineReader {
    /// The object that a line is.
    func object(in line: UnsafeRawBufferPointer) throws(SnapshotFailure) -> JSONObject {
        do throws(JSONFailure) {
            return try JSONLine.object(in: line)
        } catch {
            throw failure(error.text)
        }
    }

    /// Takes what is wanted out of the object of the last line.
    func taking<Result>(_ body: () throws(JSONFieldFailure) -> Result) throws(SnapshotFailure) -> Result {
        do throws(JSONFieldFailure) {
            return try body()
        } catch {
            throw failure("no value for \(error.key)")
        }
    }
}
