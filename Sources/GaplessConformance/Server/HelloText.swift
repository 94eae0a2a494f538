/// A `HELLO` that may say anything.
struct HelloText: Sendable {
    var client: String?
    var instance: String
    var attempt: UInt64
    var epoch: String?
    var handled: UInt64?
    var last: (sequence: UInt64, time: UInt64)?
    var taken: (sequence: UInt64, time: UInt64)?
    var held: UInt64?
    var outbox: String?
    var window: (messages: Int, bytes: Int)?
    var isForced = false
    /// More fields, as they stand in JSON.
    var more: [String] = []

    init(_ client: String?, instance: String, attempt: UInt64 = 1) {
        self.client = client
        self.instance = instance
        self.attempt = attempt
    }

    /// The same with changes.
    func with(_ change: (inout HelloText) -> Void) -> HelloText {
        var copy = self
        change(&copy)
        return copy
    }

    /// The next connection of the instance, with a position.
    func again(_ epoch: String, _ handled: UInt64, held: UInt64? = nil) -> HelloText {
        self.with {
            $0.attempt += 1
            ($0.epoch, $0.handled, $0.held) = (epoch, handled, held)
        }
    }

    /// The whole frame.
    var frame: String {
        var fields: [String] = []
        if let client { fields.append("\"client\":\"\(client)\"") }
        fields.append("\"instance\":\"\(self.instance)\",\"attempt\":\(self.attempt)")
        if let epoch { fields.append("\"epoch\":\"\(epoch)\"") }
        if let handled { fields.append("\"handled\":\(handled)") }
        if let last { fields.append("\"last\":[\(last.sequence),\(last.time)]") }
        if let taken { fields.append("\"taken\":[\(taken.sequence),\(taken.time)]") }
        if let held { fields.append("\"held\":\(held)") }
        if let outbox { fields.append("\"outbox\":\"\(outbox)\"") }
        if let window { fields.append("\"window\":{\"messages\":\(window.messages),\"bytes\":\(window.bytes)}") }
        if self.isForced { fields.append("\"force\":true") }
        return "HELLO {\((fields + self.more).joined(separator: ","))}"
    }
}
