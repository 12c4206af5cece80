"""OEM brands of the family: what tells them, and what must never be done to them (dahua-cgi 5.1).

What a box answers decides how it is driven; a brand gives it its name, and keeps requests away that harm it.
"""

from dataclasses import dataclass
import re
from typing import Final

_LETTERS: Final = re.compile(r"\d+\.\d+\.\d{2}([A-Za-z]{2})[\dA-Za-z]")


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
    Brand("intelbras", "Intelbras", ("IN",), ("intelbras",), (), r"(MHDX|NVD|iNVD|iMHDX|VIP)[ -]?\d", "model list"),
    Brand("cpplus", "CP Plus", ("CP",), ("cpplus", "cp plus", "cp-plus"), (), r"CP-(UNR|UVR|UNC|UNP)", "model list"),
    Brand("qsee", "Q-See", ("QS",), ("q-see", "qsee"), (), r"QT\d{3}", "model list"),
    Brand("flir", "FLIR", ("FL",), ("flir",), (), r"DNR\d{3}", "old Lorex addresses"),
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
    letters, stated = letters_of(version), vendor.strip().lower()
    named = [brand for brand in BRANDS if brand is not _GENERIC]
    for brand in named:
        if serial.upper().startswith(brand.serials) and (letters in brand.letters or brand.owns(stated, model)):
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
