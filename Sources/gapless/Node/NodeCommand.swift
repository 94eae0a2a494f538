import ArgumentParser
import GaplessCore
import NIOCore
import NIOHTTP1

/// `gapless node`: look at the nodes of a store and give them orders.
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Look at the nodes, keep clients from one, or move its clients away.",
        discussion: """
              gapless node list --admin http://127.0.0.1:8401
              gapless node cordon --admin http://127.0.0.1:8401 b
              gapless node drain --admin http://127.0.0.1:8401 b --wait

            Any node can be asked about any other one on the same store.
            """,
        subcommands: [List.self, Cordon.self, Uncordon.self, Drain.self]
    )

    /// `gapless node list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the nodes that are alive, the one that is asked first.",
            discussion: """
                  gapless node list --admin http://127.0.0.1:8401
                  gapless node list --admin http://127.0.0.1:8401 --json

                STATE is serving, cordoned (it takes newcomers only when no other node does), draining (it moves its clients away and ends) or \
                silent (no sign for 8 s; after a minute it is listed no more). SEEN tells how old the node's last sign is. READY is known of the \
                node that is asked; 'over' names what of a node's load is too much, as in /ready.
                """
        )

        @OptionGroup var admin: AdminOptions

        @Flag(name: .long, help: "One JSON object a line, for programs.")
        var json = false

        func run() async throws {
            try await self.reportingFailure {
                let nodes = try await AdminClient.with(self.admin) { client in
                    try NodeDescription.list(try await client.ask(.GET, "/v1/nodes"))
                }
                if self.json {
                    for node in nodes { try StandardOutput.write(JSONLine.text(node)) }
                } else {
                    try StandardOutput.write(NodeDescription.table(nodes).text(.standardOutput))
                }
            }
        }
    }
}
