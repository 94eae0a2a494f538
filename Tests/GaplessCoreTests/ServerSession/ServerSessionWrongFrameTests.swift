import GaplessCore
import Testing

/// What a frame gets in a state: stays open, or is closed with a code.
private enum Answer {
    case stays
    case closes(CloseCode)
    /// Discarded without a word.
    case ignored
}

@Suite("Server session: every frame in every state")
struct ServerSessionWrongFrameTests {
    private static let frames: [(ClientFrame, String)] = [
        (.hello(.test()), "HELLO"), (.msg(1), "MSG"), (.ack(1), "ACK"), (.ping(1), "PING"), (.pong(1), "PONG"),
        (.authenticate(token: "t"), "AUTH"), (.bye, "BYE"),
    ]

    private static func answer(_ phase: ServerRig.Phase, _ keyword: String) -> Answer {
        switch phase {
        case .awaitingHello: keyword == "HELLO" ? .stays : .closes(.outOfOrder)
        case .admitting, .authenticating, .attaching: ["PING", "PONG"].contains(keyword) ? .stays : .closes(.outOfOrder)
        case .attached: keyword == "HELLO" ? .closes(.outOfOrder) : .stays
        case .leaving, .closing, .closed: .ignored
        }
    }

    @Test(
        "HELLO first and once; PING and PONG alone before WELCOME; nothing after BYE or ERROR [R4.0-3, R3.7-2, R10.3-3]",
        arguments: ServerRig.Phase.allCases
    )
    func table(phase: ServerRig.Phase) {
        for (frame, keyword) in Self.frames {
            let rig = ServerRig.at(phase)
            let output = rig.receive(frame)
            switch Self.answer(phase, keyword) {
            case .stays: #expect(output.close == nil, "\(keyword) in \(phase)")
            case .closes(let code): #expect(output.closeCode == code, "\(keyword) in \(phase)")
            case .ignored: #expect(output == .nothing, "\(keyword) in \(phase)")
            }
        }
    }

    @Test(
        "what is no frame ends the connection with its code, wherever it comes [R3.3-2, R3.2-3, R3.2-4, R3.2-5, R3.5-8, R4.3-2, R4.11-5]",
        arguments: ServerRig.Phase.allCases,
        [
            CloseCode.malformed, .tooLarge, .notUTF8,
        ]
    )
    func misread(phase: ServerRig.Phase, code: CloseCode) {
        let output = ServerRig.at(phase).misread(code)
        switch phase {
        case .awaitingHello, .admitting, .authenticating, .attaching, .attached, .leaving: #expect(output.closeCode == code)
        case .closing, .closed: #expect(output == .nothing)
        }
    }

    @Test("an attached session that ends by the client's fault is detached, once [R3.7-7]")
    func detachesOnFault() {
        let rig = ServerRig.at(.attached)
        #expect(rig.receive(.hello(.test())).effects == [.detachTest])
        #expect(rig.receive(.hello(.test())) == .nothing)
        #expect(rig.peerClosed().effects.isEmpty)
    }

    @Test("frames of one batch that follow a fault are not judged")
    func batch() {
        let rig = ServerRig.at(.attached)
        let output = rig.receive(.msg(9), .ack(900), .bye)
        #expect(output.closeCode == .outOfOrder)
        #expect(output.frames.count == 1)
        #expect(output.effects == [.detachTest])
    }
}
