import Configuration
import Crypto
import Hummingbird
import JWTKit
import Metrics
import NIOSSL
import ServiceLifecycle
import Tracing

enum Placeholder {}
