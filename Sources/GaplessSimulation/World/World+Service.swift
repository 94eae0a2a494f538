import GaplessCore

// What the service around the nodes does: who is who, and what handlers answer.
extension World {
    /// A token: whose it is, and until when it counts.
    func token(for client: ClientID, isBad: Bool) -> String {
        let life = self.options.tokenLifeMilliseconds ?? 3_600_000
        let newest = (0..<self.options.nodes).map { self.wallClock(of: $0).milliseconds }.max() ?? 0
        return "\(client)|\(isBad ? 1 : newest + UInt64(life))"
    }

    func authenticate(_ client: ClientID?, token: String?) -> AuthenticationOutcome {
        if self.options.isAnonymous { return self.name(client, token: token) }
        guard self.options.tokenLifeMilliseconds != nil else { return .unneeded }
        guard let client, let parts = token?.split(separator: "|"), parts.count == 2, let end = UInt64(parts[1]) else {
            return .refused(SessionEnding(.tokenRefused, "There is no token."))
        }
        guard end > 1 else {
            self.counters.count(.tokenRefused)
            return .refused(SessionEnding(.tokenRefused, "The token is bad."))
        }
        return .proved(Identity(user: client.user, expires: Timestamp(milliseconds: end)))
    }

    /// The server names its clients, and knows them again by the token that it gave them.
    private func name(_ client: ClientID?, token: String?) -> AuthenticationOutcome {
        guard let token else {
            self.namedClients += 1
            self.counters.count(.named)
            guard let user = UserID("a\(self.namedClients)") else { preconditionFailure("a valid name") }
            let name = ClientID(user: user)
            return .named(name, token: "\(name)|\(self.tokenKey)")
        }
        let parts = token.split(separator: "|")
        guard parts.count == 2, let name = ClientID(String(parts[0])), parts[1] == "\(self.tokenKey)" else {
            self.counters.count(.forgotten)
            return .refused(SessionEnding(.unknownClient, "The token cannot be verified.", forget: true))
        }
        return .named(name, token: token)
    }

    /// What a handler sends: an answer to the sender, which names what it answers.
    func replies(to delivery: UplinkDelivery) -> [AppendOperation] {
        let text = "r\(delivery.payload.text ?? "")"
        return [AppendOperation(recipients: .clients([delivery.client], existingOnly: false), payload: Payload(text: text))]
    }

    /// A client does not come back by itself: its user starts it again some time later.
    func stopped(_ process: ClientProcess, _ reason: StopReason) {
        self.counters.count(.stopped)
        self.checker.stopped(process, reason)
        if reason.code == .ended {
            process.client.hasEnded = true
            self.checker.ended(process)
            guard let pause = process.client.pauseAfterEnd else { return }
            return self.after(.milliseconds(pause)) {
                guard process.isRunning, process.client.process === process else { return }
                process.client.hasEnded = false
                self.counters.count(.beganAgain)
                process.restart()
            }
        }
        self.after(.seconds(8)) {
            guard process.isRunning, process.client.process === process else { return }
            // In the end its user knows that nobody else is left; where clocks went back, the store may not.
            if self.isHealed, reason.code == .takenOver { process.takeOver() } else { process.restart() }
        }
    }
}
