/// Elements in the order in which they came; taking some from the front costs what is taken.
struct FIFO<Element: Sendable>: Sendable {
    private var storage: [Element] = []
    private var start = 0

    var count: Int { self.storage.count - self.start }
    var isEmpty: Bool { self.start == self.storage.count }
    var first: Element? { self.isEmpty ? nil : self.storage[self.start] }

    mutating func append(_ element: Element) {
        self.storage.append(element)
    }

    /// Takes elements from the front as long as there are any and the body agrees.
    mutating func take(while isWanted: (Element) -> Bool) -> [Element] {
        var end = self.start
        while end < self.storage.count, isWanted(self.storage[end]) { end += 1 }
        let taken = Array(self.storage[self.start..<end])
        self.start = end
        if self.start * 2 >= self.storage.count {
            self.storage.removeFirst(self.start)
            self.start = 0
        }
        return taken
    }
}
