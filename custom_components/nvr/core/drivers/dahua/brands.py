"""OEM brands of the family: what tells them, and what must never be done to them (dahua-cgi 5.1).

What a box answers decides how it is driven; a brand gives it its name, and keeps requests away that harm it.
"""

from dataclasses import dataclass
import re
from typing import Final

_LETTERS: Final = re.compile(r"\d+\.\d+\.\d{2}([A-Za-z]{2})\d")
# A beginning of that length is nobody else's; "ND" alone could be.
_TELLING: Final = 3


@dataclass(frozen=True, slots=True)
class Brand:
    """One brand: letters in the firmware version, words of getVendor, beginnings of serials and of models."""

    key: str
    title: str
    letters: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()
    models: str = ""
    evidence: str = ""

    def owns(self, manufacturer: str, model: str) -> bool:
        """Tell whether a stated maker or a model is of this brand."""
        if manufacturer and manufacturer.strip().lower() in self.vendors:
            return True
        return bool(self.models) and re.match(self.models, model, re.IGNORECASE) is not None


BRANDS: Final = (
    Brand(
        "amcrest",
        "Amcrest",
        ("AC",),
        ("ac", "amcrest"),
        ("AMC", "AMR"),
        r"(IP\dM-|NV\d{4}|AMDV)",
        "versions, vendors and serials of recorders and cameras",
    ),
    Brand(
        "lorex",
        "Lorex",
        ("LR",),
        ("lorex",),
        ("ND",),
        r"(LNB|LNE|LNR|N[89]\d\dA|E8\d\dA|D[48]\d\dA|LTN\d)",
        "versions, vendors and serials of recorders and cameras",
    ),
    Brand("empiretech", "EmpireTech", ("OG",), ("empiretech",), (), r"IPC-(Color4K|B54IR|T54IR)", "version strings"),
    Brand("imou", "Imou", ("IM",), ("imou", "lechange"), (), r"IPC-[ACFGK]\d\d[A-Z]?-imou", "one version string"),
    # Of these nobody has published letters or serials: their names alone tell them.
    Brand("intelbras", "Intelbras", (), ("intelbras",), (), r"(MHDX|NVD|iNVD|iMHDX|VIP)[ -]?\d", "model names"),
    Brand("cpplus", "CP Plus", (), ("cpplus", "cp plus", "cp-plus"), (), r"CP-(UNR|UVR|UNC|UNP)", "model names"),
    Brand("qsee", "Q-See", (), ("q-see", "qsee"), (), r"QT\d{3}", "model names"),
    Brand("flir", "FLIR", (), ("flir",), (), r"DNR\d{3}", "addresses of old Lorex units"),
    Brand("dahua", "Dahua", ("DH",), ("dahua", "general", "dh"), (), r"(DHI?-|IPC-|NVR\d|XVR\d|HCVR\d)", "captures"),
)
_GENERIC: Final = BRANDS[-1]


def letters_of(version: str) -> str:
    """Return the maker's two letters in a firmware version, empty on a generic build."""
    match = _LETTERS.search(version)
    return match[1].upper() if match else ""


def brand_of(vendor: str, model: str, version: str = "", serial: str = "") -> Brand | None:
    """Return the brand of the metal: what is printed on the box shows in serial and model before the firmware.

    A recorder may run another maker's firmware: an Amcrest serial was seen on a generic build. None for no signal.
    """
    letters, stated, serial = letters_of(version), vendor.strip().lower(), serial.upper()
    named = [brand for brand in BRANDS if brand is not _GENERIC]
    for brand in named:
        begun = [len(prefix) for prefix in brand.serials if serial.startswith(prefix)]
        if begun and (max(begun) >= _TELLING or letters in brand.letters or brand.owns(stated, model)):
            return brand
    for brand in named:
        if letters in brand.letters or (stated and stated in brand.vendors):
            return brand
    for brand in named:
        if brand.owns("", model):
            return brand
    known = letters in _GENERIC.letters or _GENERIC.owns(stated, model)
    return _GENERIC if known else None


def manufacturer_name(vendor: str, model: str, version: str = "", serial: str = "") -> str:
    """Return the maker's name to show; a vendor no row knows is shown as it is."""
    brand = brand_of(vendor, model, version, serial)
    if brand is not None and brand is not _GENERIC:
        return brand.title
    stated = vendor.strip()
    return stated if stated and stated.lower() not in _GENERIC.vendors else _GENERIC.title


def audio_reboots(version: str) -> bool:
    """Tell whether any request to audio.cgi takes the camera down for 105 s: three such units (dahua-cgi 5.1)."""
    return letters_of(version) == "LR" and version.startswith("2.622.")


def harmful_pages(version: str) -> frozenset[str]:
    """Return the pages that are never asked for. Whether other Lorex firmware bears its sound page nobody need know."""
    return frozenset({"audio.cgi"}) if letters_of(version) == "LR" else frozenset()
