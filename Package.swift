// swift-tools-version: 6.2

import PackageDescription

/// Warnings are errors wherever `CI` is set; a user with a newer compiler is not stopped by its new warnings.
let strictness: [SwiftSetting] = Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// A build that holds planted bugs, by which the simulation is itself tested (`Tools/support/mutants`); nobody else sets this.
let mutants: [SwiftSetting] = Context.environment["GAPLESS_MUTANTS"] == "1" ? [.define("MUTANTS")] : []

let settings: [SwiftSetting] =
    strictness + mutants + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]

/// What targets take from other packages; everything that only a server needs is guarded by the trait `Server`, so that a user of the client
/// alone fetches no server package.
extension Target.Dependency {
    static let dequeModule = Self.product(name: "DequeModule", package: "swift-collections")
    static let heapModule = Self.product(name: "HeapModule", package: "swift-collections")
    static let crypto = Self.product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = Self.product(name: "CryptoExtras", package: "swift-crypto")
    static let logging = Self.product(name: "Logging", package: "swift-log")
    static let nioConcurrencyHelpers = Self.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
    static let nioCore = Self.product(name: "NIOCore", package: "swift-nio")
    static let nioEmbedded = Self.product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHTTP1 = Self.product(name: "NIOHTTP1", package: "swift-nio")
    static let nioPosix = Self.product(name: "NIOPosix", package: "swift-nio")
    static let nioExtras = Self.product(name: "NIOExtras", package: "swift-nio-extras")
    static let nioSSL = Self.product(name: "NIOSSL", package: "swift-nio-ssl")
    static let serviceLifecycle = Self.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = Self.product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let grdb = Self.product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["Server"]))
    static let grdbSQLite = Self.product(name: "GRDBSQLite", package: "GRDB.swift", condition: .when(traits: ["Server"]))
    static let asyncHTTPClient = Self.product(name: "AsyncHTTPClient", package: "async-http-client", condition: .when(traits: ["Server"]))
    static let hummingbird = Self.product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Server"]))
    static let nioHTTPTypes = Self.product(name: "NIOHTTPTypes", package: "swift-nio-extras", condition: .when(traits: ["Server"]))
    static let jwtKit = Self.product(name: "JWTKit", package: "jwt-kit", condition: .when(traits: ["Server"]))
    static let argumentParser = Self.product(name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Server"]))
    static let configuration = Self.product(name: "Configuration", package: "swift-configuration", condition: .when(traits: ["Server"]))
    static let tracing = Self.product(name: "Tracing", package: "swift-distributed-tracing", condition: .when(traits: ["Server"]))
    static let inMemoryTracing = Self.product(
        name: "InMemoryTracing",
        package: "swift-distributed-tracing",
        condition: .when(traits: ["Server"])
    )
    static let metrics = Self.product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Server"]))
}

