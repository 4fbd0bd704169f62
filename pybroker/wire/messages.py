"""All messages of Kafka 4.4.0, one class each for all its versions: `from pybroker.wire.messages import FetchRequest`.

A class is built from its schema when it is first asked for, so a process pays for the messages that it uses.
`messages.pyi` tells type checkers and editors what there is; `python -m pybroker.wire.stubs` writes it.
"""

from pybroker.wire.base import Message
from pybroker.wire.classes import build_class
from pybroker.wire.spec import load_spec


def __getattr__(name: str) -> type[Message]:
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        spec = load_spec(name)
    except KeyError:
        raise AttributeError(f"Kafka 4.4.0 has no message {name!r}") from None
    return globals().setdefault(name, build_class(spec))


def message_class(name: str) -> type[Message]:
    """The class of a message whose name is known only at run time. KeyError if there is no such message."""
    found = globals().get(name)
    if found is None:
        found = globals().setdefault(name, build_class(load_spec(name)))
    if not (isinstance(found, type) and issubclass(found, Message) and found is not Message):
        raise KeyError(name)
    return found
