extension ServerSession {
    /// `BYE` came; the store removes the queue.
    struct Leaving {
        let client: ClientID
        let fence: Fence
        let instance: InstanceID
        let closeTime: Duration
        let phase: SessionPhase
        var link: Link

        init(_ live: Live) {
            self.client = live.client
            self.fence = live.fence
            self.instance = live.instance
            self.closeTime = live.closeTime
            self.phase = live.phase
            self.link = live.link
        }

        /// Why the connection ends now; nil when the notice means nothing any more. [R10.3-1, R10.3-2]
        func ending(for notice: SessionNotice) -> SessionEnding? {
            switch notice {
            case .ended(.ended):
                SessionEnding(.ended, "The queue was removed.").displaced
            case .ended(.refused(let refusal)), .displaced(let refusal), .acknowledged(_, .refused(let refusal)):
                SessionEnding(displacedBy: refusal, instance: self.instance)
            case .storeFailed(.end):
                SessionEnding(.storeUnavailable, "The store cannot be reached.")
            case .removed(let code):
                SessionEnding(removedByOperator: code)
            case .close(let ending):
                ending
            case .attached, .acknowledged, .storeFailed, .committed, .news, .look, .handled, .gaveUp, .drain:
                nil
            }
        }
    }

    /// `ERROR` and Close were sent; whatever comes is discarded. [R3.7-2, R3.7-3]
    struct Closing {
        /// When the TCP connection is closed, Close or not.
        let deadline: Instant
        var late: LateAttachment

        /// Says why, closes, and gives back what the connection held: its attachment, unless that is no longer its own.
        init(_ ending: SessionEnding, _ bond: Bond, now: Instant, into output: inout ServerSessionOutput) {
            output.frames.append(.error(ending.error))
            output.close = .handshake(ending.error.code)
            if let detach = bond.detach {
                output.effects.append(
                    ending.isDisplaced
                        ? .displaced(client: detach.client, fence: detach.fence)
                        : .detach(DetachOperation(client: detach.client, fence: detach.fence))
                )
            }
            output.effects.append(.observe(.closed(client: bond.client, ending.error.code, message: ending.error.message, bond.phase)))
            self.deadline = now + bond.closeTime
            self.late = bond.late
        }
    }

    /// The WebSocket is gone.
    struct Closed {
        var late: LateAttachment
    }

    /// An attach whose connection ended before the store answered: when it is committed all the same, it is given back.
    enum LateAttachment {
        case none
        case awaited(ClientID)

        var isSettled: Bool {
            switch self {
            case .none: true
            case .awaited: false
            }
        }

        mutating func settle(_ notice: SessionNotice, into output: inout ServerSessionOutput) {
            guard case .awaited(let client) = self else { return }
            switch notice {
            case .attached(.attached(let attachment)):
                output.effects.append(.detach(DetachOperation(client: client, fence: attachment.fence)))
                self = .none
            case .attached, .storeFailed(.attach):
                self = .none
            case .acknowledged, .ended, .storeFailed, .committed, .news, .look, .displaced, .removed, .handled, .gaveUp, .drain, .close:
                break
            }
        }
    }

    /// What an ending connection has to give back.
    struct Bond {
        let closeTime: Duration
        var phase = SessionPhase.greeting
        var client: ClientID?
        /// The attachment, when there is one.
        var detach: (client: ClientID, fence: Fence)?
        var late = LateAttachment.none

        init(_ configuration: ServerSessionConfiguration) {
            self.closeTime = configuration.closeTime
        }

        init(_ attaching: Attaching) {
            self.init(attaching.greeted.configuration)
            self.client = attaching.proof.client
            self.late = .awaited(attaching.proof.client)
        }

        /// The store refused the attach.
        init(refused attaching: Attaching) {
            self.init(attaching.greeted.configuration)
            self.client = attaching.proof.client
        }

        init(_ live: Live) {
            self.closeTime = live.closeTime
            self.phase = live.phase
            self.client = live.client
            self.detach = (live.client, live.fence)
        }

        init(_ leaving: Leaving) {
            self.closeTime = leaving.closeTime
            self.phase = leaving.phase
            self.client = leaving.client
            self.detach = (leaving.client, leaving.fence)
        }
    }
}

extension SessionNotice {
    /// Why a connection that is not attached ends now; nil when the notice means nothing to it.
    var ending: SessionEnding? {
        switch self {
        case .close(let ending): ending
        case .attached, .acknowledged, .ended, .storeFailed, .committed, .news, .look, .displaced, .removed, .handled, .gaveUp, .drain:
            nil
        }
    }
}
