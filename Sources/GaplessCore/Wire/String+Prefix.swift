extension String {
    /// The longest prefix of whole Unicode scalars that has at most so many bytes of UTF-8.
    package func prefix(utf8Bytes maxBytes: Int) -> String {
        guard self.utf8.count > maxBytes else { return self }
        var prefix = String.UnicodeScalarView()
        var bytes = 0
        for scalar in self.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= maxBytes else { break }
            prefix.append(scalar)
        }
        return String(prefix)
    }
}
