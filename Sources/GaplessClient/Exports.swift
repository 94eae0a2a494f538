// The words of the protocol, so that a user of this module needs no other import.
@_exported public import struct GaplessCore.ClientID
@_exported public import struct GaplessCore.CloseCode
@_exported public import struct GaplessCore.EpochToken
@_exported public import struct GaplessCore.GapReason
@_exported public import enum GaplessCore.Limits
@_exported public import enum GaplessCore.OverflowPolicy
@_exported public import struct GaplessCore.Payload
@_exported public import enum GaplessCore.PayloadKind
@_exported public import struct GaplessCore.ResetReason
@_exported public import struct GaplessCore.RetentionPolicy
@_exported public import struct GaplessCore.SequenceNumber
@_exported public import struct GaplessCore.SequenceRange
@_exported public import struct GaplessCore.Timestamp
@_exported public import struct GaplessCore.UserID
@_exported public import struct GaplessCore.Window
