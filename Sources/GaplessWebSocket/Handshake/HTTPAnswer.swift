package import NIOCore
package import NIOHTTP1

/// An HTTP response of the public listener: to a health check, or instead of an upgrade.
package struct HTTPAnswer: Equatable, Sendable {
    package var status: HTTPResponseStatus
    /// Header fields besides `Content-Length` and `Connection`, which are written for every answer.
    package var headers: HTTPHeaders
    package var body: ByteBuffer

    package init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer of plain text, a sentence for people.
    package init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], text: String) {
        self.init(status, headers: headers, body: ByteBuffer(string: text + "\n"))
        self.headers.replaceOrAdd(name: "Content-Type", value: "text/plain; charset=utf-8")
    }
}
