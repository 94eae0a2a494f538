import GaplessCore
import NIOCore

/// The answers of the HTTP API as JSON, each followed by a line end.
enum AdminJSON {
    static func line(_ body: (inout JSONWriter) -> Void) -> ByteBuffer {
        var buffer = ByteBuffer()
        Self.append(to: &buffer, body)
        return buffer
    }

    static func append(to buffer: inout ByteBuffer, _ body: (inout JSONWriter) -> Void) {
        JSONWriter.writeObject(into: &buffer, body)
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    /// `{"time":…,"clients":…,"deliveries":[{"client":…,"sequence":…,"epoch":…}]}`.
    static func write(_ receipt: SendReceipt, into writer: inout JSONWriter) {
        writer.field("time", receipt.time.milliseconds)
        writer.field("clients", UInt64(receipt.clients))
        writer.field("deliveries", .array(receipt.deliveries.map(Self.value)))
        if receipt.isRepeat { writer.field("repeat", true) }
    }

    private static func value(_ delivery: SendReceipt.Delivery) -> JSONValue {
        var object = JSONObject()
        object.append("client", .string(delivery.client.description))
        if let sequence = delivery.sequence { object.append("sequence", .integer(sequence.rawValue)) }
        if let epoch = delivery.epoch { object.append("epoch", .string(epoch.description)) }
        if let refusal = delivery.refusal { object.append("error", .string(refusal.description)) }
        return .object(object)
    }

    /// `{"error":{"code":…,"message":…}}`.
    static func write(_ error: AdminError, into writer: inout JSONWriter) {
        writer.object("error") { writer in
            writer.field("code", error.code.rawValue)
            writer.field("message", error.message)
        }
    }

    static func write(_ result: Result<SendReceipt, AdminError>, into writer: inout JSONWriter) {
        switch result {
        case .success(let receipt): Self.write(receipt, into: &writer)
        case .failure(let error): Self.write(error, into: &writer)
        }
    }

    static func value(_ node: NodeDescription) -> JSONObject {
        var object: JSONObject = [
            "name": .string(node.name.description), "state": .string(node.state.rawValue),
            "age": .integer(UInt64(clamping: node.age.milliseconds)),
        ]
        if let load = node.load {
            object.append("connections", .integer(UInt64(load.connections)))
            object.append("attached", .integer(UInt64(load.attached)))
            object.append("capacity", .integer(UInt64(load.capacity)))
        }
        if let notReady = node.notReady { object.append("notReady", .array(notReady.map { .string($0) })) }
        if !node.over.isEmpty { object.append("over", .array(node.over.map { .string($0) })) }
        return object
    }

    static func value(_ queue: QueueDescription) -> JSONObject {
        var object = JSONObject()
        object.append("client", .string(queue.client.description))
        object.append("epoch", .string(queue.epoch.description))
        object.append("generation", .integer(queue.generation.rawValue))
        object.append("head", .integer(queue.head.rawValue))
        object.append("acknowledged", .integer(queue.acknowledged.rawValue))
        object.append("discarded", .integer(queue.discarded.rawValue))
        object.append("depth", .integer(UInt64(queue.depth)))
        object.append("bytes", .integer(UInt64(queue.bytes)))
        if let oldest = queue.oldest { object.append("oldest", .integer(oldest.milliseconds)) }
        if let attachment = queue.attachment {
            object.append(
                "attached",
                .object(["node": .string(attachment.node.description), "instance": .string(attachment.instance.description)])
            )
        }
        object.append("created", .integer(queue.created.milliseconds))
        if let time = queue.lastAttached { object.append("lastAttached", .integer(time.milliseconds)) }
        if let time = queue.lastDetached { object.append("lastDetached", .integer(time.milliseconds)) }
        return object
    }
}
