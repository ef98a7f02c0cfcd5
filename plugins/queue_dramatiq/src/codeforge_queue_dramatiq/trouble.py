"""RabbitMQ's errors as sentences for people."""

from __future__ import annotations

from socket import gaierror
from ssl import SSLError

from dramatiq.errors import DramatiqError
from pika import exceptions


def diagnose(error: Exception, where: str) -> tuple[str, str]:
    """What is wrong with the RabbitMQ at ``where`` ("host:port"), and what to do.

    Nothing of the error's own text is passed on.
    """
    cause = error.message if isinstance(error, DramatiqError) else error
    code = cause.reply_code if isinstance(cause, exceptions.ConnectionClosed | exceptions.ChannelClosed) else 0
    what, remedy = f"RabbitMQ at {where} does not answer", "start it, or correct broker_url"
    if isinstance(cause, exceptions.ProbableAuthenticationError | exceptions.AuthenticationError) or code == 403:
        what, remedy = f"RabbitMQ at {where} refused the user or the password", "correct them in broker_url"
    elif isinstance(cause, exceptions.ProbableAccessDeniedError) or code == 530:
        what, remedy = f"RabbitMQ at {where} has no such virtual host for this user", "correct broker_url or make it"
    elif code == 406:
        what, remedy = f"RabbitMQ at {where} has CodeForge's queue with other properties", "delete it there"
    elif isinstance(cause, gaierror):
        what, remedy = f"The host of RabbitMQ, {where}, is not known", "correct broker_url"
    elif isinstance(cause, SSLError):
        what, remedy = f"RabbitMQ at {where} failed to set up TLS", "check its certificate and that the port speaks TLS"
    elif isinstance(cause, exceptions.IncompatibleProtocolError):
        what, remedy = f"What answers at {where} does not speak AMQP", "correct broker_url; a port with TLS wants amqps"
    return what, remedy
