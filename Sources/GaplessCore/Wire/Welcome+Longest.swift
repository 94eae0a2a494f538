extension Welcome {
    /// The longest `WELCOME` that a node with these endpoints can have to send, whoever attaches.
    ///
    /// What can grow is bounded by its form; only the endpoints are a setting, and so it is they that are refused when this is larger than
    /// `Limits.maxJSONBytes` allows (Protocol.md §4.0).
    package static func longest(endpoints: [String]) -> Welcome {
        let part = String(repeating: "x", count: Limits.maxClientIDPartBytes)
        let token = String(repeating: "x", count: Limits.maxTokenCharacters)
        guard let client = ClientID("\(part)/\(part)"), let epoch = EpochToken(token) else {
            preconditionFailure("names of the greatest length are names")
        }
        let window = Window(messages: Limits.maxInteger, bytes: Limits.maxInteger)
        let duration = Duration.milliseconds(Limits.maxInteger)
        return Welcome(
            client: client,
            epoch: epoch,
            generation: Generation(Limits.maxInteger),
            resume: .reset(.rollback),
            after: .max,
            head: .max,
            mark: .max,
            downlinkWindow: window,
            uplinkWindow: window,
            heartbeat: duration,
            silence: duration,
            node: token,
            token: String(repeating: "x", count: Limits.maxClientTokenBytes),
            endpoints: endpoints,
            limits: WireLimits(message: Int(Limits.maxInteger), hello: Int(Limits.maxInteger), json: Int(Limits.maxInteger)),
            retention: RetentionPolicy(
                maxMessages: Int(Limits.maxInteger),
                maxBytes: Int(Limits.maxInteger),
                maxAge: duration,
                onOverflow: .discardOldest,
                keep: duration
            )
        )
    }

    /// How many bytes its JSON has, from brace to brace.
    package var jsonBytes: Int {
        FrameEncoder.encodedSize(of: .welcome(self)) - FrameKeyword.welcome.count - 1
    }
}
