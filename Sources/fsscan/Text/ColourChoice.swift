/// When text has colours (`--color`).
enum ColourChoice: String, CaseIterable {
    /// On a terminal, but neither under NO_COLOR nor with TERM=dumb.
    case auto
    case always, never
}
