extension ServerSession {
    /// A connection that is the one voice of a queue, as far as it knows.
    struct Live {
        /// Where a live connection goes from here.
        enum Next {
            case stay
            /// The client said `BYE`.
            case leave
            case end(SessionEnding)
        }

        /// The time that a drained connection has left.
        private struct Moving {
            let deadline: Instant
            let order: DrainOrder
        }

        let client: ClientID
        let fence: Fence
        let instance: InstanceID
        let closeTime: Duration
        var link: Link
        private var cursor: DeliveryCursor
        private var uplink: UplinkReceiver
        private var reauthentication: Reauthentication
        private var moving: Moving?
        /// An operator is said to have removed the queue.
        private var removal: CloseCode?
        private let age: (deadline: Instant, jitter: Duration)?
        /// After a failure of the store: when it is asked again, and whether it is told again what was acknowledged.
        private let storeRetry: Duration
        private var readAgainAt: Instant?
        private var acknowledgeAgainAt: Instant?

        /// Attached: says `WELCOME` and asks for what follows. [R4.0-5]
        init(_ attaching: Attaching, _ attachment: Attachment, now: Instant, into output: inout ServerSessionOutput) {
            let configuration = attaching.greeted.configuration
            let hello = attaching.greeted.hello
            let window = hello.window.map(configuration.downlinkWindow.narrowed) ?? configuration.downlinkWindow  // [R4.2-2]
            self.client = attaching.proof.client
            self.fence = attachment.fence
            self.instance = hello.instance
            self.closeTime = configuration.closeTime
            self.link = attaching.greeted.link
            self.cursor = DeliveryCursor(
                window: window,
                after: attachment.after,
                head: attachment.head,
                maxReadMessages: configuration.maxReadMessages,
                maxReadBytes: configuration.maxReadBytes
            )
            self.uplink = UplinkReceiver(outbox: hello.outbox, mark: attachment.mark, window: configuration.uplinkWindow)
            self.reauthentication = Reauthentication(
                expires: attaching.proof.expires,
                grace: configuration.authenticationGrace,
                answerDeadline: configuration.answerDeadline
            )
            self.storeRetry = configuration.storeRetry
            self.age = configuration.maxAge.map { (attaching.greeted.opened + $0, configuration.maxAgeJitter) }

            output.effects.append(.observe(.attached(client: self.client, attachment)))
            let welcome = Welcome(attaching: attaching, attachment, downlinkWindow: window)
            self.link.adopt(configuration, now: now)
            self.link.send(.welcome(welcome), now: now, into: &output)
            self.readOn(into: &output)
        }

        // MARK: Frames

        mutating func received(_ frame: ClientFrame, now: Instant, into output: inout ServerSessionOutput) -> Next {
            switch frame {
            case .acknowledge(let number):
                #if MUTANTS
                if Mutant.ackBoundToConnection.isPlanted, number > max(self.cursor.sentThrough, self.cursor.acknowledged) {
                    return self.next(.beyondHead)
                }
                #endif
                switch self.cursor.acknowledge(through: number) {
                case .ignored: break
                case .commit: self.acknowledge(through: number, into: &output)
                }
                self.readOn(into: &output)
                return .stay
            case .message(let number, let payload):
                return self.received(number, payload, now: now, into: &output)
            case .ping(let number):
                self.link.pong(number, now: now, into: &output)  // [R4.6-1]
                return .stay
            case .pong:
                return .stay  // [R4.6-2]
            case .authenticate(let token):
                guard self.reauthentication.received(now: now) else {
                    return .end(SessionEnding(.outOfOrder, "AUTH came before the answer to the one before."))  // [R9.3-6]
                }
                output.effects.append(.authenticateAgain(client: self.client, token: token))
                return .stay
            case .hello:
                return .end(SessionEnding(.outOfOrder, "HELLO comes once."))  // [R4.0-3]
            case .bye:
                output.effects.append(.end(EndOperation(client: self.client, fence: self.fence)))  // [R10.3-1]
                return .leave
            }
        }

        private mutating func received(
            _ number: SequenceNumber,
            _ payload: Payload,
            now: Instant,
            into output: inout ServerSessionOutput
        ) -> Next {
            switch self.uplink.receive(number, bytes: payload.count) {
            case .deliver(let outbox):
                let delivery = UplinkDelivery(
                    client: self.client,
                    fence: self.fence,
                    outbox: outbox,
                    number: number,
                    payload: payload
                )
                output.effects.append(.deliver(delivery))
                return .stay
            case .acknowledge(let mark):
                self.link.acknowledge(through: mark, now: now, into: &output)  // [R7.2-2]
                return .stay
            case .outOfOrder(let message):
                return .end(SessionEnding(.outOfOrder, message))
            case .overWindow:
                return .end(SessionEnding(.outOfOrder, "More is in flight than the uplink window allows."))
            }
        }

