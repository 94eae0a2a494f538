import Testing

@testable import GaplessServer

@Suite struct FileDescriptorLimitTests {
    @Test(arguments: [64, 256, 1_024, 20_000, 1_048_576])
    func clientsLeaveRoomForTheNodeItself(limit: Int) {
        let clients = FileDescriptorLimit.connections(under: limit) + FileDescriptorLimit.refusals(under: limit)
        let others = limit - clients - FileDescriptorLimit.adminConnections(under: limit)
        #expect(others >= min(192, limit * 7 / 16))
    }

    @Test(arguments: [(1_024, 256, 128), (20_000, 256, 256), (20_000, 0, 0), (64, 1, 1)])
    func webhooksTakeTheirShareOfTheRest(limit: Int, calls: Int, share: Int) {
        let without = FileDescriptorLimit.connections(under: limit)
        let taken = FileDescriptorLimit.calls(under: limit, wanted: calls)
        #expect(taken == share && without - FileDescriptorLimit.connections(under: limit, besideCalls: taken) == share)
    }

    @Test(arguments: [(0, 4), (64, 4), (1_024, 64), (20_000, 256), (1_048_576, 256)])
    func theAdminListenerTakesFewerWhenDescriptorsAreScarce(limit: Int, connections: Int) {
        #expect(FileDescriptorLimit.adminConnections(under: limit) == connections)
    }

    @Test func atLeastOneClientIsTaken() {
        #expect(FileDescriptorLimit.connections(under: 0) == 1)
    }
}
