import Entries
import Glibc

/// Sets the locale that defines the characters of a name, for the patterns of `--name`, as find does.
enum NameLocale {
    /// Call it before there are threads.
    static func use(for selection: Selection) {
        if !selection.names.isEmpty { setlocale(LC_CTYPE, "") }
    }
}
