// The JSON of the rare frames, in the order of the tables of Protocol.md §4.

extension Hello {
    /// Writes the fields of a `HELLO`; what is not there is left out.
    func write(into writer: inout JSONWriter) {
        writer.field("client", self.client?.description)
        if let position = self.position {
            writer.field("epoch", position.epoch.description)
            writer.field("handled", position.handled.rawValue)
            if let last = position.last { writer.pair("last", last.sequence, last.time) }
            if let taken = self.taken { writer.pair("taken", taken.through, taken.newest) }
        }
        writer.field("instance", self.instance.description)
        writer.field("attempt", self.attempt.rawValue)
        writer.field("held", self.held?.rawValue)
        writer.field("outbox", self.outbox?.description)
        if let window = self.window { writer.field("window", window) }
        writer.field("keep", milliseconds: self.keep)
        writer.field("force", self.force ? true : nil)
        writer.field("token", self.token)
        writer.field("features", self.features.isEmpty ? nil : self.features)
        writer.field("agent", self.agent)
    }
}

extension JSONWriter {
    /// Writes `[seq, time]`.
    fileprivate mutating func pair(_ name: String, _ sequence: SequenceNumber, _ time: Timestamp) {
        self.array(name) {
            $0.element(.integer(sequence.rawValue))
            $0.element(.integer(time.milliseconds))
        }
    }
}

extension Welcome {
    /// Writes the fields of a `WELCOME`.
    func write(into writer: inout JSONWriter) {
        writer.field("client", self.client.description)
        writer.field("epoch", self.epoch.description)
        writer.field("generation", self.generation.rawValue)
        self.resume.write(into: &writer)
        writer.field("after", self.after.rawValue)
        writer.field("head", self.head.rawValue)
        writer.field("mark", self.mark.rawValue)
        writer.object("window") {
            $0.field("down", self.downlinkWindow)
            $0.field("up", self.uplinkWindow)
        }
        writer.field("heartbeat", milliseconds: self.heartbeat)
        writer.field("silence", milliseconds: self.silence)
        writer.field("node", self.node)
        writer.field("token", self.token)
        writer.field("endpoints", self.endpoints)
        writer.field("features", self.features)
        writer.object("limits") {
            $0.field("message", UInt64(self.limits.message))
            $0.field("hello", UInt64(self.limits.hello))
            $0.field("json", UInt64(self.limits.json))
        }
        writer.object("retention") {
            $0.field("messages", UInt64(self.retention.maxMessages))
            $0.field("bytes", UInt64(self.retention.maxBytes))
            $0.field("age", milliseconds: self.retention.maxAge)
            $0.field("overflow", self.retention.onOverflow.rawValue)
            $0.field("keep", milliseconds: self.retention.keep)
        }
    }
}

extension Resume {
    /// Writes `resume`, and `reason` when there is one.
    fileprivate func write(into writer: inout JSONWriter) {
        switch self {
        case .new: writer.field("resume", "new")
        case .resumed: writer.field("resume", "resumed")
        case .partial: writer.field("resume", "partial")
        case .reset(let reason):
            writer.field("resume", "reset")
            writer.field("reason", reason.description)
        }
    }
}

extension Drain {
    /// Writes the fields of a `DRAIN`.
    func write(into writer: inout JSONWriter) {
        writer.field("within", milliseconds: self.within)
        writer.field("endpoints", self.endpoints)
    }
}

extension ErrorFrame {
    /// Writes the fields of an `ERROR`.
    func write(into writer: inout JSONWriter) {
        writer.field("code", UInt64(self.code.rawValue))
        writer.field("name", self.name)
        writer.field("message", self.message)
        writer.field("retryAfter", milliseconds: self.retryAfter)
        writer.field("jitter", milliseconds: self.jitter)
        writer.field("forget", self.forget ? true : nil)
    }
}

extension JSONWriter {
    /// Writes a field with a duration in milliseconds, cut to what fits on the wire; nothing when there is none.
    mutating func field(_ name: String, milliseconds duration: Duration?) {
        guard let duration else { return }
        self.field(name, min(UInt64(clamping: duration.milliseconds), Limits.maxInteger))
    }

    /// Writes a field with a window.
    fileprivate mutating func field(_ name: String, _ window: Window) {
        self.object(name) {
            $0.field("messages", window.messages)
            $0.field("bytes", window.bytes)
        }
    }
}
