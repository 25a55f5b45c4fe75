"""Sockets that listen where settings say, and a sentence when they cannot."""

import errno
import socket

from streams.settings import PREFIX, Settings, SettingsError


def listening(settings: Settings, name: str, option: str) -> socket.socket:
    """Return a socket that listens; on a free port when the usual one is taken and nobody has set it.

    Args:
        settings: Of the process.
        name: Of the pair of settings `<name>_host` and `<name>_port`.
        option: Of the command line that sets the port.

    Raises:
        SettingsError: When the port that somebody set is taken.
    """
    host, port = getattr(settings, f"{name}_host"), getattr(settings, f"{name}_port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        if is_taken and f"{name}_port" not in settings.model_fields_set:
            return socket.create_server((host, 0), family=family, backlog=1024)
        fault = f"port {port} is taken" if is_taken else f"nothing can listen on {host}:{port} ({error.strerror})"
        variable = f"{PREFIX}{name.upper()}_PORT"
        raise SettingsError(f"{fault}: set another one by {option} or {variable}, or 0 for any") from error
