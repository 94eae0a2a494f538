import GaplessCore
import NIOCore

// What the application sends, and who waits for it.
extension ClientShell {
    /// Messages that wait for room in the outbox.
    struct Applicant {
        var payloads: ArraySlice<Payload>
        var tickets: [UplinkTicket] = []
        let waiter: Waiter<[UplinkTicket]>
    }

    /// Queues a message; the waiter hears when the server handled it.
    func send(_ payload: Payload, _ waiter: Waiter<Void>) {
        do {
            self.uplink.wait(for: try self.enqueue(payload), waiter)
        } catch {
            waiter.continuation.resume(throwing: error)
        }
    }

    /// Queues a message; the waiter hears when it is durable, if anything is.
    func enqueue(_ payload: Payload, _ waiter: Waiter<UplinkTicket>) {
        do {
            let ticket = try self.enqueue(payload)
            self.whenSaved { waiter.resume(returning: ticket, unless: $0) }
        } catch {
            waiter.continuation.resume(throwing: error)
        }
    }

    /// Queues messages as there is room; the waiter hears when all of them are durable, if anything is.
    func enqueue(_ payloads: [Payload], _ waiter: Waiter<[UplinkTicket]>) {
        guard !self.run.isFinished else { return waiter.continuation.resume(throwing: SendError.stopped) }
        self.lobby.append(Applicant(payloads: payloads[...], waiter: waiter))
        self.admit()
    }

    private func enqueue(_ payload: Payload) throws(SendError) -> UplinkTicket {
        guard !self.run.isFinished else { throw .stopped }
        // Those who wait for room were here before.
        guard self.lobby.isEmpty else { throw .queueFull }
        return try self.queue(payload)
    }

    private func queue(_ payload: Payload) throws(SendError) -> UplinkTicket {
        let result = self.feed { session, turn -> Result<UplinkTicket, UplinkRefusal> in
            do throws(UplinkRefusal) { return .success(try session.enqueue(payload, &turn)) } catch { return .failure(error) }
        }
        switch result {
        case .success(let ticket):
            self.uplink.queued(ticket)
            return ticket
        case .failure(let refusal):
            throw SendError(refusal)
        }
    }

    /// Lets messages in that wait for room, in the order in which they came.
    func admit() {
        while var applicant = self.lobby.popFirst() {
            do {
                while let payload = applicant.payloads.first {
                    applicant.tickets.append(try self.queue(payload))
                    applicant.payloads.removeFirst()
                }
                let (tickets, waiter) = (applicant.tickets, applicant.waiter)
                self.whenSaved { waiter.resume(returning: tickets, unless: $0) }
            } catch {
                guard error.code == .queueFull, self.uplink.count > 0 else {
                    applicant.waiter.continuation.resume(throwing: error)
                    continue
                }
                return self.lobby.prepend(applicant)
            }
        }
    }

    func waitForConfirmation(of ticket: UplinkTicket, _ waiter: Waiter<Void>) {
        guard !self.run.isFinished else { return waiter.continuation.resume(throwing: SendError.stopped) }
        self.uplink.wait(for: ticket, waiter)
    }

    func waitForAllConfirmations(_ waiter: Waiter<Void>) {
        guard !self.run.isFinished || self.uplink.count == 0 else { return waiter.continuation.resume(throwing: SendError.stopped) }
        self.uplink.waitForAll(waiter)
    }

    private func cancelEnd(_ id: WaiterID) {
        guard let index = self.endWaiters.firstIndex(where: { $0.id == id }) else { return }
        self.endWaiters.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    func cancelWaiter(_ id: WaiterID) {
        if let index = self.lobby.firstIndex(where: { $0.waiter.id == id }) {
            self.lobby.remove(at: index).waiter.continuation.resume(throwing: CancellationError())
        } else {
            self.cancelEnd(id)
            self.uplink.cancel(id)
        }
    }
}

extension Waiter {
    /// Answers with the value, or with the error if there is one.
    fileprivate func resume(returning value: Value, unless error: SendError?) {
        if let error { self.continuation.resume(throwing: error) } else { self.continuation.resume(returning: value) }
    }
}
