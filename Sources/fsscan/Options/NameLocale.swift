import Entries
import Glibc

/// Defines what a character of a name is, for the patterns of `--name`: as in find, the locale decides.
enum NameLocale {
    /// Call it before there are threads.
    static func use(for selection: Selection) {
        if !selection.names.isEmpty { setlocale(LC_CTYPE, "") }
    }
}
