"""Protobuf's bytes, made by hand: fields that no message here has a name for."""


def message(number: int, data: bytes) -> bytes:
    """Return a field that holds bytes."""
    return tag(number, 2) + varint(len(data)) + data


def tag(number: int, wire_type: int) -> bytes:
    """Return what a field begins with."""
    return varint(number << 3 | wire_type)


def varint(value: int) -> bytes:
    """Return a number, seven bits a byte, the last ones first."""
    rest, last = value >> 7, value & 0x7F
    return bytes([last | 0x80]) + varint(rest) if rest else bytes([last])
