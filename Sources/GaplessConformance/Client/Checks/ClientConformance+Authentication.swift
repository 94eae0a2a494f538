import GaplessCore

// Protocol.md §9 and §14.
extension ClientConformance {
    static let authentication: [Check<ClientBench>] = [
        Check("R9.2-2", "a client that was named shows its name and its newest token") { bench in
            let (connection, hello) = try await Self.named(bench)
            try require(hello.client == nil && hello.token == nil, "a HELLO without client and token", came: "one with them")
            connection.close(1_000)
            var welcome = WelcomeText(client: "n4Xw8bQz", generation: 2)
            welcome["token"] = "\"token-2\""
            let (second, again) = try await bench.greeted()
            try require(again.client?.description, "n4Xw8bQz", "client")
            try require(again.token, "token-1", "token")
            second.welcome(welcome)
            try await second.pings()
            second.close(1_000)
            let (_, third) = try await bench.greeted()
            try require(third.token, "token-2", "token")
        },
        Check("R9.2-4", "on forget the client forgets all, tells it, and comes as a new one") { bench in
            let (connection, _) = try await Self.named(bench)
            try await connection.pings()
            connection.end(4_200, #","forget":true"#)
            let (_, hello) = try await bench.greeted()
            try require(hello.client == nil && hello.token == nil, "a HELLO without client and token", came: "one with them")
            try require(hello.position == nil, "a HELLO without position", came: "one with it")
            try await bench.reports(.reset("unknown"))
        },
        Check("R9.3-2", "AUTH is answered with a new token") { bench in
            try await bench.give(token: "first")
            let connection = try await bench.attached()
            try require(connection.hello?.token, "first", "token")
            try await bench.give(token: "second")
            connection.send(#"AUTH {"within":20000}"#)
            let token: String = try await connection.expect("AUTH") { if case .authenticate(let token) = $0 { token } else { nil } }
            try require(token, "second", "token")
            connection.send(#"AUTH {"ok":true}"#)
            try await connection.pings()
        },
        Check("R9.3-2", "a client without a token says nothing") { bench in
            let connection = try await bench.attached()
            connection.send(#"AUTH {"within":20000}"#)
            try await connection.quiet("there is no token")
            try await connection.pings()
        },
        Check("R9.3-6", "no second AUTH before the answer to the first") { bench in
            try await bench.give(token: "first")
            let connection = try await bench.attached()
            connection.send(#"AUTH {"within":20000}"#)
            _ = try await connection.expect("AUTH") { if case .authenticate(let token) = $0 { token } else { nil } }
            connection.send(#"AUTH {"within":20000}"#)
            try await connection.quiet("the first AUTH was not answered yet")
        },
        .outOfReach("R14-1", "secrets and payloads are not logged", "the kit does not see the client's log"),
    ]

    /// The client is given a name, and a token for it.
    private static func named(_ bench: ClientBench) async throws -> (ServedConnection, Hello) {
        bench.tell("connect - \(bench.url)")
        var welcome = WelcomeText(client: "n4Xw8bQz", resume: "new")
        welcome["token"] = "\"token-1\""
        return try await bench.welcomed(welcome)
    }
}
