import Foundation
import GaplessCore
import NIOCore

// Protocol.md §3.
extension ClientConformance {
    static let transport: [Check<ClientBench>] = [
        .watch("R3.1-1", "the subprotocol gapless.v1 is offered"),
        Check("R3.1-4", "without the subprotocol the client sends no frame, closes with 1000 or so, and comes again") { bench in
            bench.start()
            let (request, socket) = try await bench.request()
            try ClientBench.accept(request, socket, subprotocol: nil)
            loop: while true {
                switch await socket.next(within: .seconds(20)) {
                case .message(_, let bytes)?: throw Broken("no frame", came: bytes.told)
                case .close(let code)?:
                    try require([1_000, 1_002, 1_010].contains(code), "a Close with 1000", came: CloseCode.told(code))
                    break loop
                case .end?: break loop
                case nil: throw Broken("the end of the connection", came: "nothing for 20 s")
                default: continue
                }
            }
            try await bench.welcomed()
        },
        Check("R3.1-6", "the token is in HELLO or a header, not in the URL") { bench in
            try await bench.give(token: "s3cret-token")
            bench.start()
            let (connection, hello) = try await bench.greeted()
            let isShown = hello.token == "s3cret-token" || connection.request["authorization"]?.contains("s3cret-token") == true
            try require(isShown, "the token in HELLO or in Authorization", came: "neither")
            try require(!connection.request.second.contains("s3cret"), "a URL without the token", came: connection.request.second)
        },
        .watch("R3.2-2", "every frame but MSG is a text message"),
        Check("R3.2-7", "payloads go and come byte for byte, in their kind") { bench in
            let connection = try await bench.attached()
            let payloads: [[UInt8]] = [[], [0x20, 0x20], [0x0D, 0x0A], Array("e\u{301} \u{e9}".utf8)]
            var number: UInt64 = 0
            for payload in payloads + [Array(0...255)] {
                number += 1
                let isText = payload.count < 256
                bench.tell("send \(isText ? "text" : "binary") \(Data(payload).base64EncodedString())")
                let message = try await connection.message(number)
                try require(Array(message.bytes.readableBytesView), payload, "the bytes of MSG \(number)")
                try require(message.kind, isText ? .text : .binary, "the kind of MSG \(number)")
                connection.send("ACK \(number)")
                let head = "MSG \(number) 1767225600000 "
                if isText {
                    connection.send(head + String(decoding: payload, as: UTF8.self))
                } else {
                    connection.send(binary: Array(head.utf8) + payload)
                }
                try await bench.reports(.message(number, isText ? .text : .binary, payload))
            }
        },
        .watch("R3.3-1", "every frame fits the grammar"),
        Check("R3.5-2", "a lone surrogate in JSON gets 4400") { bench in
            try await Self.refuses(bench) { $0["node"] = #""\ud800""# }
        },
        Check("R3.5-3", "a key twice gets 4400") { bench in
            try await Self.refuses(bench) { $0["later"] = #"1,"l\u0061ter":2"# }
        },
        Check("R3.5-4", "a depth of 8 is accepted, deeper gets 4400") { bench in
            try await bench.another { bench in
                var welcome = WelcomeText(resume: "new")
                welcome["later"] = "[[[[[[[1]]]]]]]"
                try await bench.attached(welcome).pings()
            }
            try await Self.refuses(bench) { $0["later"] = "[[[[[[[[1]]]]]]]]" }
        },
        Check("R3.5-5", "unknown fields are ignored, at every level") { bench in
            var welcome = WelcomeText(resume: "new")
            welcome["later"] = #"{"x":[null,1.5e-3,true,{"y":"é"}]}"#
            welcome["limits"] = #"{"message":65536,"hello":8192,"json":4096,"fewer":-1}"#
            welcome["window"] = #"{"down":{"messages":256,"bytes":1048576,"x":0},"up":{"messages":64,"bytes":262144},"side":null}"#
            let connection = try await bench.attached(welcome)
            try await connection.pings()
            connection.send(#"AUTH {"ok":true,"later":[1,2]}"#)
            try await connection.pings()
        },
        Check("R3.5-7", "integers that are written as something else get 4400") { bench in
            for value in ["20000.0", "2e4", "-0", "\"20000\"", "null"] {
                try await bench.another { bench in try await Self.refuses(bench) { $0["heartbeat"] = value } }
            }
        },
        Check("R3.6-2", "the epoch comes back as it went") { bench in
            let epoch = "~._-A" + String(repeating: "z", count: 59)
            let connection = try await bench.attached(WelcomeText(epoch: epoch, resume: "new", after: 7))
            connection.close(1_000)
            let (_, hello) = try await bench.greeted()
            try require(hello.position?.epoch.description, epoch, "epoch")
        },
        Check("R3.6-3", "instance and outbox are drawn anew by each process, with 64 bits at least") { bench in
            bench.start()
            let (_, first) = try await bench.greeted()
            let names = [first.instance.description, first.outbox?.description].compactMap(\.self)
            for name in names {
                try require(name.utf8.count >= 11, "an id of 11 characters or more", came: name)
            }
            try await bench.another { bench in
                bench.start()
                let (_, second) = try await bench.greeted()
                let others = [second.instance.description, second.outbox?.description].compactMap(\.self)
                try require(Set(names).isDisjoint(with: others), "other ids", came: others.joined(separator: " "))
            }
        },
        Check("R3.7-4", "what follows ERROR is ignored") { bench in
            let connection = try await bench.attached()
            connection.send(#"ERROR {"code":4100,"name":"overloaded","message":"Later."}"#)
            connection.sendMessages(1...1)
            connection.close(4_100)
            let (second, hello) = try await bench.welcomed(WelcomeText())
            try require(hello.position?.handled.rawValue, 0, "handled")
            second.send("MSG 1 0 afterwards")
            try await bench.reports(.text(1, "afterwards"))
        },
        Check("R3.7-5", "ERROR counts, whatever code the Close has") { bench in
            let connection = try await bench.attached()
            connection.send(#"ERROR {"code":4450,"name":"forbidden","message":"No."}"#)
            connection.close(1_000)
            try await bench.reports(.stopped(4_450))
        },
        .watch("R3.7-6", "the client closes with 1000, 4105 or 4400 only"),
        Check("R3.7-6", "leaving closes with 1000, without BYE") { bench in
            let connection = try await bench.attached()
            // Only a client that has seen the WELCOME has a session that it could end.
            try await connection.pings()
            bench.tell("close")
            while true {
                switch try await connection.next("a Close with 1000") {
                case .frame(.bye): throw Broken("a Close with 1000", came: "BYE")
                case .frame: continue
                case .end(let code):
                    try require(code, 1_000, "the code")
                    try await bench.reports(.closed)
                    return
                }
            }
        },
    ]

    /// A `WELCOME` with this change is closed with 4400, and the client comes again.
    static func refuses(_ bench: ClientBench, _ change: (inout WelcomeText) -> Void) async throws {
        bench.start()
        let (connection, _) = try await bench.greeted()
        var welcome = WelcomeText(resume: "new")
        change(&welcome)
        connection.welcome(welcome)
        do {
            try await connection.ends(4_400)
        } catch let broken as Broken {
            throw Broken("\(broken.expected) after \(welcome.frame(for: bench.client).prefix(300))", came: broken.came)
        }
        _ = try await bench.greeted()
    }
}
