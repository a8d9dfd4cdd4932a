"""Protobuf messages of which only some fields are needed: described at run time, and all other fields are skipped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
Messages = Mapping[str, Sequence[tuple[str, int, Any, bool]]]
"""Of each message its fields: name, number, type (of `FIELD`, or the name of a message), and whether it is repeated."""


def message_class(package: str, root: str, messages: Messages, packed: Collection[tuple[str, str]] = ()) -> type[Any]:
    """Return the class of the message ``root``.

    Args:
        package: a name that no other call uses.
        root: name of a message.
        messages: see `Messages`.
        packed: message and field of repeated numbers that lie in the file without a tag for each.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for message_name, fields in messages.items():
        message = file.message_type.add(name=message_name)
        for name, number, kind, is_repeated in fields:
            label = FIELD.LABEL_REPEATED if is_repeated else FIELD.LABEL_OPTIONAL
            field = message.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = FIELD.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                field.type = kind
            if (message_name, name) in packed:
                field.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{root}"))
