"""The document of `GET /openapi.json`. Pure."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, get_args

from booking_asgi.contract import parameters
from booking_asgi.speech import FailureCode
from booking_asgi.tools import TOOLS
from booking_asgi.tools.arguments import ARGUMENTS
from booking_core.errors import InvalidCode

ERRORS = sorted(
    {
        *get_args(InvalidCode),
        *get_args(FailureCode),
        *(code for tool in TOOLS for code in tool.codes),
        "FORBIDDEN",
        "TOO_MANY_REQUESTS",
        "UNAUTHORIZED",
    }
)
STATUSES = {
    400: "An argument is missing or wrong.",
    401: "The token or the signature is missing or not known.",
    403: "The token is another organization's.",
    404: "There is no such tool.",
    408: "The body did not arrive in time.",
    409: "The time is taken, or nothing is open then; freeTimes are near it.",
    429: "More than can be answered in time, or more than may be booked: see Retry-After.",
    422: "The idempotency key was given with another contact or start.",
    500: "A fault: nothing is booked.",
    503: "It is not known whether it is booked: repeat the same request.",
}
"""The statuses of the direct contract, beside 200."""


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def _body(*schemas: str) -> dict[str, Any]:
    choices = [{"$ref": f"#/components/schemas/{schema}"} for schema in schemas]
    return {"required": True, "content": {"application/json": {"schema": {"anyOf": choices}}}}


def document() -> dict[str, Any]:
    """An OpenAPI 3.1 document: routes, bodies and replies."""
    refused = {str(status): _answer(text, "Direct") for status, text in STATUSES.items()}
    message_refused = {status: refused[status] for status in ("400", "401", "408")}
    too_large = {"413": _text("The body is over 2 MB.")}
    tool_path = {
        "name": "tool",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "examples": [tool.path for tool in TOOLS]},
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "maxLength": 254},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "vapi-booking", "version": version("vapi-booking")},
        "security": [{"secret": []}, {"bearer": []}],
        "paths": {
            "/api/vapi/tools": {
                "post": {
                    "operationId": "answerMessage",
                    "summary": "Answer the tool calls of a message of Vapi's.",
                    "requestBody": _body("Message"),
                    "responses": {
                        "200": _answer("An answer to each call.", "Answers"),
                        **message_refused,
                        **too_large,
                    },
                }
            },
            "/api/vapi/tools/{tool}": {
                "post": {
                    "operationId": "callTool",
                    "summary": "The same for one tool, or the tool's arguments themselves.",
                    "parameters": [tool_path, key],
                    "requestBody": _body("Message", "Arguments"),
                    "responses": {
                        "200": _answer("Done, or an answer to each call.", "Either"),
                        **refused,
                        **too_large,
                    },
                }
            },
            "/api/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether the process lives.",
                    "security": [],
                    "responses": {"200": _answer("It does.", "Health")},
                }
            },
            "/api/ready": {
                "get": {
                    "operationId": "ready",
                    "summary": "Whether the database answers within a second.",
                    "security": [],
                    "responses": {
                        "200": _answer("It does.", "Health"),
                        "503": _answer("It does not.", "Health"),
                    },
                }
            },
        },
        "components": {"securitySchemes": SECURITY, "schemas": _schemas()},
    }


SECURITY = {
    "secret": {"type": "apiKey", "in": "header", "name": "X-Vapi-Secret"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _schemas() -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    line = {"type": "string", "pattern": r"^[^\r\n]+$"}
    properties = {
        name: {"description": argument.description or "Read, but not offered to a model."}
        for argument in ARGUMENTS.values()
        for name in argument.names
    }
    answer = _object(
        {"toolCallId": text, "name": text, "result": line, "error": line}, "toolCallId", "name"
    )
    return {
        "Message": _object({"message": {"type": "object"}}, "message"),
        "Answers": {
            "anyOf": [
                _object(
                    {
                        "results": {
                            "type": "array",
                            "items": {
                                **answer,
                                "oneOf": [{"required": ["result"]}, {"required": ["error"]}],
                            },
                        }
                    },
                    "results",
                ),
                _object({"result": line}, "result"),
                {"type": "object", "maxProperties": 0},
            ]
        },
        "Arguments": {"type": "object", "properties": {**properties, "orgId": {"format": "uuid"}}},
        "Offered": {"anyOf": [parameters(tool) for tool in TOOLS]},
        "Direct": _object(
            {
                "toolResult": _object(
                    {
                        "content": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "contentSchema": {"$ref": "#/components/schemas/Content"},
                        }
                    },
                    "content",
                ),
                "speech": line,
            },
            "toolResult",
            "speech",
        ),
        "Content": {
            "anyOf": [
                *(
                    _object(
                        {"success": {"const": True}, **tool.returns, "message": line},
                        *("success", *tool.returns, "message"),
                    )
                    for tool in TOOLS
                ),
                _object(
                    {
                        "success": {"const": False},
                        "error": {"enum": ERRORS},
                        "message": line,
                        "field": text,
                        "freeTimes": {
                            "type": "array",
                            "items": {"type": "string", "format": "date-time"},
                        },
                    },
                    "success",
                    "error",
                    "message",
                ),
            ]
        },
        "Either": {
            "anyOf": [
                {"$ref": "#/components/schemas/Direct"},
                {"$ref": "#/components/schemas/Answers"},
            ]
        },
        "Health": _object({"status": {"enum": ["ok", "unavailable"]}}, "status"),
    }
