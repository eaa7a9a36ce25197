import LinuxKernel
import ScanEngine

extension BrowseModel {
    /// - Returns: false if the browser should end.
    func press(_ key: BrowseKey) -> Bool {
        message = nil
        if isTypingFilter {
            type(key)
        } else if panel != nil {
            return pressInPanel(key)
        } else if case .character(let character) = key {
            return press(character)
        } else {
            move(key)
        }
        return true
    }

    private func move(_ key: BrowseKey) {
        switch key {
        case .up: select(cursor - 1)
        case .down: select(cursor + 1)
        case .home: select(0)
        case .end: select(lines.count - 1)
        case .pageUp: select(cursor - visibleLines)
        case .pageDown: select(cursor + visibleLines)
        case .right, .enter: enter()
        case .left, .backspace: leave()
        case .escape: order.filter = []
        case .character: break
        }
    }

    private func press(_ character: UInt8) -> Bool {
        switch UnicodeScalar(character) {
        case "q": return false
        case "j": move(.down)
        case "k": move(.up)
        case "h": leave()
        case "l": enter()
        case "s": sort(.size)
        case "n": sort(.name)
        case "C": sort(.entries)
        case "M": sort(.modified)
        case "a": order.showsApparent.toggle()
        case "t": order.directoriesFirst.toggle()
        case "e": order.hidesDotted.toggle()
        case "g":
            let all = BarStyle.allCases
            bar = all[(all.firstIndex(of: bar)! + 1) % all.count]
        case "/":
            order.filter = []
            isTypingFilter = true
        case "?": panel = BrowsePanel(.help)
        case "i": if selected != nil { panel = BrowsePanel(.information) }
        case "E": panel = BrowsePanel(.errors)
        case "L": showTables(.largest)
        case "T": showTables(.kinds)
        case "O": showTables(.owners)
        case "r": scanAgain()
        case "d": askToDelete()
        default: message = "no such key: ? shows the keys"
        }
        return true
    }

    /// The same key again reverses the order.
    private func sort(_ key: SortKey) {
        order.isReversed = order.key == key && !order.isReversed
        order.key = key
    }

    private func enter() {
        if case .removedDirectory = selected { message = "it was removed: there is nothing to show" }
        guard case .directory(let number) = selected else { return }
        show(number, selecting: nil)
    }

    private func leave() {
        guard let parent = tree.parent(of: place) else { return }
        show(parent, selecting: .directory(place))
    }

    /// Lines change with each letter.
    private func type(_ key: BrowseKey) {
        switch key {
        case .enter: isTypingFilter = false
        case .escape:
            isTypingFilter = false
            order.filter = []
        case .backspace:
            if order.filter.isEmpty { isTypingFilter = false } else { order.filter.removeLast() }
        case .character(let character): order.filter.append(character)
        case .up, .down, .home, .end, .pageUp, .pageDown: move(key)
        case .left, .right: break
        }
    }

    private func pressInPanel(_ key: BrowseKey) -> Bool {
        if panel?.kind == .question {
            answer(key)
            return true
        }
        switch key {
        case .up, .character(UInt8(ascii: "k")): panel?.scroll(by: -1)
        case .down, .character(UInt8(ascii: "j")): panel?.scroll(by: 1)
        case .pageUp: panel?.scroll(by: -visibleLines)
        case .pageDown: panel?.scroll(by: visibleLines)
        case .home: panel?.scroll(by: -Int(Int32.max))
        case .end: panel?.scroll(by: Int(Int32.max))
        default: panel = nil
        }
        return true
    }
}
