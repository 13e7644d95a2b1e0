"""Keeping passwords out of logs, errors and whatever is published."""

from __future__ import annotations

import re

# Up to the last @, as a password may hold any character that should have been encoded; but host:554/ is no password.
_USER_INFO = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/?#@:]*):(?!\d{1,5}(?:/|\?|\s|$))(?:\S*|[^\n@]*)@")
_PARAMETER = re.compile(
    r"([?&;](?:[\w.-]*(?:password|passwd|token|secret|key|auth)|pwd?|pass|psw)=)[^\s&;#'\"]+", re.IGNORECASE
)


def hide_password(text: str) -> str:
    """Return the text with `***` for the password in every URL in it, also for `?password=` and the like.

    `rtsp://ann:s3cret@door/1` becomes `rtsp://ann:***@door/1`.
    """
    return _PARAMETER.sub(r"\1***", _USER_INFO.sub(r"\1:***@", text))
