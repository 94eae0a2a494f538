// A test of a service needs what the service needs, and no other import for it. (All but errors: those of the client have the same names.)
@_exported public import struct GaplessCore.ClientID
@_exported public import struct GaplessCore.RetentionPolicy
@_exported public import struct GaplessCore.SequenceNumber
@_exported public import struct GaplessCore.Timestamp
@_exported public import struct GaplessCore.UserID
@_exported public import struct GaplessServer.AdminConfiguration
@_exported public import struct GaplessServer.Authentication
@_exported public import class GaplessServer.GaplessServer
@_exported public import struct GaplessServer.ListenAddress
@_exported public import struct GaplessServer.OutgoingMessage
@_exported public import struct GaplessServer.Recipient
@_exported public import struct GaplessServer.SendReceipt
@_exported public import struct GaplessServer.ServerAddresses
@_exported public import struct GaplessServer.ServerConfiguration
@_exported public import struct GaplessServer.UplinkMessage
@_exported public import class GaplessServer.UplinkSession
@_exported public import struct GaplessStore.StoreConfiguration
