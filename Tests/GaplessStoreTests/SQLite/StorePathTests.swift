import Foundation
import GaplessStore
import Testing

@testable import GaplessSQLite

@Suite struct StorePathTests {
    private let folder = TemporaryFolder()

    @Test func aPathBecomesAbsoluteAndWithoutLinks() throws {
        let link = self.folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: self.folder.path)
        let direct = try StorePath(self.folder.file())
        #expect(try StorePath(link + "/gapless.db") == direct)
        #expect(direct.database.hasPrefix("/") && direct.database.hasSuffix("/gapless.db"))
        #expect(direct.folder + "/gapless.db" == direct.database)
    }

    @Test(arguments: ["", "/", "/tmp/", ".", "/tmp/..", "/no-such-directory/at-all/gapless.db"])
    func aPathThatNamesNoFileIsRefused(_ path: String) {
        let error = #expect(throws: QueueStoreError.self) { try StorePath(path) }
        #expect(error?.code == .misconfigured)
    }

    @Test func aDirectoryIsNoDatabase() throws {
        let error = #expect(throws: QueueStoreError.self) { try StorePath(self.folder.path).inspect() }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("is a directory") == true)
    }

    @Test func aDeviceIsNoDatabase() throws {
        let error = #expect(throws: QueueStoreError.self) { try StorePath("/dev/null").inspect() }
        #expect(error?.message.contains("is not a file") == true)
    }

    @Test func aNewFileBelongsToItsOwnerAlone() throws {
        let path = try StorePath(self.folder.file())
        #expect(try path.inspect() == nil)
        try path.create()
        #expect(try path.inspect() != nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: path.database)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect(throws: QueueStoreError.self) { try path.create() }
    }
}

@Suite struct FileSystemKindTests {
    private static let mounts = #"""
        22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        40 22 0:40 / /mnt/share rw,relatime shared:1 - nfs4 server:/export rw,vers=4.2
        41 22 0:41 / /mnt/my\040disk rw - fuse.sshfs host:/ rw
        42 40 254:1 / /mnt/share/local rw - xfs /dev/vdb rw
        43 22 0:43 / /mnt/hidden rw - cifs //host/x rw
        44 22 254:2 / /mnt/hidden rw - ext4 /dev/vdc rw
        nonsense
        """#

    @Test(arguments: [
        ("/", nil), ("/mnt", nil), ("/mnt/share", "nfs4"), ("/mnt/share/a/b", "nfs4"), ("/mnt/shared", nil), ("/mnt/share/local", nil),
        ("/mnt/share/local/x", nil), ("/mnt/my disk/x", "fuse.sshfs"), ("/mnt/hidden/x", nil),
    ])
    func theInnermostMountDecides(_ folder: String, _ name: String?) {
        #expect(FileSystemKind.of(folder, mounts: Self.mounts) == name.map { .network($0) } ?? .local)
    }

    @Test func aNetworkFileSystemIsRefusedWithItsName() {
        let error = #expect(throws: QueueStoreError.self) { try FileSystemKind.network("nfs4").requireLocal("/mnt/share") }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("nfs4") == true)
    }
}
