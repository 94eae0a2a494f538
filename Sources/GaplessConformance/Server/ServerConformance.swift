import GaplessCore
import GaplessWebSocket

/// Plays clients, right and wrong ones, against a server, and judges it rule by rule.
package struct ServerConformance: Sendable {
    /// The server cannot be judged at all.
    package struct NotJudgeable: Error, CustomStringConvertible {
        package let description: String
    }

    /// The checks, in the order of the document.
    package static let checks: [Check<ServerBench>] = [
        Self.transport, Self.encoding, Self.frames, Self.resuming, Self.attaching, Self.downlink, Self.uplink, Self.liveness,
        Self.authentication, Self.leaving,
    ].flatMap { $0 }

    private let endpoint: WebSocketEndpoint
    private let admin: any AdminAccess
    private let patience: Duration

    /// A server at this URL, with its HTTP API.
    ///
    /// - Parameter patience: how long an answer may take.
    /// - Throws: `NotJudgeable` when the URL is none.
    package init(url: String, admin: any AdminAccess, patience: Duration = .seconds(10)) throws {
        do {
            self.endpoint = try WebSocketEndpoint(url: url)
        } catch {
            throw NotJudgeable(description: "'\(url)' is not the URL of a server: \(error)")
        }
        self.admin = admin
        self.patience = patience
    }

    /// Judges what is selected, and reports each finding.
    ///
    /// - Throws: `NotJudgeable` when the server does not take clients that choose their names and show no token.
    package func run(_ selection: Selection, width: Int = 24, report: (Finding) -> Void) async throws -> [Finding] {
        let book = ObservationBook()
        let told = try await self.probe()
        let judge = Judge(checks: Self.checks, selection: selection, width: width, book: book) { trial in
            try await self.bench(book, told: told).perform(trial)
        }
        return await judge.run(report)
    }

    /// What the server tells a client that wishes nothing. A `WELCOME` that breaks a rule does not end the run: the defaults are used.
    private func probe() async throws -> Welcome {
        let zero = SequenceNumber.zero
        guard let client = ClientID("kit"), let epoch = EpochToken("unknown") else { preconditionFailure("the names are right") }
        let unknown = Welcome(
            client: client,
            epoch: epoch,
            generation: Generation(1),
            resume: .new,
            after: zero,
            head: zero,
            mark: zero,
            node: ""
        )
        do {
            return try await self.bench(ObservationBook(), told: unknown).perform { bench in try await bench.visit() }
        } catch let broken as Broken {
            throw NotJudgeable(
                description: "the server did not welcome a client that named itself and showed no token: it was to say "
                    + "\(broken.expected), and came: \(broken.came)"
            )
        } catch is Unjudged {
            return unknown
        }
    }

    private func bench(_ book: ObservationBook, told: Welcome) -> ServerBench {
        ServerBench(endpoint: self.endpoint, admin: self.admin, book: book, patience: self.patience, told: told)
    }
}
