"""What the proxy answers when it cannot: errors in the form of the OpenAI interface, with no key in any of them."""

from starlette.responses import JSONResponse, Response


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        code: for programs, such as ``invalid_api_key``.
        message: for people.
        kind: OpenAI's ``type``.
        param: the field of the request that is at fault.
    """

    def __init__(self, status: int, code: str, message: str, kind: str = "invalid_request_error", param: str = ""):
        super().__init__(message)
        self.status, self.code, self.message, self.kind, self.param = status, code, message, kind, param

    def body(self) -> dict[str, dict[str, str | None]]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param or None, "code": self.code}}

    def response(self) -> Response:
        headers = {"retry-after": "1"} if self.status in (429, 503) else None
        return JSONResponse(self.body(), self.status, headers)


def bad_request(message: str, param: str = "") -> Problem:
    return Problem(400, "invalid_request", message, param=param)
