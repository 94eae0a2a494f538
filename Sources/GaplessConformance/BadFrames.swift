/// The frames that Protocol.md §4.12 calls bad, each under a rule that it breaks. A test holds them against the document.
package enum BadFrames {
    /// A frame, and what is wrong with it.
    package struct Frame: Hashable, Sendable {
        package let text: String
        package let fault: String

        init(_ text: String, _ fault: String) {
            self.text = text
            self.fault = fault
        }
    }

    /// What a server closes with 4400 for.
    package static let up: [(rule: String, frames: [Frame])] = [
        (
            "R3.3-2",
            [
                Frame(#"hello {"client":"alice","instance":"i1","attempt":1}"#, "keywords are in capitals"),
                Frame(#"MSG"#, "no number"),
                Frame(#"MSG 7"#, "the space before the empty payload is missing"),
                Frame(#"MSG hello"#, "no number"),
                Frame(#"ACK"#, "no number"),
                Frame(#"ACK 5 6"#, "one field too many"),
                Frame(#"ack 5"#, "keywords are in capitals"),
                Frame(#"PING"#, "no number"),
                Frame(#"PING x"#, "not a number"),
                Frame(#"PONG 1.5"#, "not a number"),
                Frame(#"BYE now"#, "BYE has no field"),
                Frame(#"{"client":"alice"}"#, "no keyword"),
            ]
        ),
        (
            "R3.4-1",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":01}"#, "a leading zero"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":9007199254740992}"#, "beyond 2^53-1"),
                Frame(#"MSG 07 hello"#, "a leading zero"),
                Frame(#"MSG +7 hello"#, "a sign"),
                Frame(#"MSG 9007199254740992 hello"#, "beyond 2^53-1"),
                Frame(#"ACK -1"#, "a sign"),
                Frame(#"ACK 99999999999999999999999"#, "beyond 2^53-1"),
            ]
        ),
        (
            "R3.4-2",
            [
                Frame(#"MSG 0 hello"#, "numbers begin at 1"),
                Frame(#"ACK 0"#, "numbers begin at 1"),
            ]
        ),
        (
            "R3.5-1",
            [
                Frame(#"HELLO"#, "no object"),
                Frame(#"HELLO  {"client":"alice","instance":"i1","attempt":1}"#, "two spaces"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1} x"#, "something follows the object"),
                Frame(#"HELLO ["alice"]"#, "not an object"),
            ]
        ),
        (
            "R3.5-2",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"agent":"\ud800"}"#, "a lone surrogate")
            ]
        ),
        (
            "R3.5-3",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"attempt":1}"#, "a key twice"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"x":1,"\u0078":2}"#, "a key twice, once escaped"),
            ]
        ),
        (
            "R3.5-4",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"x":[[[[[[[[1]]]]]]]]}"#, "nested deeper than 8")
            ]
        ),
        (
            "R3.5-6",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":0}"#, "attempt counts from 1"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"agent":null}"#, "null is a wrong type"),
                Frame(
                    #"HELLO {"client":"alice","instance":"i1","attempt":1,"window":{"messages":0,"bytes":65536}}"#,
                    "a window of nothing"
                ),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"window":{"messages":16}}"#, "bytes is missing"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"force":1}"#, "not a boolean"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"features":"none"}"#, "not an array"),
                Frame(#"AUTH {}"#, "no token"),
                Frame(#"AUTH {"token":7}"#, "not a string"),
                Frame(#"AUTH {"ok":true}"#, "only a server says so"),
            ]
        ),
        (
            "R3.5-7",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1.0}"#, "not an integer"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1e0}"#, "not an integer"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":"1"}"#, "a string"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":-1}"#, "a sign"),
            ]
        ),
        (
            "R3.6-1",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"a/b","handled":3}"#, "not an epoch"),
                Frame(#"HELLO {"client":"alice","instance":"","attempt":1}"#, "an empty instance"),
                Frame(#"HELLO {"client":"alice","instance":"i 1","attempt":1}"#, "a space in the instance"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"outbox":"a+b"}"#, "not an outbox id"),
                Frame(#"HELLO {"client":"alice/phone/2","instance":"i1","attempt":1}"#, "three parts"),
                Frame(#"HELLO {"client":"alice/","instance":"i1","attempt":1}"#, "an empty part"),
                Frame(#"HELLO {"client":"alice/..","instance":"i1","attempt":1}"#, "a part is .."),
                Frame(#"HELLO {"client":"älice","instance":"i1","attempt":1}"#, "not a client name"),
            ]
        ),
        (
            "R4.1-1",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"7Qm2xV9c.1"}"#, "epoch without handled"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"handled":3}"#, "handled without epoch"),
            ]
        ),
        (
            "R4.1-2",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"last":[3,1767225600000]}"#, "last without epoch"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"taken":[3,1767225600000]}"#, "taken without epoch"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1,"held":3}"#, "held without epoch"),
            ]
        ),
        (
            "R4.1-3",
            [
                Frame(
                    #"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"7Qm2xV9c.1","handled":3,"last":[4,1767225600000]}"#,
                    "last is above handled"
                ),
                Frame(
                    #"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"7Qm2xV9c.1","handled":3,"last":[0,1767225600000]}"#,
                    "no message has number 0"
                ),
                Frame(
                    #"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"7Qm2xV9c.1","handled":3,"last":[3]}"#,
                    "last holds two integers"
                ),
            ]
        ),
        (
            "R4.1-8",
            [
                Frame(
                    #"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"7Qm2xV9c.1","handled":3,"taken":[3,1767225600000]}"#,
                    "taken is not above handled"
                ),
                Frame(
                    #"HELLO {"client":"alice","instance":"i1","attempt":1,"epoch":"7Qm2xV9c.1","handled":3,"taken":[4]}"#,
                    "taken holds two integers"
                ),
            ]
        ),
        (
            "R4.1-4",
            [
                Frame(#"HELLO {"client":"alice","instance":"i1"}"#, "attempt is missing"),
                Frame(#"HELLO {"client":"alice","attempt":1}"#, "instance is missing"),
            ]
        ),
        (
            "R4.11-5",
            [
                Frame(#"NOOP"#, "unknown"),
                Frame(#"WELCOME {}"#, "only a server sends it"),
                Frame(#"GAP 1 2 expired"#, "only a server sends it"),
                Frame(#"DRAIN {"within":1000}"#, "only a server sends it"),
            ]
        ),
    ]

    /// What a client closes with 4400 for.
    package static let down: [(rule: String, frames: [Frame])] = [
        (
            "R3.3-3",
            [
                Frame(#"MSG 1 hello"#, "no time"),
                Frame(#"MSG 1 1767225600000"#, "the space before the empty payload is missing"),
                Frame(#"MSG 1 1.5 hello"#, "not a time"),
                Frame(#"ACK x"#, "not a number"),
                Frame(#"GAP 5 4 expired"#, "ends before it begins"),
                Frame(#"GAP 1 4"#, "no reason"),
                Frame(#"GAP 1 4 Expired"#, "reasons are in small letters"),
                Frame(#"GAP 1 4 expired now"#, "one field too many"),
                Frame(#"PONG"#, "no number"),
                Frame(#"HELLO {"client":"alice","instance":"i1","attempt":1}"#, "only a client sends it"),
                Frame(#"BYE"#, "only a client sends it"),
                Frame(#"msg 1 1767225600000 hello"#, "keywords are in capitals"),
            ]
        ),
        (
            "R3.4-1",
            [
                Frame(#"MSG 01 1767225600000 hello"#, "a leading zero"),
                Frame(#"PING -1"#, "a sign"),
            ]
        ),
        (
            "R3.4-2",
            [
                Frame(#"MSG 0 1767225600000 hello"#, "numbers begin at 1"),
                Frame(#"ACK 0"#, "numbers begin at 1"),
                Frame(#"GAP 0 4 expired"#, "numbers begin at 1"),
            ]
        ),
        (
            "R3.5-6",
            [
                Frame(#"AUTH {}"#, "neither within nor ok"),
                Frame(#"AUTH {"ok":false}"#, "a refusal is an ERROR"),
                Frame(#"AUTH {"within":1000,"ok":true}"#, "both"),
                Frame(#"DRAIN {}"#, "no time"),
                Frame(#"DRAIN {"within":"1000"}"#, "not an integer"),
                Frame(#"DRAIN {"within":1000,"endpoints":"wss://b.example.com/gapless"}"#, "not an array"),
                Frame(#"ERROR {"code":4500}"#, "name and message are missing"),
                Frame(#"ERROR {"code":"4500","name":"superseded","message":"x"}"#, "not an integer"),
                Frame(#"ERROR {"code":1000,"name":"normal","message":"x"}"#, "not a code of this protocol"),
            ]
        ),
        (
            "R4.2-1",
            [
                Frame(#"WELCOME {}"#, "nearly everything is missing")
            ]
        ),
    ]
}
