"""An OpenAPI 3.1 document as a judge of answers and a source of requests: what it allows, what it forbids, and what was answered otherwise."""

import base64
import json
import re
import urllib.parse

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Duplicate(ValueError):
    """A name stands twice in an object."""


def strict_json(text):
    """JSON as the API reads it: no name twice in an object, no lone surrogate, no NaN."""
    def pairs(items):
        names = [name for name, _ in items]
        if len(set(names)) != len(names):
            raise Duplicate("a name stands twice")
        return dict(items)

    def constant(name):
        raise ValueError(f"{name} is no JSON")

    value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode()  # A lone surrogate cannot be encoded.
    return value


class Document:
    """The document: its operations, its schemas."""

    def __init__(self, document):
        self.document = document
        self.operations = [Operation(self, method.upper(), path, item[method], item.get("servers"))
                           for path, item in document["paths"].items() for method in METHODS if method in item]

    def schema(self, reference):
        value = self.document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
        return value

    def find(self, method, path):
        """The operation that a call is about; None when nobody describes it."""
        parts = segments(path.split("?")[0])
        for operation in self.operations:
            names = segments(operation.path)
            if operation.method == method and len(names) == len(parts) and all(
                    name.startswith("{") or name == part for name, part in zip(names, parts)):
                return operation
        return None

    # What a value has to be.

    def faults(self, value, schema, complete=False, place="$"):
        """What is wrong with a value. With `complete`, an object may hold nothing that the schema does not name."""
        if "$ref" in schema:
            return self.faults(value, self.schema(schema["$ref"]), complete, place)
        found = [f"{place}: {fault}" for fault in self._simple_faults(value, schema)]
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                found += self.faults(item, schema["items"], complete, f"{place}[{index}]")
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            if len(value) > schema.get("maxProperties", len(value)):
                found.append(f"{place}: has {len(value)} fields")
            found += [f"{place}: has no {name}" for name in schema.get("required", []) if name not in value]
            for name, field in value.items():
                if name in properties:
                    found += self.faults(field, properties[name], complete, f"{place}.{name}")
                elif schema.get("additionalProperties") is False or (complete and properties):
                    found.append(f"{place}: has {name!r}, which nobody describes")
        if "oneOf" in schema:
            fitting = sum(not self.faults(value, each, False, place) for each in schema["oneOf"])
            if fitting != 1:
                found.append(f"{place}: fits {fitting} of {len(schema['oneOf'])}")
        for each in schema.get("allOf", []):
            found += self.faults(value, each, False, place)
        return found

    @staticmethod
    def _simple_faults(value, schema):
        kind = schema.get("type")
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        fits = {None: True, "object": isinstance(value, dict), "array": isinstance(value, list), "string": isinstance(value, str),
                "boolean": isinstance(value, bool), "integer": is_integer, "number": is_integer or isinstance(value, float)}[kind]
        if not fits:
            yield f"{value!r:.80} is no {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{value!r:.80} is none of the values"
        if "const" in schema and (value != schema["const"] or isinstance(value, bool) != isinstance(schema["const"], bool)):
            yield f"{value!r:.80} is another value"
        if is_integer and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{value!r:.80} is out of bounds"
        if isinstance(value, str):
            if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
                yield f"is {len(value)} characters long"
            if "pattern" in schema and not re.search(schema["pattern"].removesuffix("$") + ("\\Z" if schema["pattern"].endswith("$") else ""), value):
                yield f"{value!r:.80} does not match"
            if schema.get("contentEncoding") == "base64" and not is_base64(value):
                yield "is no base64"
        if isinstance(value, list) and not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"has {len(value)} items"


def segments(path):
    """The names in a path; an empty one is none."""
    return [part for part in path.split("/") if part]


def is_base64(text):
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


class Operation:
    """One call of the document."""

    def __init__(self, document, method, path, description, servers):
        self.document, self.method, self.path, self.servers = document, method, path, servers
        self.id = description["operationId"]
        self.parameters = description.get("parameters", [])
        self.body = description.get("requestBody", {})
        self.answers = description["responses"]

    def content(self, kind):
        """The schema of what it takes with a media type; None when it does not take that."""
        return self.body.get("content", {}).get(kind, {}).get("schema")

    def filled(self, values):
        """The path with values in the place of names, percent-encoded."""
        path = self.path
        for name, value in values.items():
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
        return path


class Answer:
    """What came: None for the status when nothing did."""

    def __init__(self, status, headers=None, body=b"", complete=True):
        self.status, self.headers, self.body, self.complete = status, headers or {}, body, complete

    @property
    def kind(self):
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


# Failures of the server that may be: the store is not there, or has no room. Whatever else is described, 500 is a fault.
ALLOWED_FAILURES = (503, 507)
# What a request is refused with that the document does not allow.
REFUSALS = range(400, 500)
# With what a request that the document allows is never refused.
WRONG_REFUSALS = (400, 401, 403, 415)


def judge(document, method, path, answer, allowed):
    """What is wrong with an answer.

    `allowed` is whether the document allows the request: True, False, or None when it does not say.
    """
    operation = document.find(method, path)
    if answer.status is None:
        return ["nothing was answered"]
    faults = [] if answer.complete else ["the answer is cut off"]
    if answer.status >= 500 and answer.status not in ALLOWED_FAILURES:
        faults.append(f"it failed with {answer.status}")
    if operation is None:
        if answer.status not in REFUSALS:
            faults.append(f"nobody describes the call, and it was answered {answer.status}")
        return faults + (error_faults(answer) if method != "HEAD" else [])
    if allowed is True and answer.status in WRONG_REFUSALS:
        faults.append(f"the document allows it, and it was refused with {answer.status}")
    if allowed is False and answer.status not in REFUSALS:
        faults.append(f"the document forbids it, and it was answered {answer.status}")
    described = operation.answers.get(str(answer.status))
    if described is None:
        return faults + [f"{answer.status} is not described"]
    contents = described.get("content")
    if not contents:
        return faults + (["has a body"] if answer.body else [])
    if answer.kind not in contents:
        return faults + [f"the content type {answer.kind!r} is not described"]
    return faults + body_faults(document, answer, contents[answer.kind].get("schema", {}))


def body_faults(document, answer, schema):
    """What is wrong with a body of a described kind."""
    try:
        text = answer.body.decode()
    except UnicodeDecodeError:
        return ["the body is not UTF-8"]
    if "x-line" in schema:
        texts, schema = text.splitlines(), schema["x-line"]
    elif answer.kind == "application/json":
        texts = [text]
    else:
        return []
    found = []
    for each in texts:
        try:
            value = strict_json(each)
        except ValueError as error:
            found.append(f"{each[:80]!r} is no JSON: {error}")
            continue
        # The document is described by OpenAPI itself.
        found += document.faults(value, schema, complete="openapi" not in value if isinstance(value, dict) else True)
        if "oneOf" in schema:
            found += complete_faults(document, value, schema)
    return found


def complete_faults(document, value, schema):
    """Fields that none of several schemas names, of which the value fits one."""
    wrong = [document.faults(value, each, complete=True) for each in schema["oneOf"] if not document.faults(value, each)]
    return wrong[0] if wrong else []


def error_faults(answer):
    """What is wrong with an error that no operation describes. A method that HTTP does not have gets a bare 400."""
    if answer.status == 400 and not answer.body:
        return []
    try:
        error = strict_json(answer.body)["error"]
        if set(error) == {"code", "message"} and all(isinstance(each, str) and each for each in error.values()):
            return []
    except (ValueError, KeyError, TypeError):
        pass
    return [f"{answer.body[:80]!r} is no error"]
