"""Protobuf messages as bytes, for fields that the generated classes do not have."""


def message(number: int, data: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag(number, 2) + varint(len(data)) + data


def tag(number: int, wire_type: int) -> bytes:
    """Return the tag of a field: its number and wire type."""
    return varint(number << 3 | wire_type)


def varint(value: int) -> bytes:
    """Return a number as a varint: seven bits a byte, the lowest bits first."""
    rest, last = value >> 7, value & 0x7F
    return bytes([last | 0x80]) + varint(rest) if rest else bytes([last])
