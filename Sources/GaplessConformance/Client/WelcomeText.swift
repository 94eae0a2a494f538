/// A `WELCOME` that may say anything; each field stands there as JSON.
struct WelcomeText: Sendable {
    /// Whom it names; nil for the client of the trial.
    var client: String?
    private var fields: [(name: String, value: String)]

    /// The first one of a queue, with usual bounds, unless something else is said.
    init(
        client: String? = nil,
        epoch: String = "kit.1",
        generation: UInt64 = 1,
        resume: String = "resumed",
        reason: String? = nil,
        after: UInt64 = 0,
        head: UInt64? = nil,
        mark: UInt64 = 0
    ) {
        self.client = client
        self.fields = [
            ("epoch", "\"\(epoch)\""), ("generation", "\(generation)"), ("resume", "\"\(resume)\""),
            ("reason", reason.map { "\"\($0)\"" } ?? ""), ("after", "\(after)"), ("head", "\(head ?? after)"), ("mark", "\(mark)"),
            ("window", #"{"down":{"messages":256,"bytes":1048576},"up":{"messages":64,"bytes":262144}}"#),
            ("heartbeat", "20000"), ("silence", "30000"), ("node", "\"kit\""), ("features", "[]"),
            ("limits", #"{"message":65536,"hello":8192,"json":4096}"#),
            ("retention", #"{"messages":1000,"bytes":4194304,"age":3600000,"overflow":"discardOldest","keep":86400000}"#),
        ]
    }

    /// The JSON of a field other than `client`; empty where there is none.
    subscript(_ name: String) -> String {
        get { self.fields.first { $0.name == name }?.value ?? "" }
        set {
            precondition(name != "client", "whom it names is a property of its own")
            if let index = self.fields.firstIndex(where: { $0.name == name }) {
                self.fields[index].value = newValue
            } else {
                self.fields.append((name, newValue))
            }
        }
    }

    /// Other windows.
    mutating func setWindow(down: (messages: Int, bytes: Int) = (256, 1_048_576), up: (messages: Int, bytes: Int) = (64, 262_144)) {
        self["window"] =
            "{\"down\":{\"messages\":\(down.messages),\"bytes\":\(down.bytes)},\"up\":{\"messages\":\(up.messages),\"bytes\":\(up.bytes)}}"
    }

    /// Other intervals, in milliseconds.
    mutating func setIntervals(heartbeat: Int, silence: Int) {
        self["heartbeat"] = "\(heartbeat)"
        self["silence"] = "\(silence)"
    }

    /// The whole frame, in a trial with this client.
    func frame(for client: String) -> String {
        let present = self.fields.filter { !$0.value.isEmpty }.map { ",\"\($0.name)\":\($0.value)" }
        return "WELCOME {\"client\":\"\(self.client ?? client)\"\(present.joined())}"
    }
}
