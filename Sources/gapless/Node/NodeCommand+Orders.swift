import ArgumentParser
import GaplessCore

/// What an order needs: a node, a way to it, and patience.
struct NodeOrderOptions: ParsableArguments {
    @OptionGroup var admin: AdminOptions

    @Argument(help: ArgumentHelp("The name of the node, as gapless node list shows it.", valueName: "node"))
    var node: String

    @Flag(name: .long, help: "Return when the node has obeyed.")
    var wait = false

    @Option(name: .long, help: ArgumentHelp("How long --wait waits; then it ends with 124.", valueName: "time"))
    var timeout = DurationArgument(.seconds(120))

    @Flag(name: .long, help: "The order, and with --wait the state, as a JSON object, for programs.")
    var json = false

    func validate() throws {
        guard NodeName(self.node) != nil else { throw ValidationError("'\(self.node)' is not the name of a node") }
    }

    /// Gives the order, and waits for it if that is wanted.
    func run(_ order: NodeOrder) async throws {
        let outcome = try await AdminClient.each(self.admin) { clients in
            var orders = NodeOrders(self.node, order, through: clients)
            if self.wait { await orders.findOwnAddress() }
            try await orders.give()
            let state = self.wait ? try await orders.wait(self.timeout.duration) : nil
            return NodeOrders.Outcome(name: self.node, order: order.rawValue, state: state)
        }
        if self.json {
            try StandardOutput.write(JSONLine.text(outcome))
        } else {
            StandardError.write("\(outcome.name): \(outcome.state ?? "told to \(outcome.order)")")
        }
    }
}

extension NodeCommand {
    /// `gapless node cordon`
    struct Cordon: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a node take newcomers only when no other node does; its clients stay.",
            discussion: """
                  gapless node cordon --admin http://127.0.0.1:8401 b --wait

                A node obeys within some seconds, and forgets it when its process ends. Exit codes beside the common ones: 65 there is no such \
                node; 75 a node is alive whose program, or a store whose schema, is too old for orders; 124 with --wait it has not obeyed in time.
                """
        )

        @OptionGroup var options: NodeOrderOptions

        func run() async throws {
            try await self.reportingFailure { try await self.options.run(.cordon) }
        }
    }

    /// `gapless node uncordon`
    struct Uncordon: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a cordon back.",
            discussion: """
                  gapless node uncordon --admin http://127.0.0.1:8401 b

                Exit codes as those of gapless node cordon; 75 also when the node drains, which nothing takes back.
                """
        )

        @OptionGroup var options: NodeOrderOptions

        func run() async throws {
            try await self.reportingFailure { try await self.options.run(.uncordon) }
        }
    }

    /// `gapless node drain`
    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a node move its clients to others, and end.",
            discussion: """
                  gapless node drain --admin http://127.0.0.1:8401 b --wait

                The same as SIGTERM of its process, which ends with 0; a supervisor that starts it again at once does so. To order it twice \
                changes nothing, --now may come later. Nothing takes it back. With --wait it returns when the process has ended, or another one \
                with its name runs. Exit codes as those of gapless node cordon.
                """
        )

        @OptionGroup var options: NodeOrderOptions

        @Flag(
            name: .long,
            help: "Leave out the node's --drain-wait, or the rest of it: balancers may go on sending clients, who are refused."
        )
        var now = false

        func run() async throws {
            try await self.reportingFailure { try await self.options.run(self.now ? .drainNow : .drain) }
        }
    }
}
