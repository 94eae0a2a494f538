/// A certificate of its own making for `localhost`, and two keys, one of which is its own. They are worth nothing outside of tests.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCATugAwIBAgIUf8UBWHLa7x4DQ98kty7n200jpg8wCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE0Mjk1MVoYDzIxMjYxMDI4
        MTQyOTUxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARcw8tCXpTm0kG11GVlXdLZmggDEUX82EvK7shSfGpRd/t9llWdcQeq
        W2UGuU3saZ3Z1MMZQBjEIj6PxIa9CHxZo2kwZzAdBgNVHQ4EFgQUV9g2B6BMNSKH
        wGWlASQ2Jc2CrowwHwYDVR0jBBgwFoAUV9g2B6BMNSKHwGWlASQ2Jc2CrowwDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        SQAwRgIhAOrZkyjRVu2fxpgs7DCdPVJHuLxBkHa7xytRpYsyXsSPAiEAwN3rEKjl
        hvFASP4ToAolQ7C17Zbjdt32txqIGj7jrkg=
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgitiHMadkFQ7Y9uzl
        Du6OV3q9mFdsysP69DfxnAqwRV2hRANCAARcw8tCXpTm0kG11GVlXdLZmggDEUX8
        2EvK7shSfGpRd/t9llWdcQeqW2UGuU3saZ3Z1MMZQBjEIj6PxIa9CHxZ
        -----END PRIVATE KEY-----
        """

    static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpW5QS73BOomgqpYY
        yG0aZNw0Iy+snrq/cgACEwx36s6hRANCAATrGORLv+gZMXuePvZ0iECqCddF8lJO
        O9932AoLTcWxqvDxjajDghwRq4nLRe5gQdKU71ChRzusHmuCRkepfHzy
        -----END PRIVATE KEY-----
        """
}
