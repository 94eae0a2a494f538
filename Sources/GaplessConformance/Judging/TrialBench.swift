/// What one trial works with; it is cleared up whatever became of the trial.
package protocol TrialBench: Sendable {
    /// Ends everything that the trial left.
    func tidyUp() async
}

extension TrialBench {
    /// Does something here, and tidies up after it.
    func perform<Outcome: Sendable>(_ trial: (Self) async throws -> Outcome) async throws -> Outcome {
        let outcome: Outcome
        do {
            outcome = try await trial(self)
        } catch {
            await self.tidyUp()
            throw error
        }
        await self.tidyUp()
        return outcome
    }
}
