"""Audio configurations, against FFmpeg's reading of them and by hand."""

from fractions import Fraction

import av
from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media.aac import RATES, make_config, parse_config, parse_mux_config

from .test_h264 import Bits


def trimmed(bits: Bits) -> bytes:
    return bits.bytes()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_config_that_was_made_is_read_back(rate: int, channels: int) -> None:
    config = make_config(rate, channels)
    assert parse_config(config.data) == config
    assert (config.codec, config.passes, config.frame) == ("mp4a.40.2", True, 1024)


@pytest.mark.parametrize(("rate", "layout"), [(8000, "mono"), (16_000, "mono"), (48_000, "stereo")])
def test_config_equals_what_an_encoder_says(rate: int, layout: str) -> None:
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format, context.time_base = rate, layout, "fltp", Fraction(1, rate)
    context.open()
    theirs = bytes(context.extradata or b"")
    ours = parse_config(theirs)
    assert (ours.rate, ours.channels, ours.object_type) == (rate, context.channels, 2)
    assert theirs[:2] == make_config(rate, context.channels).data


@pytest.mark.parametrize("kind", [5, 29])
def test_config_with_extension_counts_in_frames_of_the_core(kind: int) -> None:
    # 24 kHz mono at the core, 48 kHz on top.
    config = parse_config(trimmed(Bits().u(5, kind).u(4, 6).u(4, 1).u(4, 3).u(5, 2).u(1, 0)))
    assert (config.rate, config.channels, config.codec, config.passes) == (24_000, 1, f"mp4a.40.{kind}", True)


def test_config_with_a_rate_of_its_own_and_short_frames_is_not_passed() -> None:
    config = parse_config(trimmed(Bits().u(5, 2).u(4, 15).u(24, 12_345).u(4, 7).u(1, 1)))
    assert (config.rate, config.channels, config.frame, config.passes) == (12_345, 8, 960, False)


def test_config_of_another_object_type_is_not_passed() -> None:
    config = parse_config(trimmed(Bits().u(5, 31).u(6, 7).u(4, 8).u(4, 1)))
    assert (config.object_type, config.rate, config.passes) == (39, 16_000, False)


@pytest.mark.parametrize(
    "bits",
    [
        Bits().u(5, 2).u(4, 13).u(4, 1),
        Bits().u(5, 2).u(4, 8).u(4, 0),
        Bits().u(5, 2).u(4, 15).u(24, 0).u(4, 1),
        Bits(),
    ],
    ids=["rate", "channels", "no rate", "empty"],
)
def test_config_that_is_none(bits: Bits) -> None:
    with pytest.raises(NvrResponseError):
        parse_config(trimmed(bits))


def test_made_config_needs_a_rate_of_aac() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        make_config(12_345, 1)


def mux(version: int = 0, frames: int = 0, kind: int = 2, rate: int = 8, short: int = 0) -> bytes:
    bits = Bits().u(1, version).u(1, 1).u(6, frames).u(4, 0).u(3, 0)
    bits.u(5, kind)
    if rate == 15:
        bits.u(4, 15).u(24, 12_345).u(4, 1)
    else:
        bits.u(4, rate).u(4, 1)
    if kind == 5:
        bits.u(4, 5).u(5, 2)
    return trimmed(bits.u(1, short).u(2, 0).u(3, 0).u(8, 255).u(2, 0))


def test_mux_config_of_one_stream() -> None:
    assert parse_mux_config(mux()) == make_config(16_000, 1)
    # As cameras write it: 16 kHz mono.
    assert parse_mux_config(bytes.fromhex("400028103fc0")) == make_config(16_000, 1)


@pytest.mark.parametrize("data", [mux(version=1), mux(frames=1), mux(kind=5), mux(rate=15), mux(short=1)], ids=range(5))
def test_mux_config_nobody_plays(data: bytes) -> None:
    with pytest.raises(NvrResponseError):
        parse_mux_config(data)


@given(st.binary(max_size=12))
def test_any_bytes_raise_only_our_error(data: bytes) -> None:
    for parse in (parse_config, parse_mux_config):
        try:
            assert parse(data).rate > 0
        except NvrResponseError:
            continue
