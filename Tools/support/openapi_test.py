"""The judge of the HTTP API finds every wrong answer that is planted, and the draws are what they say they are."""

import importlib.util
import json
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from openapi import Answer, Document, judge, strict_json  # noqa: E402

specification = importlib.util.spec_from_file_location("openapi_fuzz", os.path.join(HERE, "openapi-fuzz.py"))
tool = importlib.util.module_from_spec(specification)
specification.loader.exec_module(tool)

ERROR = {"type": "object", "required": ["error"], "properties": {"error": {
    "type": "object", "required": ["code", "message"], "properties": {"code": {"enum": ["invalid"]}, "message": {"type": "string"}}}}}
DOCUMENT = {
    "paths": {
        "/things/{id}": {
            "get": {"operationId": "show", "parameters": [{"name": "id", "in": "path", "schema": {"$ref": "#/components/schemas/ClientID"}}],
                    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                                  "400": {"content": {"application/json": {"schema": ERROR}}},
                                  "503": {"content": {"application/json": {"schema": ERROR}}}}},
            "delete": {"operationId": "remove", "responses": {"204": {}, "500": {"content": {"application/json": {"schema": ERROR}}}}}},
        "/lines": {
            "post": {"operationId": "lines", "requestBody": {"required": True, "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {"200": {"content": {"application/x-ndjson": {"schema": {"type": "string", "x-line": {
                    "oneOf": [{"$ref": "#/components/schemas/Thing"}, ERROR]}}}}}}}},
    },
    "components": {"schemas": {
        "ClientID": {"type": "string", "maxLength": 8, "pattern": "^[a-z]+$"},
        "Thing": {"type": "object", "required": ["name"], "properties": {
            "name": {"$ref": "#/components/schemas/ClientID"}, "count": {"type": "integer", "minimum": 1, "maximum": 9},
            "bytes": {"type": "string", "contentEncoding": "base64"}, "is": {"const": True}, "list": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}}}},
    }},
}


class JudgeTest(unittest.TestCase):
    document = Document(DOCUMENT)

    def faults(self, method, path, status, body, kind="application/json", allowed=None, complete=True):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return judge(self.document, method, path, Answer(status, {"content-type": kind} if kind else {}, text, complete), allowed)

    def test_right_answers_are_right(self):
        error = {"error": {"code": "invalid", "message": "No."}}
        self.assertEqual(self.faults("GET", "/things/a?x=1", 200, {"name": "a", "count": 9, "is": True, "list": [True]}, allowed=True), [])
        self.assertEqual(self.faults("GET", "/things/a", 400, error, allowed=False), [])
        self.assertEqual(self.faults("GET", "/things/a", 503, error, allowed=True), [])
        self.assertEqual(self.faults("DELETE", "/things/a", 204, b"", kind=None), [])
        self.assertEqual(self.faults("POST", "/lines", 200, b'{"name":"a"}\n{"error":{"code":"invalid","message":""}}\n', "application/x-ndjson"), [])
        self.assertEqual(self.faults("PUT", "/things/a", 404, {"error": {"code": "notFound", "message": "No."}}), [])
        self.assertEqual(self.faults("HEAD", "/nothing", 404, b""), [])
        self.assertEqual(self.faults("BREW", "/things/a", 400, b"", kind=None), [])

    def test_planted_answers_are_wrong(self):
        good, error = {"name": "a"}, {"error": {"code": "invalid", "message": "No."}}
        for case in [
            ("GET", "/things/a", 201, good), ("GET", "/things/a", 200, {}), ("GET", "/things/a", 200, {"name": 7}), ("GET", "/things/a", 200, {"name": "A"}),
            ("GET", "/things/a", 200, {"name": "a\n"}), ("GET", "/things/a", 200, {"name": "aaaaaaaaa"}), ("GET", "/things/a", 200, {"name": "a", "more": 1}),
            ("GET", "/things/a", 200, {"name": "a", "count": 10}), ("GET", "/things/a", 200, {"name": "a", "count": True}),
            ("GET", "/things/a", 200, {"name": "a", "count": 1.5}), ("GET", "/things/a", 200, {"name": "a", "is": 1}),
            ("GET", "/things/a", 200, {"name": "a", "bytes": "===="}), ("GET", "/things/a", 200, {"name": "a", "list": [True] * 3}),
            ("GET", "/things/a", 200, {"name": "a", "list": [1]}), ("GET", "/things/a", 200, [good]), ("GET", "/things/a", 200, b'{"name":"a"'),
            ("GET", "/things/a", 200, b'{"name":"a","name":"a"}'), ("GET", "/things/a", 200, b"\xff"), ("GET", "/things/a", 200, good, "text/html"),
            ("GET", "/things/a", 200, good, None), ("GET", "/things/a", 400, {"error": {"code": "other", "message": ""}}),
            ("GET", "/things/a", 400, error, "application/json", True), ("GET", "/things/a", 200, good, "application/json", False),
            ("GET", "/things/a", 200, good, "application/json", True, False), ("DELETE", "/things/a", 204, b"x"), ("DELETE", "/things/a", 500, error),
            ("POST", "/lines", 200, b'{"name":"a"}\n{"name":7}\n', "application/x-ndjson"),
            ("POST", "/lines", 200, b'{"name":"a","more":1}\n', "application/x-ndjson"), ("POST", "/lines", 200, b"oops\n", "application/x-ndjson"),
            ("PUT", "/things/a", 200, good), ("GET", "/nothing", 404, b""), ("GET", "/nothing", 404, {"error": "no"}), ("GET", "/things", 500, error),
        ]:
            self.assertTrue(self.faults(*case), case)
        self.assertTrue(judge(self.document, "GET", "/things/a", Answer(None), None))

    def test_strict_json(self):
        self.assertEqual(strict_json('{"a":1}'), {"a": 1})
        for text in ['{"a":1,"a":2}', '"\\ud800"', "NaN", "[1,]", ""]:
            with self.assertRaises(ValueError, msg=text):
                strict_json(text)


