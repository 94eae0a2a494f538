import GaplessCore

/// The queues in order of the moment at which a sweep has to look at them; each has one place, which moves.
struct DueHeap {
    private struct Entry {
        var due: Timestamp
        var client: ClientID

        static func < (left: Entry, right: Entry) -> Bool {
            left.due == right.due ? left.client < right.client : left.due < right.due
        }
    }

    private var entries: [Entry] = []
    private var places: [ClientID: Int] = [:]

    /// The queue that is due first; of several, the one with the lowest address.
    var first: (client: ClientID, due: Timestamp)? {
        self.entries.first.map { ($0.client, $0.due) }
    }

    /// When a queue is due; nil when it is not in the heap.
    subscript(client: ClientID) -> Timestamp? {
        self.places[client].map { self.entries[$0].due }
    }

    /// Puts a queue to its place.
    mutating func set(_ client: ClientID, due: Timestamp) {
        if let place = self.places[client] {
            self.entries[place].due = due
            self.settle(place)
        } else {
            self.entries.append(Entry(due: due, client: client))
            self.places[client] = self.entries.count - 1
            self.settle(self.entries.count - 1)
        }
    }

    /// Takes a queue out.
    mutating func remove(_ client: ClientID) {
        guard let place = self.places.removeValue(forKey: client) else { return }
        let last = self.entries.removeLast()
        guard place < self.entries.count else { return }
        self.entries[place] = last
        self.places[last.client] = place
        self.settle(place)
    }

    private mutating func settle(_ start: Int) {
        var place = start
        while place > 0, self.entries[place] < self.entries[(place - 1) / 2] {
            self.exchange(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < self.entries.count {
                if self.entries[child] < self.entries[least] { least = child }
            }
            if least == place { return }
            self.exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        self.entries.swapAt(left, right)
        self.places[self.entries[left].client] = left
        self.places[self.entries[right].client] = right
    }
}
