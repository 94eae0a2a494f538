import Foundation

/// A thread of its own for blocking work with a store.
enum StoreThread {
    /// Starts a thread that ends when the body returns.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }
}
