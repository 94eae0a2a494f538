import GaplessCore
import GaplessStore
import NIOCore
import Testing

@testable import GaplessServer

/// What can be sent, before the store is asked.
@Suite struct SendRulesTests {
    private func refusal(_ message: OutgoingMessage, limit: Int = 100) -> SendError.Code? {
        do throws(SendError) {
            _ = try message.operation(maxMessageBytes: limit)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func aPayloadHasALimitInBytes() {
        #expect(self.refusal(OutgoingMessage(Array(repeating: 0, count: 100), to: "a")) == nil)
        #expect(self.refusal(OutgoingMessage(Array(repeating: 0, count: 101), to: "a")) == .tooLarge)
        // 51 characters of two bytes.
        #expect(self.refusal(OutgoingMessage(String(repeating: "é", count: 51), to: "a")) == .tooLarge)
        #expect(self.refusal(OutgoingMessage("", to: "a"), limit: 0) == nil)
    }

    @Test func aTimeToLiveHasBounds() {
        let cases: [(Duration, SendError.Code?)] = [
            (.milliseconds(1), nil), (.seconds(365 * 86_400), nil), (.zero, .invalid), (.nanoseconds(999_999), .invalid),
            (.seconds(-1), .invalid), (.seconds(365 * 86_400) + .milliseconds(1), .invalid),
        ]
        for (timeToLive, code) in cases {
            #expect(self.refusal(OutgoingMessage("", to: "a", timeToLive: timeToLive)) == code, "\(timeToLive)")
        }
    }

    @Test func aKeyHasALengthInBytes() {
        let cases: [(String, SendError.Code?)] = [
            ("k", nil), (String(repeating: "k", count: 128), nil), (String(repeating: "é", count: 64), nil), ("", .invalid),
            (String(repeating: "k", count: 129), .invalid), (String(repeating: "é", count: 65), .invalid),
        ]
        for (id, code) in cases { #expect(self.refusal(OutgoingMessage("", to: "a", id: id)) == code, "\(id)") }
    }

    @Test func aMessageHasRecipientsAndNotTooMany() throws {
        let clients = (0...OutgoingMessage.maxRecipients).compactMap { ClientID("c\($0)") }
        #expect(self.refusal(OutgoingMessage("", to: .clients([]))) == .invalid)
        #expect(self.refusal(OutgoingMessage("", to: .existing([]))) == .invalid)
        #expect(self.refusal(OutgoingMessage("", to: .clients(Array(clients.dropLast())))) == nil)
        #expect(self.refusal(OutgoingMessage("", to: .clients(clients))) == .tooLarge)
        #expect(self.refusal(OutgoingMessage("", to: .user("alice"))) == nil)
    }

    @Test func aSequenceHasMessagesAndOneKey() throws {
        func refusal(_ messages: [OutgoingMessage], _ id: String? = nil) -> SendError.Code? {
            do throws(SendError) {
                _ = try AppendSequenceOperation(messages, id: id, maxMessageBytes: 100)
                return nil
            } catch {
                return error.code
            }
        }
        let message = OutgoingMessage("x", to: "a")
        #expect(refusal([]) == .invalid)
        #expect(refusal(Array(repeating: message, count: 10_000)) == nil)
        #expect(refusal(Array(repeating: message, count: 10_001)) == .invalid)
        #expect(refusal([message], "k") == nil)
        #expect(refusal([message], "") == .invalid)
        #expect(refusal([message, OutgoingMessage("x", to: "a", id: "own")]) == .invalid)
        #expect(refusal([message, OutgoingMessage(Array(repeating: 0, count: 101), to: "a")]) == .tooLarge)
    }

    @Test func whatIsSentIsWhatTheStoreGets() throws {
        let operation = try OutgoingMessage("hé", to: "alice/phone", timeToLive: .seconds(3), id: "k").operation(maxMessageBytes: 100)
        #expect(operation.payload == Payload(text: "hé") && operation.timeToLive == .seconds(3))
        #expect(operation.idempotencyKey == IdempotencyKey("k"))
        #expect(operation.recipients == .clients([try #require(ClientID("alice/phone"))], existingOnly: false))
    }
}

@Suite struct RecipientTests {
    @Test func aClientNamedTwiceCountsOnce() throws {
        let (a, b) = (try #require(ClientID("a")), try #require(ClientID("b/c")))
        #expect(Recipient.clients([b, a, b, b, a]) == .clients([b, a]))
        #expect(Recipient.existing([a, a]) == .existing([a]))
        #expect(Recipient.clients([a]) != .existing([a]))
        #expect(Recipient.client(a) == "a")
    }

    @Test func aRecipientReadsAsItsNames() throws {
        let (a, b) = (try #require(ClientID("a")), try #require(ClientID("b/c")))
        #expect(Recipient.clients([a, b]).description == "a, b/c")
        #expect(Recipient.user("alice").description == "user alice")
        #expect(Recipient.user(try #require(UserID("alice"))) == .user("alice"))
    }
}

/// What a receipt of the store is to a sender.
@Suite struct SendReceiptTests {
    private let epoch = Epoch(incarnation: Incarnation(rawValue: 1), queue: 2)
    private let time = Timestamp(milliseconds: 7)

    private func operation(_ names: String...) throws -> AppendOperation {
        let clients = try names.map { try #require(ClientID($0)) }
        return AppendOperation(recipients: .clients(clients, existingOnly: false), payload: Payload(text: "x"))
    }

    private func receipt(_ outcomes: [(String, Delivery.Outcome)], refusal: AppendRefusal? = nil) throws -> AppendReceipt {
        let deliveries = try outcomes.map { Delivery(client: try #require(ClientID($0.0)), outcome: $0.1) }
        return AppendReceipt(time: self.time, deliveries: deliveries, refusal: refusal)
    }

    private static let refusals: [(Delivery.Outcome, SendError.Code)] = [
        (.queueFull, .queueFull), (.tooLarge, .tooLarge), (.noSuchClient, .noSuchClient), (.tooManyQueues, .full),
    ]

    @Test(arguments: Self.refusals.indices)
    func aRefusalByTheOnlyRecipientIsAnError(_ index: Int) throws {
        let (outcome, code) = Self.refusals[index]
        let error = #expect(throws: SendError.self) {
            try self.receipt([("a/b", outcome)]).sendReceipt(for: self.operation("a/b"))
        }
        #expect(error?.code == code)
    }

    @Test(arguments: Self.refusals.indices)
    func aRefusalByOneOfSeveralIsPartOfTheReceipt(_ index: Int) throws {
        let (outcome, code) = Self.refusals[index]
        let stored = Delivery.Outcome.stored(SequenceNumber(3), self.epoch)
        let receipt = try self.receipt([("a", stored), ("b", outcome)]).sendReceipt(for: self.operation("a", "b"))
        #expect(receipt.clients == 1 && receipt.sequence == nil && receipt.time == self.time && !receipt.isRepeat)
        #expect(receipt.deliveries.map(\.refusal) == [nil, code])
        #expect(receipt.deliveries.map(\.sequence) == [SequenceNumber(3), nil] && receipt.deliveries[0].epoch == self.epoch)
    }

    @Test(arguments: [(AppendRefusal.conflict, SendError.Code.conflict), (.tooManyKeys, .full), (.storeFull, .full)])
    func aRefusalAsAWholeIsAnError(_ refusal: AppendRefusal, _ code: SendError.Code) throws {
        let error = #expect(throws: SendError.self) { try self.receipt([], refusal: refusal).sendReceipt(for: self.operation("a", "b")) }
        #expect(error?.code == code)
    }

    @Test(arguments: [
        (QueueStoreError.Code.unavailable, SendError.Code.unavailable), (.unknown, .unknown), (.full, .full), (.overloaded, .overloaded),
        (.closed, .unavailable), (.foreign, .unavailable),
    ])
    func aStoreThatFailsFailsTheSend(_ store: QueueStoreError.Code, _ code: SendError.Code) {
        #expect(SendError(QueueStoreError(store, "Why.")).code == code)
    }
}
