/// Names and dimensions as Prometheus wants them.
enum PrometheusName {
    /// The name of a metric: letters, digits, underscores and colons, and at its end what its kind demands.
    static func metric(_ label: String, kind: PrometheusKind) -> String {
        let name = Self.clean(label, allowingColons: true)
        return name.hasSuffix(kind.suffix) ? name : name + kind.suffix
    }

    /// Dimensions as they are written between braces, in order of their names. Of several with one name the last counts.
    static func labels(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        var values: [String: String] = [:]
        for (name, value) in dimensions {
            let clean = Self.clean(name, allowingColons: false)
            // The buckets of histograms have the one, and Prometheus keeps the others for itself.
            let isTaken = clean == "le" || clean.hasPrefix("__")
            values[isTaken ? "exported_\(clean)" : clean] = value
        }
        return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
    }

    /// The text without what would end a line or a value.
    static func escaped(_ text: String, quotes: Bool = true) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func clean(_ text: String, allowingColons: Bool) -> String {
        var clean = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": clean.unicodeScalars.append(scalar)
            case "0"..."9":
                if clean.isEmpty { clean = "_" }
                clean.unicodeScalars.append(scalar)
            case ":" where allowingColons: clean.unicodeScalars.append(scalar)
            default: clean += "_"
            }
        }
        return clean.isEmpty ? "_" : clean
    }
}
