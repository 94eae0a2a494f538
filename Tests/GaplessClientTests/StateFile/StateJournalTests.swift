import GaplessCore
import NIOCore
import Testing

@testable import GaplessClient

/// The bytes of a state file: what is read back, what counts as torn, and what is refused.
@Suite struct StateJournalTests {
    /// A file of a snapshot and two records, the offsets at which its records end, and what it holds after each.
    private func threeRecords() throws -> (bytes: ByteBuffer, ends: [Int], states: [ClientRecord]) {
        let snapshot = try ClientRecord.example()
        let batches = [
            ClientRecordBatch(.queued(.example(5)), .assigned(through: SequenceNumber(14)), .progress(try .example(handled: 9))),
            ClientRecordBatch(.acknowledged(through: SequenceNumber(13)), .progress(try .example(handled: 12))),
        ]
        var journal = StateJournal(file: 0x0123_4567_89ab_cdef)
        var bytes = journal.header
        bytes.writeImmutableBuffer(journal.append(ClientRecordBatch(snapshot)))
        var ends = [bytes.readableBytes]
        var states = [snapshot]
        for batch in batches {
            bytes.writeImmutableBuffer(journal.append(batch))
            ends.append(bytes.readableBytes)
            var state = states[states.count - 1]
            for change in batch.changes { state.apply(change) }
            states.append(state)
        }
        return (bytes, ends, states)
    }

    @Test func everyPartOfARecordIsReadBack() throws {
        for record in [try ClientRecord.fresh(), try .example(), try .example(handled: 0, numbered: 0, unnumbered: 9)] {
            var journal = StateJournal(file: 1)
            var bytes = journal.header
            bytes.writeImmutableBuffer(journal.append(ClientRecordBatch(record)))
            let contents = try StateJournal.read(bytes)
            #expect(contents.record == record)
            #expect(contents.wholeBytes == bytes.readableBytes)
            #expect(contents.journal.nextNumber == 1)
        }
    }

    @Test func aJournalEndsInItsNewestState() throws {
        let (bytes, ends, states) = try self.threeRecords()
        let contents = try StateJournal.read(bytes)
        #expect(contents.record == states[2])
        #expect(contents.snapshotBytes == ends[0])
        #expect(contents.journal.nextNumber == 3)
    }

    @Test func cutInTheSnapshotIsDamage() throws {
        let (bytes, ends, _) = try self.threeRecords()
        for count in 0..<ends[0] {
            let cut = try #require(bytes.getSlice(at: 0, length: count))
            #expect(throws: StateJournalFault.self, "cut at \(count)") { try StateJournal.read(cut) }
        }
    }

    @Test func cutInTheJournalIsATornEndAndTheStateBeforeItStands() throws {
        let (bytes, ends, states) = try self.threeRecords()
        for count in ends[0]..<ends[2] {
            let cut = try #require(bytes.getSlice(at: 0, length: count))
            let contents = try StateJournal.read(cut)
            let whole = count < ends[1] ? 0 : 1
            #expect(contents.record == states[whole], "cut at \(count)")
            #expect(contents.wholeBytes == ends[whole], "cut at \(count)")
        }
    }

    /// A crash of the machine may leave the length of the last write and not its bytes.
    @Test func zerosInPlaceOfTheLastRecordAreATornEnd() throws {
        let (bytes, ends, states) = try self.threeRecords()
        for start in ends[1]..<ends[2] {
            var torn = bytes
            torn.setRepeatingByte(0, count: ends[2] - start, at: start)
            guard torn != bytes else { continue }
            let contents = try StateJournal.read(torn)
            #expect(contents.record == states[1], "zeros from \(start)")
            #expect(contents.wholeBytes == ends[1], "zeros from \(start)")
        }
    }

