import GaplessCore
import GaplessWebSocket

// Protocol.md §9 and §14.
extension ServerConformance {
    private static let needsTokens = "needs a server that wants tokens, and tokens of several users"
    private static let needsNames = "needs a server that names its clients"

    static let authentication: [Check<ServerBench>] = [
        .outOfReach("R9.1-1", "every HELLO is authenticated", Self.needsTokens),
        .outOfReach("R9.1-2", "4451 for another user's client", Self.needsTokens),
        .outOfReach("R9.1-3", "4450 for a device that is not allowed", Self.needsTokens),
        .outOfReach("R9.1-4", "4302 and 4300 for proofs that do not count", Self.needsTokens),
        Check("R9.1-5", "a HELLO without client gets 4400") { bench in
            try await bench.greet(bench.hello { $0.client = nil }).ends(4_400)
        },
        .outOfReach("R9.1-6", "a cookie counts with an allowed Origin only", Self.needsTokens),
        .outOfReach("R9.2-1", "client and token come in the WELCOME that names a client", Self.needsNames),
        .outOfReach("R9.2-3", "4200 and forget for a token that cannot be verified", Self.needsNames),
        .outOfReach("R9.3-1", "AUTH within comes before the close", Self.needsTokens),
        Check("R9.3-3", "AUTH is answered with ok") { bench in
            let (connection, _) = try await bench.attach()
            connection.send("AUTH {\"token\":\"x\"}")
            _ = try await connection.expect("AUTH {\"ok\":true}") { if case .authenticated = $0 { true } else { nil } }
            try await connection.quiet("one answer is enough")
        },
        .outOfReach("R9.3-4", "4301, 4300 and 4302 when the new proof does not count", Self.needsTokens),
        .outOfReach("R9.3-5", "4451 when the new token is another user's", Self.needsTokens),
        Check("R9.3-6", "a second AUTH before the answer gets 4401") { bench in
            let (connection, _) = try await bench.attach()
            connection.send("AUTH {\"token\":\"x\"}", "AUTH {\"token\":\"y\"}")
            var answers = 0
            while true {
                let incoming = try await connection.next("the end with 4401")
                if case .end(4_401) = incoming { return }
                guard case .frame(.authenticated) = incoming else {
                    throw Broken("the end with 4401", came: connection.told(incoming))
                }
                answers += 1
                if answers == 2 { throw Unjudged("the server answered the first AUTH before it read the second") }
            }
        },
        .outOfReach("R14-1", "secrets and payloads are not logged", "the kit does not see the server's log"),
        Check("R14-2", "a foreign Origin gets 403, the own one does not") { bench in
            for origin in ["https://evil.example", "null"] {
                let (head, _) = try await bench.handshake(fields: ["Origin: \(origin)"])
                if origin != "null", head.second == "101" { throw Unjudged("the server allows every Origin, or just this one") }
                try require(head.second == "403", "403 for \(origin)", came: head.line)
            }
            let scheme = bench.endpoint.isTLS ? "https" : "http"
            let (head, _) = try await bench.handshake(fields: ["Origin: \(scheme)://\(bench.endpoint.hostHeader)"])
            try require(head.second == "101", "101 for the own host", came: head.line)
        },
        Check("R14-3", "a server that authenticates nobody refuses handshakes that a proxy forwards") { bench in
            for field in ["Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1"] {
                let (head, _) = try await bench.handshake(fields: [field])
                try require(head.second.hasPrefix("4"), "a refusal of \(field)", came: head.line)
            }
        },
    ]
}
