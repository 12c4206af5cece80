"""Turns what an NVR answered into something that can be shown: the files of `scripts/anonymise`."""

from __future__ import annotations

import argparse
from pathlib import Path
import re
import sys
from typing import Final

from .anonymous_text import Disguise

_LENGTH: Final = re.compile(rb"^content-length[ \t]*:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_MEDIA: Final = re.compile(rb"(?im)^content-type[ \t]*:[ \t]*(?:image|video|audio|application/octet-stream)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"PK\x03\x04", b"\x1f\x8b", b"DHAV", b"IMKH")
MOST: Final = 64 * 2**20
NOTE: Final = "SOURCE.md"


def parts(data: bytes) -> list[tuple[bytes, bytes | None]]:
    """Split what was recorded of HTTP into text and bodies whose length is told: (text before, body)."""
    found: list[tuple[bytes, bytes | None]] = []
    at = 0
    for told in _LENGTH.finditer(data):
        if told.start() < at or (end := _HEAD_END.search(data, told.end())) is None:
            continue
        length = int(told.group(1))
        if end.end() + length <= len(data):
            found.append((data[at : end.end()], data[end.end() : end.end() + length]))
            at = end.end() + length
    return [*found, (data[at:], None)]


def decoded(data: bytes) -> tuple[str, str] | None:
    """Return a text and its encoding; None for what is none."""
    if data.startswith(_PICTURES):
        return None
    for encoding in ("utf-8", "gb18030", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if _CONTROL.search(text) else (text, encoding)
    return None


def blank(body: bytes) -> bytes:
    """Return as many bytes as a picture had, without the picture."""
    if body.startswith(b"\xff\xd8") and len(body) >= 4:
        return b"\xff\xd8" + bytes(len(body) - 4) + b"\xff\xd9"
    return bytes(len(body))


def texts(data: bytes) -> list[str] | None:
    """Return the texts of a file; None for a file that is none."""
    found = []
    for head, body in parts(data):
        media = body is not None and (_MEDIA.search(head) is not None or decoded(body) is None)
        for piece in (head, None if media else body):
            if piece is not None:
                if (text := decoded(piece)) is None:
                    return None
                found.append(text[0])
    return found


def dressed(data: bytes, disguise: Disguise) -> bytes:
    """Return a file made anonymous; lengths that headers tell are those of the new bodies."""
    pieces = []
    for head, body in parts(data):
        told, encoding = decoded(head) or ("", "utf-8")
        new_head, new_body = disguise.dress(told).encode(encoding), b""
        if body is not None:
            text = None if _MEDIA.search(head) else decoded(body)
            new_body = blank(body) if text is None else disguise.dress(text[0]).encode(text[1])
            last = [*_LENGTH.finditer(new_head)][-1]
            new_head = new_head[: last.start(1)] + str(len(new_body)).encode() + new_head[last.end(1) :]
        pieces += [new_head, new_body]
    return b"".join(pieces)


def read(source: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that are texts by their names below the source, and the names of the others."""
    taken: dict[str, bytes] = {}
    left: list[str] = []
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    for path in files:
        name = path.name if source.is_file() else path.relative_to(source).as_posix()
        data = path.read_bytes() if path.stat().st_size <= MOST else None
        if data is None or texts(data) is None:
            left.append(name)
        else:
            taken[name] = data
    return taken, left


def anonymise(files: dict[str, bytes], disguise: Disguise) -> dict[str, bytes]:
    """Return the files under names that tell nothing either. Raises ValueError where something survived."""
    for name, data in files.items():
        for text in (name, *(texts(data) or ())):
            disguise.learn(text)
    made = {disguise.dress(name): dressed(data, disguise) for name, data in files.items()}
    wrong = [name for name, data in made.items() if disguise.survivors("\n".join([name, *(texts(data) or ())]))]
    if wrong or len(made) != len(files):
        raise ValueError(", ".join(wrong) or "two files got one name")
    return made


def note(disguise: Disguise) -> str:
    """Return what a fixture says of its origin."""
    devices = ", ".join(disguise.models[:6]) or "an NVR"
    firmware = ", ".join(sorted(disguise.firmware)[:6]) or "unknown firmware"
    return (
        f"Shape of the answers of {devices} ({firmware}).\n"
        "Names, serial numbers, addresses, plates and secrets were made up by `scripts/anonymise`.\n"
    )


def main(arguments: list[str]) -> int:
    """Run; 0 when everything was written."""
    parser = argparse.ArgumentParser(prog="scripts/anonymise", description=__doc__)
    parser.add_argument("source", type=Path, help="a file or folder")
    parser.add_argument("target", type=Path, help="a folder that does not exist yet")
    parser.add_argument(
        "--secret", action="append", default=[], metavar="WORD", help="one more word that must go; repeatable"
    )
    options = parser.parse_args(arguments)
    if not options.source.exists() or options.target.exists():
        which = "there is no" if not options.source.exists() else "will not write into"
        print(f"error: {which} {options.source if 'no' in which[:11] else options.target}", file=sys.stderr)
        return 2
    files, left = read(options.source)
    disguise = Disguise(options.secret)
    try:
        made = anonymise(files, disguise)
    except ValueError as error:
        print(f"error: nothing was written, for something survived in: {error}", file=sys.stderr)
        return 1
    made.setdefault(NOTE, note(disguise).encode())
    for name, data in made.items():
        path = options.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name in left:
        print(f"left out, for it is no text: {name}")
    told = ", ".join(f"{count} {what}" for what, count in sorted(disguise.made.counts.items())) or "nothing"
    print(f"{len(files)} files written to {options.target}; replaced: {told}.")
    print("Read through them before you send them: you know what must not be there, a program only guesses.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