    @Test(arguments: [UInt8(0x01), 0x80, 0xff])
    func eachWrongByteBeforeTheLastRecordIsRefused(mask: UInt8) throws {
        let (bytes, ends, _) = try self.threeRecords()
        for offset in 0..<ends[1] {
            var wrong = bytes
            let byte = try #require(wrong.getInteger(at: offset, as: UInt8.self))
            wrong.setInteger(byte ^ mask, at: offset)
            #expect(throws: StateJournalFault.self, "byte \(offset)") { try StateJournal.read(wrong) }
        }
    }

    @Test func eachWrongByteInTheLastRecordCostsThatRecordAtMost() throws {
        let (bytes, ends, states) = try self.threeRecords()
        for offset in ends[1]..<ends[2] {
            var wrong = bytes
            let byte = try #require(wrong.getInteger(at: offset, as: UInt8.self))
            wrong.setInteger(byte ^ 0x10, at: offset)
            #expect(try StateJournal.read(wrong).record == states[1], "byte \(offset)")
        }
    }

    @Test func aSingleSnapshotWithAnyWrongByteIsRefused() throws {
        var journal = StateJournal(file: 5)
        var bytes = journal.header
        bytes.writeImmutableBuffer(journal.append(ClientRecordBatch(try .example())))
        for offset in 0..<bytes.readableBytes {
            var wrong = bytes
            let byte = try #require(wrong.getInteger(at: offset, as: UInt8.self))
            wrong.setInteger(byte ^ 0x04, at: offset)
            #expect(throws: StateJournalFault.self, "byte \(offset)") { try StateJournal.read(wrong) }
        }
    }

    @Test func recordsOfAnotherFileDoNotCount() throws {
        var mine = StateJournal(file: 1)
        var other = StateJournal(file: 2)
        var bytes = mine.header
        bytes.writeImmutableBuffer(mine.append(ClientRecordBatch(try .example())))
        let whole = bytes.readableBytes
        _ = other.append(ClientRecordBatch(try .example()))
        bytes.writeImmutableBuffer(other.append(ClientRecordBatch(.progress(try .example(handled: 99)))))
        #expect(try StateJournal.read(bytes).wholeBytes == whole)
    }

    @Test func aRecordMissingInTheMiddleIsRefused() throws {
        let (bytes, ends, _) = try self.threeRecords()
        var without = try #require(bytes.getSlice(at: 0, length: ends[0]))
        without.writeImmutableBuffer(try #require(bytes.getSlice(at: ends[1], length: ends[2] - ends[1])))
        #expect(throws: StateJournalFault.damaged(offset: ends[0])) { try StateJournal.read(without) }
    }

    @Test func anotherKindOfFileIsForeign() throws {
        for text in ["SQLite format 3\u{0}and so on and so on", "{\"client\":\"alice\"}", "x"] {
            #expect(throws: StateJournalFault.foreign) { try StateJournal.read(ByteBuffer(string: text)) }
        }
    }

    @Test func anEmptyFileIsHalfWrittenAndNotNew() {
        #expect(throws: StateJournalFault.damaged(offset: 0)) { try StateJournal.read(ByteBuffer()) }
    }

    @Test func aNewerVersionIsRefusedAsSuch() throws {
        var bytes = try self.threeRecords().bytes
        bytes.setInteger(UInt32(2), at: 16)
        #expect(throws: StateJournalFault.newer(version: 2)) { try StateJournal.read(bytes) }
    }

    /// With right checksums, and so written by wrong software.
    @Test(arguments: [
        ClientRecordChange.assigned(through: SequenceNumber(16)), .assigned(through: .max), .acknowledged(through: .max),
    ])
    func changesThatDoNotFitTheOutboxAreRefused(change: ClientRecordChange) throws {
        var journal = StateJournal(file: 1)
        var bytes = journal.header
        bytes.writeImmutableBuffer(journal.append(ClientRecordBatch(try .example(numbered: 2, unnumbered: 3))))
        let whole = bytes.readableBytes
        bytes.writeImmutableBuffer(journal.append(ClientRecordBatch(change)))
        if case .acknowledged = change {
            // A server may know a higher number than the file: then nothing that had one is left.
            #expect(try StateJournal.read(bytes).record.outbox.messages.count == 3)
        } else {
            #expect(throws: StateJournalFault.damaged(offset: whole)) { try StateJournal.read(bytes) }
        }
    }

    @Test func bytesThatAreNoChangesAreRefused() throws {
        let good = ClientRecordBatch(try .example()).encoded()
        #expect(ClientRecordBatch(decoding: good) == ClientRecordBatch(try .example()))
        for count in 1..<good.readableBytes {
            let cut = try #require(good.getSlice(at: 0, length: count))
            // Between two changes the rest is a whole batch, though no whole record.
            let record = ClientRecordBatch(decoding: cut).flatMap { ClientRecord($0) }
            #expect(record == nil, "cut at \(count)")
        }
        for tag in [UInt8(0), 7, 255] {
            #expect(ClientRecordBatch(decoding: ByteBuffer(bytes: [tag])) == nil)
        }
    }
}

/// What waits to be saved: only what still says something.
@Suite struct ClientRecordBatchTests {
    @Test func onlyTheNewestProgressAndIdentityAreSaved() throws {
        var batch = ClientRecordBatch()
        for handled in UInt64(1)...100 { batch.append(.progress(try .example(handled: handled))) }
        batch.append(.identity(try ClientRecord.fresh().identity))
        batch.append(.identity(try ClientRecord.example().identity))
        #expect(batch.changes == [.identity(try ClientRecord.example().identity), .progress(try .example(handled: 100))])
    }