        // MARK: Answers and news

        mutating func loaded(_ receipt: ReadReceipt, now: Instant, into output: inout ServerSessionOutput) -> Next {
            switch receipt {
            case .slice(let slice):
                // The fence was good when this read looked, so it was another queue of that name that was removed.
                if !self.cursor.isLookDue { self.removal = nil }
                let first = output.frames.endIndex
                let verdict = self.cursor.loaded(slice, into: &output.frames)
                #if MUTANTS
                if Mutant.trimWhenSent.isPlanted { self.acknowledge(through: self.cursor.cursor, into: &output) }
                #endif
                if output.frames.endIndex > first { self.link.sent(now: now) }
                for case .gap(let gap) in output.frames[first...] {
                    output.effects.append(.observe(.gap(client: self.client, gap)))
                }
                self.readOn(into: &output)
                return self.next(verdict)
            case .refused(let refusal):
                return self.displaced(by: refusal)
            }
        }

        mutating func notice(_ notice: SessionNotice, now: Instant, into output: inout ServerSessionOutput) -> Next {
            switch notice {
            case .acknowledged(let operation, let receipt):
                return self.acknowledged(operation, receipt, into: &output)
            case .committed(let committed):
                self.committed(committed, now: now, into: &output)
            case .news:
                self.cursor.news()
            case .look:
                self.cursor.look()
            case .displaced(let refusal):
                return self.displaced(by: refusal)
            case .removed(let code):
                // Told by client, not by fence: the queue may have come again, and this connection with it. The store knows.
                self.removal = code
                self.cursor.look()
            case .handled(let number):
                if self.uplink.handled(through: number) {
                    self.link.acknowledge(through: number, now: now, into: &output)
                }
            case .gaveUp:
                return .end(SessionEnding(.internalError, "A message could not be handled."))
            case .drain(let order):
                self.moving = Moving(deadline: now + order.within, order: order)
                self.link.send(.drain(Drain(within: order.within, endpoints: order.endpoints)), now: now, into: &output)
            case .close(let ending):
                return .end(ending)
            case .storeFailed(.read):
                self.cursor.readFailed()
                self.readAgainAt = now + self.storeRetry
            case .storeFailed(.acknowledge):
                #if MUTANTS
                if Mutant.ackNotRepeated.isPlanted { break }
                #endif
                self.acknowledgeAgainAt = now + self.storeRetry
            case .attached, .ended, .storeFailed(.attach), .storeFailed(.end):
                preconditionFailure("an answer of the store that an attached session did not ask for")
            }
            self.readOn(into: &output)
            return .stay
        }

        private mutating func acknowledged(
            _ operation: AcknowledgeOperation,
            _ receipt: AcknowledgeReceipt,
            into output: inout ServerSessionOutput
        ) -> Next {
            switch receipt {
            case .acknowledged(_, head: let head):
                let verdict = self.cursor.acknowledged(through: operation.through, head: head)
                let delivered = SessionObservation.delivered(client: self.client, fence: self.fence, through: operation.through)
                output.effects.append(.observe(delivered))
                self.readOn(into: &output)
                return self.next(verdict)
            case .beyondHead(let head):
                return self.next(
                    self.cursor.beyondHead(operation.through),
                    "ACK \(operation.through) is above the newest message, \(head)."
                )
            case .refused(let refusal):
                return self.displaced(by: refusal)
            }
        }

        private mutating func committed(_ committed: CommittedMessage, now: Instant, into output: inout ServerSessionOutput) {
            guard committed.fence == self.fence else {
                // Somebody else's; whether this connection is displaced is for the store to say.
                self.cursor.look()
                return
            }
            let isNext = self.cursor.committed(
                committed.message,
                discardedThrough: committed.discardedThrough,
                isWritable: self.link.isWritable
            )
            if isNext {
                self.link.send(.message(committed.message), now: now, into: &output)
            }
        }

        mutating func authenticated(
            _ outcome: AuthenticationOutcome,
            wallClock: Timestamp,
            now: Instant,
            into output: inout ServerSessionOutput
        ) -> Next {
            switch outcome {
            case .refused(let ending):
                return .end(ending)
            case .named(let name, token: _) where name != self.client:
                return .end(.unknownClient)
            case .proved(let identity):
                if let ending = SessionEnding(judging: identity, for: self.client, wallClock: wallClock) {
                    return .end(ending)  // [R9.3-4, R9.3-5]
                }
                self.reauthentication.verified(expires: identity.expires(wallClock: wallClock, now: now))
            case .unneeded, .named:
                self.reauthentication.verified(expires: nil)
            }
            self.link.send(.authenticated, now: now, into: &output)  // [R9.3-3]
            return .stay
        }

