import Foundation
package import GaplessStore

extension StoreFile {
    /// Ways to all that a store in a file holds, while no process has it open.
    ///
    /// A copy is one of the database alone, as a careless backup makes it: the files beside it stay what they are.
    package static func content(_ path: String) -> StoreConfiguration.Content {
        StoreConfiguration.Content(
            copy: {
                let path = try StorePath(path)
                let copy = try Data(contentsOf: URL(fileURLWithPath: path.database))
                return {
                    try path.removeFiles([path.writeAheadLog, path.sharedMemory])
                    try copy.write(to: URL(fileURLWithPath: path.database))
                }
            },
            remove: {
                let path = try StorePath(path)
                try path.removeFiles(path.all)
            }
        )
    }
}

extension StorePath {
    /// SQLite's index of the write-ahead log, shared between the processes.
    fileprivate var sharedMemory: String { self.database + "-shm" }

    /// Every file and folder of the store.
    fileprivate var all: [String] {
        [self.database, self.writeAheadLog, self.sharedMemory, self.lock, self.progress, self.signals]
    }

    /// Removes those of the files that are there.
    fileprivate func removeFiles(_ paths: [String]) throws {
        for path in paths where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
    }
}