let package = Package(
    name: "gapless",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "GaplessServer", targets: ["GaplessServer"]),
        .library(name: "GaplessClient", targets: ["GaplessClient"]),
        .library(name: "GaplessSQLite", targets: ["GaplessSQLite"]),
        .library(name: "GaplessTesting", targets: ["GaplessTesting"]),
        .executable(name: "gapless", targets: ["gapless"]),
    ],
    traits: [
        .trait(name: "Server", description: "The server SDK, the stores and the gapless program."),
        .default(enabledTraits: ["Server"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
    ],
    targets: [
        .target(
            name: "GaplessCore",
            dependencies: [.nioCore, .dequeModule, .heapModule],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessStore",
            dependencies: ["GaplessCore", .nioCore, .nioConcurrencyHelpers, .logging],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessSQLite",
            dependencies: ["GaplessCore", "GaplessStore", .nioCore, .logging, .grdb, .grdbSQLite],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessWebSocket",
            dependencies: ["GaplessCore", .nioCore, .nioPosix, .nioHTTP1, .nioExtras, .crypto],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessClient",
            dependencies: ["GaplessCore", "GaplessWebSocket", .nioCore, .nioPosix, .nioHTTP1, .nioSSL, .logging, .serviceLifecycle],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessServer",
            dependencies: [
                "GaplessCore", "GaplessStore", "GaplessSQLite", "GaplessWebSocket",
                .nioCore, .nioPosix, .nioHTTP1, .nioSSL, .nioExtras, .logging, .serviceLifecycle, .crypto, .metrics, .tracing,
                .configuration, .hummingbird, .nioHTTPTypes, .jwtKit, .asyncHTTPClient,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessTesting",
            dependencies: [
                "GaplessCore", "GaplessStore", "GaplessWebSocket", "GaplessServer", "GaplessClient",
                .nioCore, .logging, .serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessSimulation",
            dependencies: ["GaplessCore", "GaplessStore", .nioCore, .dequeModule, .heapModule],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "gapless-simulate",
            dependencies: ["GaplessCore", "GaplessSimulation", .argumentParser],
            swiftSettings: settings
        ),
        .target(
            name: "GaplessConformance",
            dependencies: ["GaplessCore", "GaplessWebSocket", .nioCore, .nioPosix, .nioSSL],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "gapless",
            dependencies: [
                "GaplessCore", "GaplessStore", "GaplessSQLite", "GaplessWebSocket", "GaplessServer", "GaplessClient", "GaplessConformance",
                .nioCore, .nioHTTP1, .nioPosix, .logging, .metrics, .serviceLifecycle, .unixSignals, .configuration, .asyncHTTPClient,
                .argumentParser,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessCoreTests",
            dependencies: ["GaplessCore", "GaplessStore", .nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessSimulationTests",
            dependencies: ["GaplessCore", "GaplessStore", "GaplessSimulation"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessStoreTests",
            dependencies: ["GaplessCore", "GaplessStore", "GaplessSQLite", "GaplessTesting", .nioCore, .grdb, .logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessWebSocketTests",
            dependencies: ["GaplessWebSocket", .nioCore, .nioPosix, .nioHTTP1, .nioEmbedded, .nioSSL],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessServerTests",
            dependencies: [
                "GaplessCore", "GaplessStore", "GaplessWebSocket", "GaplessServer", "GaplessTesting",
                .nioCore, .nioPosix, .nioHTTP1, .nioSSL, .logging, .serviceLifecycle, .crypto, .cryptoExtras, .metrics, .tracing,
                .inMemoryTracing, .configuration, .hummingbird, .jwtKit, .asyncHTTPClient,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessClientTests",
            dependencies: [
                "GaplessCore", "GaplessWebSocket", "GaplessClient", "GaplessTesting",
                .nioCore, .nioEmbedded, .nioPosix, .nioHTTP1, .nioSSL, .logging, .serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        // It sees what a user's package sees, and nothing else.
        .testTarget(
            name: "GaplessTestingTests",
            dependencies: ["GaplessServer", "GaplessTesting"],
            packageAccess: false,
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessProgramTests",
            dependencies: [
                "gapless", "GaplessCore", "GaplessServer", "GaplessClient", "GaplessTesting",
                .nioCore, .nioHTTP1, .logging, .serviceLifecycle, .unixSignals, .argumentParser,
            ],
            exclude: ["Help", "Screens"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GaplessConformanceTests",
            dependencies: ["GaplessConformance", "GaplessCore", "GaplessWebSocket", .nioCore],
            swiftSettings: settings
        ),
        // What users write: it sees nothing but what is public.
        .testTarget(
            name: "GaplessUserTests",
            dependencies: ["GaplessServer", "GaplessClient", "GaplessTesting"],
            packageAccess: false,
            swiftSettings: settings
        ),
    ]
)

// `Tools/fuzz` builds this and nothing else: parsers with the coverage that libFuzzer needs, which no product can have.
if Context.environment["GAPLESS_FUZZ"] != nil {
    for target in package.targets {
        target.swiftSettings?.append(.unsafeFlags(["-sanitize=fuzzer"]))
    }
    package.targets += [
        .target(name: "CLibFuzzer"),
        .executableTarget(
            name: "gapless-fuzz",
            dependencies: ["CLibFuzzer", "GaplessCore", "GaplessWebSocket", "GaplessServer", .nioCore],
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]
        ),
    ]
}