        /// How far the connection is.
        var phase: SessionPhase { self.moving == nil ? .attached : .moving }

        /// What is under way to the client.
        var backlog: SessionBacklog {
            SessionBacklog(
                unacknowledged: self.cursor.messagesInFlight,
                waiting: Int(self.cursor.head.rawValue - min(self.cursor.acknowledged, self.cursor.head).rawValue)
            )
        }

        // MARK: Time and room

        var nextDeadline: Instant {
            let others = [
                self.reauthentication.nextDeadline, self.moving?.deadline, self.age?.deadline, self.readAgainAt, self.acknowledgeAgainAt,
            ]
            return others.reduce(self.link.nextDeadline) { min($0, $1 ?? $0) }
        }

        mutating func timerFired(now: Instant, into output: inout ServerSessionOutput) -> Next {
            if let moving, now >= moving.deadline {
                let message = moving.order.code == .draining ? "This node stops." : "This node holds more than its share."
                return .end(SessionEnding(moving.order.code, message, jitter: moving.order.jitter))  // [R10.1-9]
            }
            if let age, now >= age.deadline {
                return .end(SessionEnding(.maxAge, "The connection reached its maximum age.", jitter: age.jitter))
            }
            switch self.reauthentication.timerFired(now: now) {
            case .ask(let within): self.link.send(.authenticate(within: within), now: now, into: &output)
            case .unanswered: return .end(SessionEnding(.authenticateAgain, "No new token came in time."))
            case .unverified: return .end(SessionEnding(.internalError, "The token could not be checked in time."))
            case nil: break
            }
            if let ending = self.link.timerFired(now: now, into: &output) {
                return .end(ending)
            }
            if let again = self.acknowledgeAgainAt, now >= again {
                self.acknowledgeAgainAt = nil
                self.acknowledge(through: self.cursor.newestAcknowledgement, into: &output)
            }
            if let again = self.readAgainAt, now >= again {
                self.readAgainAt = nil
                self.readOn(into: &output)
            }
            return .stay
        }

        /// Asks the store for what comes next, if there may be something and there is room for it.
        mutating func readOn(into output: inout ServerSessionOutput) {
            guard self.readAgainAt == nil, let read = self.cursor.nextRead(isWritable: self.link.isWritable) else { return }
            let request = ReadRequest(
                client: self.client,
                fence: self.fence,
                after: read.after,
                maxMessages: read.maxMessages,
                maxBytes: read.maxBytes
            )
            output.effects.append(.read(request))
        }

        // MARK: Private

        private func acknowledge(through number: SequenceNumber, into output: inout ServerSessionOutput) {
            output.effects.append(.acknowledge(AcknowledgeOperation(client: self.client, fence: self.fence, through: number)))
        }

        /// The fence is lost: to another connection, or because the queue is gone. [R5.3-5, R5.3-7]
        private func displaced(by refusal: FenceRefusal) -> Next {
            switch (refusal, self.removal) {
            case (.gone, .some(let code)), (.otherEpoch, .some(let code)):
                .end(SessionEnding(removedByOperator: code))
            case (.gone, nil), (.otherEpoch, nil), (.newer, _):
                .end(SessionEnding(displacedBy: refusal, instance: self.instance))
            }
        }

        private func next(_ verdict: DeliveryCursor.Verdict, _ message: String = "") -> Next {
            switch verdict {
            case .goesOn: .stay
            case .storeWentBack: .end(SessionEnding(.fenceChanged, "The store went back in time."))
            case .beyondHead: .end(SessionEnding(.ackBeyondHead, message))
            }
        }
    }
}

extension Welcome {
    /// What a client must know, now that it is attached. [R4.2-1]
    fileprivate init(attaching: ServerSession.Attaching, _ attachment: Attachment, downlinkWindow: Window) {
        let configuration = attaching.greeted.configuration
        self.init(
            client: attaching.proof.client,
            epoch: attachment.fence.epoch.token,
            generation: attachment.fence.generation,
            resume: attachment.resume,
            after: attachment.after,
            head: attachment.head,
            mark: attachment.mark,
            downlinkWindow: downlinkWindow,
            uplinkWindow: configuration.uplinkWindow,
            heartbeat: configuration.heartbeat,
            silence: configuration.silence,
            node: configuration.node.name.description,
            token: attaching.proof.token,
            endpoints: configuration.endpoints,
            features: [],  // [R4.11-1, R4.11-2]: version 1.0 defines none.
            limits: configuration.limits,
            retention: attachment.retention
        )
    }
}
