import ArgumentParser
import AsyncHTTPClient

@main struct Gapless: ParsableCommand { func run() {} }
