extension String {
    /// The text with its control characters, line separators and changes of the writing direction written out, as `\u{1B}`.
    ///
    /// What a peer says to people ends in logs and on terminals: it must neither begin a line of its own nor be obeyed there.
    package var withoutControls: String {
        guard self.unicodeScalars.contains(where: \.isControl) else { return self }
        var text = ""
        for scalar in self.unicodeScalars {
            if scalar.isControl {
                text += scalar.escaped(asASCII: true)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch self.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: self.properties.isBidiControl
        default: false
        }
    }
}
