"""OEM brands of the family: a label on the box, never a class (hikvision-isapi 16).

The documents a box serves decide how it is driven; a brand only gives it its name.
"""

from dataclasses import dataclass
import re


@dataclass(frozen=True, slots=True)
class Brand:
    """One brand: how its `manufacturer` text and its models look; patterns match from the start, any case."""

    key: str
    title: str
    models: str = ""
    manufacturers: tuple[str, ...] = ()
    evidence: str = ""

    def owns(self, manufacturer: str, model: str) -> bool:
        """Tell whether the identity a recorder states is of this brand."""
        if manufacturer and manufacturer.strip().lower() in self.manufacturers:
            return True
        return bool(self.models) and re.match(self.models, model, re.IGNORECASE) is not None


BRANDS = (
    Brand("hilook", "HiLook", r"(IPC-[TBD]\d|NVR-[12]\d\d|DVR-2\d\d|THC-)", ("hilook",), "seen as a channel's model"),
    Brand("hiwatch", "HiWatch", r"(HW[IND]-|DS-[IN]\d\d\d)", ("hiwatch",), "seen as a channel's model"),
    Brand("annke", "Annke", r"(N4[468]|N6\d|C500|C800|I91|NC[48]00)", ("annke",), "model list, Hikvision-made line"),
    Brand("lts", "LTS", r"(LTN|LTD|CMIP|CMHR)", ("lts", "lt security"), "model list"),
    Brand("abus", "ABUS", r"(TVVR|TVIP|NVR100|IPC[SA]\d)", ("abus",), "model list"),
    Brand("safire", "Safire", r"(SF-|HTVR)", ("safire",), "model list"),
    Brand("trendnet", "TRENDnet", r"(TV-(NVR|IP))", ("trendnet",), "model list"),
    Brand("hyundai", "Hyundai", r"HYU-", ("hyundai",), "model list"),
    Brand("alarmcom", "Alarm.com", r"ADC-", ("alarm.com",), "model list"),
    Brand("wbox", "W Box", r"(0E-|WBX)", ("w box", "wbox"), "model list"),
    Brand("northern", "Northern", r"(NTH-|N[34]NVR)", ("northern", "northern video"), "model list"),
    Brand("hikvision_value", "Hikvision", r"(ERI|ECI|ERT|ECT)-", (), "401 of a value-line recorder"),
    Brand("hikvision", "Hikvision", r"(i?DS-|HK-)", ("hikvision", "hikvision.china"), "captures"),
)


def brand_of(manufacturer: str, model: str) -> Brand | None:
    """Return the brand of an identity, a stated manufacturer before a model, or None when no row knows it."""
    stated = manufacturer.strip().lower()
    for brand in BRANDS:
        # Rebadged recorders often keep "hikvision" as their maker: their model then says more.
        if stated in brand.manufacturers and brand.key != "hikvision":
            return brand
    return next((brand for brand in BRANDS if brand.owns("", model)), None)


def manufacturer_name(manufacturer: str, model: str) -> str:
    """Return the maker's name to show; empty or unknown texts fall back to what is known."""
    brand = brand_of(manufacturer, model)
    if brand is not None:
        return brand.title
    stated = manufacturer.strip()
    if not stated or stated.lower() in {"hikvision", "hikvision.china", "none"}:
        return "Hikvision"
    return stated
