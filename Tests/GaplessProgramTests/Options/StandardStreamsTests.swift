import Foundation
import Testing

@testable import gapless

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct StandardStreamsTests {
    @Test func aPipeThatTakesOnlySomeIsWaitedFor() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        defer { close(reader) }
        _ = fcntl(writer, F_SETFL, fcntl(writer, F_GETFL) | O_NONBLOCK)
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        async let isWritten = Self.write(bytes, to: writer)
        let read = try await Self.everything(of: reader)
        #expect(await isWritten)
        #expect(read == bytes)
    }

    #if os(Linux)
    @Test func aFullDiskIsToldApart() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        defer { close(full) }
        #expect(!writeAll([1], to: full))
        #expect(errno == ENOSPC)
    }
    #endif

    /// On a thread that may wait.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let isWritten = writeAll(bytes, to: descriptor)
                close(descriptor)
                continuation.resume(returning: isWritten)
            }
        }
    }

    private static func everything(of descriptor: Int32) async throws -> [UInt8] {
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: [UInt8]((try? handle.readToEnd()) ?? Data()))
            }
        }
    }
}
