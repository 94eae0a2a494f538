import CLibFuzzer
import Foundation
import NIOCore

/// `FUZZ_TARGET=... gapless-fuzz [ARGUMENT OF LIBFUZZER ...]`: feeds a parser with what nobody would send on purpose.
///
/// The target stands in the environment, since libFuzzer starts the program again with arguments of its own.
/// Built by `Tools/fuzz` alone, with the coverage that libFuzzer needs. A property that does not hold stops the program; libFuzzer then
/// writes the input to a file.
@main
enum Fuzz {
    static func main() {
        let arguments = CommandLine.arguments
        var count = CInt(arguments.count)
        // libFuzzer keeps them for as long as the process lives.
        var pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = .allocate(capacity: arguments.count + 1)
        for (index, argument) in arguments.enumerated() { pointers?[index] = strdup(argument) }
        pointers?[arguments.count] = nil
        switch ProcessInfo.processInfo.environment["FUZZ_TARGET"] {
        case "frames": exit(LLVMFuzzerRunDriver(&count, &pointers) { FrameTarget.run(Input($0, $1)) })
        case "api": exit(LLVMFuzzerRunDriver(&count, &pointers) { APITarget.run(Input($0, $1)) })
        case "websocket": exit(LLVMFuzzerRunDriver(&count, &pointers) { WebSocketTarget.run(Input($0, $1)) })
        default: Self.explain()
        }
    }

    private static func explain() {
        print("usage: FUZZ_TARGET=frames|api|websocket gapless-fuzz [ARGUMENT OF LIBFUZZER ...]")
        exit(64)
    }
}

/// What libFuzzer made up.
struct Input {
    let bytes: [UInt8]

    init(_ data: UnsafePointer<UInt8>?, _ size: Int) {
        self.bytes = data.map { Array(UnsafeBufferPointer(start: $0, count: size)) } ?? []
    }

    /// The first byte chooses how the rest is used; nil when there is none.
    var choice: UInt8? { self.bytes.first }

    /// Everything behind the choice.
    var rest: ByteBuffer { ByteBuffer(bytes: self.bytes.dropFirst()) }
}

/// Stops the program: the input shows a fault.
func fault(_ what: String) -> Never { preconditionFailure(what) }