class DrawTest(unittest.TestCase):
    def setUp(self):
        self.document = Document(DOCUMENT)
        self.draw = tool.Draw(self.document, "h:1", "", "n", random.Random(7))

    def test_good_values_are_allowed_and_spoiled_ones_mostly_not(self):
        schema = self.document.schema("#/components/schemas/Thing")
        self.draw.names = ["a", "bc"]
        values = [self.draw.value(schema) for _ in range(200)]
        for value in values:
            self.assertEqual(self.document.faults(value, schema), [], value)
        bad = sum(bool(self.document.faults(self.draw.spoiled(value), schema)) for value in values)
        self.assertGreater(bad, 80)

    def test_what_bytes_say(self):
        schema = self.document.schema("#/components/schemas/Thing")
        for body, allowed in [(b'{"name":"a"}', True), (b'{"name":7}', False), (b'{"name":"a"', False), (b"[" * 5_000, False),
                              (b'{"name":"a","x":"\xc3\xa9"}', None), (b'{"name":"a","x":"' + b"x" * 70_000 + b'"}', None)]:
            self.assertEqual(tool.allows(self.document, schema, body), allowed, body[:40])

    def test_the_same_seed_draws_the_same_calls(self):
        def calls():
            draw = tool.Draw(self.document, "h:1", "k", "n", random.Random(3))
            return [draw.call().bytes() for _ in range(300)]
        self.assertEqual(calls(), calls())

    def test_a_leak_is_found(self):
        call = tool.Call("good", "GET", "/things/a")
        body = json.dumps({"error": {"code": "invalid", "message": f"'{tool.SECRET}' is no name."}}).encode()
        self.assertTrue(tool.Fuzz.judge(self.document, call, Answer(400, {"content-type": "application/json"}, body)))
        call.is_http = False
        self.assertTrue(tool.Fuzz.judge(self.document, call, Answer(500)))
        self.assertEqual(tool.Fuzz.judge(self.document, call, Answer(None)), [])


if __name__ == "__main__":
    unittest.main()
