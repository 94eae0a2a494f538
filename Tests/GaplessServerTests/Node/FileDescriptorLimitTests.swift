import Testing

@testable import GaplessServer

@Suite struct FileDescriptorLimitTests {
    @Test(arguments: [64, 256, 1_024, 20_000, 1_048_576])
    func clientsLeaveRoomForTheNodeItself(limit: Int) {
        let clients = FileDescriptorLimit.connections(under: limit) + FileDescriptorLimit.refusals(under: limit)
        #expect(limit - clients >= min(192, limit * 7 / 16))
    }

    @Test func atLeastOneClientIsTaken() {
        #expect(FileDescriptorLimit.connections(under: 0) == 1)
    }
}
