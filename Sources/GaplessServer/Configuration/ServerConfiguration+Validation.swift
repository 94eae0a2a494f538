import GaplessCore

extension ServerConfiguration {
    /// Checks every setting against its bounds.
    func validate() throws(ConfigurationError) {
        try Self.check(
            "path",
            self.path.hasPrefix("/") && self.path.utf8.count <= 256 && !self.path.contains("?"),
            "a path that begins with /"
        )
        try Self.check(
            "endpoints",
            self.endpoints.count <= 16 && self.endpoints.allSatisfy(Self.isWebSocketURL),
            "at most 16 URLs of ws: or wss:, each at most 512 bytes"
        )
        let welcome = Welcome.longest(endpoints: self.endpoints).jsonBytes
        guard welcome <= Limits.maxJSONBytes else {
            let excess = welcome - Limits.maxJSONBytes
            throw ConfigurationError(
                "endpoints",
                "Must be shorter by \(excess) bytes together: clients are told all of them in one WELCOME."
            )
        }
        try self.admin?.validate()
        try self.validateStorage()
        try Self.check("maxMessageBytes", (1...Limits.maxPayloadBytes).contains(self.maxMessageBytes), "1 through 1048576")
        try Self.check("downlinkWindow", Self.isWithinBounds(self.downlinkWindow), "at most 65536 messages and 67108864 bytes")
        try Self.check("uplinkWindow", Self.isWithinBounds(self.uplinkWindow), "at most 65536 messages and 67108864 bytes")
        let leastUplink = max(self.maxMessageBytes, Int(clamping: self.uplinkWindow.bytes))
        try Self.check(
            "maxUplinkBytes",
            (leastUplink...1_099_511_627_776).contains(self.maxUplinkBytes),
            "the bytes of uplinkWindow and of a message, through 1099511627776"
        )
        try self.validateTimes()
        try self.readiness.validate()
        try self.messageWebhook?.validate(as: "messageWebhook")
        try self.eventWebhook?.validate(as: "eventWebhook")
        try Self.check("webhookEvents", self.eventWebhook == nil || !self.webhookEvents.isEmpty, "one event or more")
        try Self.check("handlerAttempts", (1...100).contains(self.handlerAttempts), "1 through 100")
        try Self.check("maxConnections", self.maxConnections.map { (1...10_000_000).contains($0) } ?? true, "1 through 10000000")
        try Self.check("maxPendingSends", (1...1_000_000).contains(self.maxPendingSends), "1 through 1000000")
        try Self.check("threads", self.threads.map { (1...256).contains($0) } ?? true, "1 through 256")
    }

    private func validateStorage() throws(ConfigurationError) {
        // Protocol.md §13.1 has the bounds of what clients are told.
        try Self.check("retention.maxMessages", (1...10_000_000).contains(self.retention.maxMessages), "1 through 10000000")
        try Self.check("retention.maxBytes", (1...1_099_511_627_776).contains(self.retention.maxBytes), "1 through 1099511627776")
        let year = Duration.seconds(365 * 86_400)
        try Self.check("retention.maxAge", (.milliseconds(1)...year).contains(self.retention.maxAge), "1 ms through 365 days")
        try Self.check("retention.keep", (.milliseconds(1)...year).contains(self.retention.keep), "1 ms through 365 days")
        try Self.check(
            "maxKeep",
            (self.retention.keep...max(year, self.retention.keep)).contains(self.maxKeep),
            "retention.keep through 365 days"
        )
        try Self.check("maxClientsPerUser", (1...10_000).contains(self.maxClientsPerUser), "1 through 10000")
        try Self.check("maxQueues", (1...100_000_000).contains(self.maxQueues), "1 through 100000000")
        try Self.check(
            "newQueuesPerSecond",
            self.newQueuesPerSecond.map { (1...100_000).contains($0) } ?? true,
            "1 through 100000, or nil for no limit"
        )
        try Self.check(
            "attachesPerSecond",
            self.attachesPerSecond.map { (1...100_000).contains($0) } ?? true,
            "1 through 100000, or nil for no limit"
        )
        try Self.check(
            "maxConnectionsPerAddress",
            self.maxConnectionsPerAddress.map { (1...10_000_000).contains($0) } ?? true,
            "1 through 10000000, or nil for no limit"
        )
        try Self.check("maxStoreBytes", self.maxStoreBytes >= 1, "at least 1")
        try Self.check("keyLifetime", (.seconds(1)...(.seconds(86_400))).contains(self.keyLifetime), "1 s through 24 h")
    }

    private func validateTimes() throws(ConfigurationError) {
        try Self.check("heartbeat", (.milliseconds(100)...(.seconds(300))).contains(self.heartbeat), "100 ms through 300 s")
        try Self.check("silence", self.silence > self.heartbeat && self.silence <= .seconds(600), "longer than heartbeat, at most 600 s")
        try Self.check("helloDeadline", (.milliseconds(100)...(.seconds(60))).contains(self.helloDeadline), "100 ms through 60 s")
        try Self.check("authenticationGrace", (.seconds(1)...(.seconds(300))).contains(self.authenticationGrace), "1 s through 300 s")
        try Self.check("warmUp", (.zero...(.seconds(300))).contains(self.warmUp), "0 through 300 s")
        try Self.check("drainWait", (.zero...(.seconds(300))).contains(self.drainWait), "0 through 300 s")
        try Self.check("drainTime", (.zero...(.seconds(300))).contains(self.drainTime), "0 through 300 s")
        try Self.check("moveTime", (.milliseconds(100)...(.seconds(300))).contains(self.moveTime), "100 ms through 300 s")
        try Self.check(
            "hardStop",
            self.drainPlan.isRoomy && self.hardStop <= .seconds(900),
            "at least drainWait, drainTime and moveTime together and 5 s more (a tenth of it, where that is less), at most 900 s"
        )
        try Self.check("sendTimeout", (.seconds(1)...(.seconds(300))).contains(self.sendTimeout), "1 s through 300 s")
    }

    /// How a node of this configuration is drained.
    var drainPlan: DrainPlan {
        DrainPlan(wait: self.drainWait, spread: self.drainTime, within: self.moveTime, hardStop: self.hardStop)
    }

    static func check(_ setting: String, _ isValid: Bool, _ bounds: String) throws(ConfigurationError) {
        guard isValid else { throw ConfigurationError(setting, "Must be \(bounds).") }
    }

    private static func isWithinBounds(_ window: Window) -> Bool {
        window.messages <= 65_536 && window.bytes <= 67_108_864
    }

    private static func isWebSocketURL(_ text: String) -> Bool {
        (text.hasPrefix("ws://") || text.hasPrefix("wss://")) && text.utf8.count <= 512 && !text.contains(where: \.isWhitespace)
    }
}
