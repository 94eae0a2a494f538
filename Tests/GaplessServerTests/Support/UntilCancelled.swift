/// Waits until the task is cancelled, and throws then: the stand-in for work that would never end by itself.
func untilCancelled() async throws {
    // Nobody can send anything on it, so nothing but a cancellation ends it.
    let never = AsyncStream(Void.self) { _ in }
    for await _ in never {}
    throw CancellationError()
}
