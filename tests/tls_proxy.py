"""A proxy with TLS in front of a server, as operators run it."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path


@contextmanager
def tls_proxy(
    folder: Path, host: str, port: int, server_port: int, *, is_grpc: bool = False
) -> Iterator[Path]:
    """Serve a server of this machine by TLS at a port, and yield the certificate's file.

    Like many proxies, it gives the server a `Host` of its own instead of the browser's, unless the
    server `is_grpc`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = _certificate(folder, host)
    context.load_cert_chain(certificate, key)
    outer, inner = f"Host: {host}:{port}".encode(), f"Host: 127.0.0.1:{server_port}".encode()
    if is_grpc:
        context.set_alpn_protocols(["h2"])
        outer = inner = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", server_port)
        with suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_copy(reader, requests, outer, inner))
                tasks.create_task(_copy(answers, writer))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opening = asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    server = asyncio.run_coroutine_threadsafe(opening, loop).result(10)
    try:
        yield certificate
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Create a certificate that nobody has signed; `openssl` comes with PostgreSQL."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    files = ["-out", str(certificate), "-keyout", str(key)]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", f"/CN={host}"]
    subprocess.run([*request, *files], check=True, capture_output=True)
    return certificate, key


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, old: bytes = b"", new: bytes = b""
) -> None:
    with closing(writer), suppress(OSError):  # either side may close at any time
        while chunk := await reader.read(65536):
            writer.write(chunk.replace(old, new) if old else chunk)
            await writer.drain()


async def _close(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