    @Test func acknowledgementsInARowBecomeOne() {
        let batch = ClientRecordBatch(
            .queued(.example(1)),
            .assigned(through: SequenceNumber(3)),
            .assigned(through: SequenceNumber(4)),
            .acknowledged(through: SequenceNumber(2)),
            .acknowledged(through: SequenceNumber(3)),
            .queued(.example(2))
        )
        #expect(
            batch.changes == [
                .queued(.example(1)), .assigned(through: SequenceNumber(4)), .acknowledged(through: SequenceNumber(3)),
                .queued(.example(2)),
            ]
        )
    }

    @Test func aNewOutboxReplacesWhatBecameOfTheOldOne() throws {
        let outbox = try ClientRecord.example().outbox
        let batch = ClientRecordBatch(.queued(.example(1)), .outbox(outbox), .queued(.example(2)))
        #expect(batch.changes == [.outbox(outbox), .queued(.example(2))])
    }

    /// Leaving out must not change what comes out: all changes one by one give the record that the batch gives.
    @Test(arguments: UInt64(0)..<50)
    func aBatchDoesWhatItsChangesDo(seed: UInt64) throws {
        var random = TestRandom(seed: seed)
        var expected = try ClientRecord.example()
        var actual = expected
        var batch = ClientRecordBatch()
        for step in 0..<200 {
            let change: ClientRecordChange
            let numbered = expected.outbox.assigned.rawValue - expected.outbox.acknowledged.rawValue
            switch UInt64.random(in: 0..<6, using: &random) {
            case 0: change = .queued(.example(UInt64(step)))
            case 1:
                let room = UInt64(expected.outbox.messages.count) - numbered
                change = .assigned(through: expected.outbox.assigned.advanced(by: UInt64.random(in: 0...room, using: &random)))
            case 2:
                change = .acknowledged(through: expected.outbox.acknowledged.advanced(by: UInt64.random(in: 0...numbered, using: &random)))
            case 3: change = .progress(try .example(handled: UInt64(step)))
            case 4: change = .identity(try (step.isMultiple(of: 2) ? ClientRecord.fresh() : .example()).identity)
            default:
                change = .outbox(OutboxRecord(id: OutboxID(using: &random), messages: expected.outbox.messages))
            }
            expected.apply(change)
            batch.append(change)
            if UInt64.random(in: 0..<20, using: &random) == 0 {
                let isAccepted = actual.accepts(batch)
                #expect(isAccepted, "seed \(seed)")
                #expect(actual == expected, "seed \(seed), step \(step)")
                batch = ClientRecordBatch()
            }
        }
    }
}
