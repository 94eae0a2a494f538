import GaplessCore
import Logging
import Metrics

extension Node {
    /// Tells hooks and log what a session did.
    func observe(_ observation: SessionObservation, on connection: ServedConnectionID) {
        switch observation {
        case .attached(let client, let attachment):
            self.attached(client, attachment, on: connection)
        case .gap(let client, let gap):
            self.logger.debug(
                "Gap reported",
                metadata: [
                    "client.id": "\(client)", "connection.id": "\(connection)", "sequence.range": "\(gap.range)", "reason": "\(gap.reason)",
                ]
            )
            self.hookRunner.tell(.gap(GapEvent(client: client, gap: gap)))
        case .delivered(let client, let fence, let through):
            self.hookRunner.tell(.delivered(DeliveredEvent(client: client, through: through, epoch: fence.epoch)))
        case .closed(let client, let code, let message, _):
            self.logger.debug(
                "Connection closed",
                metadata: [
                    "client.id": "\(client?.description ?? "-")", "connection.id": "\(connection)", "code": "\(code)",
                    "reason": "\(message)",
                ]
            )
        case .lost(let client, by: let side, let phase):
            self.logger.debug(
                "Connection lost",
                metadata: [
                    "client.id": "\(client?.description ?? "-")", "connection.id": "\(connection)", "by": "\(side)", "phase": "\(phase)",
                ]
            )
        }
    }

    /// Tells hooks, log and metrics what the node decided or found.
    func observe(_ observation: NodeObservation) {
        switch observation {
        case .detached(let client, let fence):
            self.logger.debug("Client detached", metadata: ["client.id": "\(client)", "generation": "\(fence.generation)"])
            self.hookRunner.tell(.detached(DetachedEvent(client: client, generation: fence.generation)))
        case .overflow(let client, let range):
            self.metrics.overflowed.increment(by: Int64(range.count))
            self.hookRunner.tell(.overflow(OverflowEvent(client: client, discarded: range)))
        case .removed(let client, let reason):
            self.logger.debug("Queue removed", metadata: ["client.id": "\(client)", "reason": "\(reason)"])
            self.hookRunner.tell(.removed(RemovedEvent(client: client, reason: RemovedEvent.Reason(reason))))
        case .clockJumped(let jump):
            self.logger.warning("Wall clock jumped; expiry waits", metadata: ["jump.milliseconds": "\(jump.milliseconds)"])
        case .storeCutOff:
            self.logger.error("Store does not answer; the node is not ready")
        case .schemaUnknown:
            self.logger.error("Store has a schema that this program does not know; the node sends its clients away")
        case .storeReached:
            self.logger.notice("Store answers again")
        case .ordered(let order):
            self.logger.notice("Operator wants something of this node", metadata: ["order": "\(order.rawValue)"])
        case .rebalancing(let attached, let share, let moves):
            self.logger.notice(
                "Node holds more than its share and moves clients away",
                metadata: ["attached": "\(attached)", "share": "\(share)", "moves": "\(moves)"]
            )
        case .loaded(let over, let sheds):
            self.tellLoad(over, sheds: sheds)
        case .swept(let messages, let queues):
            self.metrics.expired.increment(by: Int64(messages))
            self.logger.debug("Expired removed", metadata: ["messages": "\(messages)", "queues": "\(queues)"])
        }
    }

    private func tellLoad(_ over: [LoadMeasure], sheds: Bool) {
        let measures: Logger.Metadata = ["over": "\(over.map(\.rawValue).joined(separator: " "))"]
        switch (over.isEmpty, sheds) {
        case (true, _): self.logger.notice("Node has no longer too much to do")
        case (false, true): self.logger.warning("Node has too much to do; new clients should go to others", metadata: measures)
        case (false, false): self.logger.warning("Node has too much to do, and no other can take clients", metadata: measures)
        }
    }

    private func attached(_ client: ClientID, _ attachment: Attachment, on connection: ServedConnectionID) {
        self.logger.debug(
            "Client attached",
            metadata: [
                "client.id": "\(client)", "connection.id": "\(connection)", "generation": "\(attachment.fence.generation)",
                "resume": "\(attachment.resume)", "after": "\(attachment.after)", "head": "\(attachment.head)",
            ]
        )
        if case .reset(.rollback) = attachment.resume {
            self.logger.error(
                "Store went back in time for a client; its messages come under a new numbering",
                metadata: ["client.id": "\(client)", "connection.id": "\(connection)"]
            )
        }
        self.hookRunner.tell(
            .attached(
                AttachedEvent(
                    client: client,
                    generation: attachment.fence.generation,
                    after: attachment.after,
                    head: attachment.head
                )
            )
        )
    }
}

extension RemovedEvent.Reason {
    init(_ reason: NodeObservation.RemovalReason) {
        switch reason {
        case .ended: self = .ended
        case .removed: self = .removed
        case .expired: self = .expired
        case .evicted: self = .evicted
        }
    }
}
