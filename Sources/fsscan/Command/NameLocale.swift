import Entries
import Glibc

/// What a character of a name is, for the patterns of `--name`: as with find, the locale says so.
enum NameLocale {
    /// To be called before there are threads.
    static func use(for selection: Selection) {
        if !selection.names.isEmpty { setlocale(LC_CTYPE, "") }
    }
}
