"""Challenges of real recorders, and the worked examples of the RFCs as judges of the arithmetic."""

import hashlib
import re

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.transport.digest import (
    AuthScheme,
    BasicChallenge,
    DigestChallenge,
    LoginSession,
    authorization,
    choose,
    describe,
    next_nonce,
    parse_challenges,
)

RECORDER = (
    'Digest realm="fe12f37b0011", domain="::", qop="auth", nonce="300b7e88:1685000000000", opaque="", '
    'algorithm="MD5", stale="FALSE"'
)
OLD_CAMERA = 'Digest qop="auth", realm="IP Camera(51253)", nonce="4e7a46", stale="TRUE"'
OLDEST = 'Digest realm="DVR", nonce="abc"'
BASIC = 'Basic realm="c504892f"'
SHA = 'Digest realm="r", nonce="s", qop="auth", algorithm=SHA-256'
MD5 = 'Digest realm="r", nonce="m", qop="auth", algorithm=MD5'


def digest(*values: str) -> DigestChallenge:
    chosen = choose(parse_challenges(values))
    assert isinstance(chosen, DigestChallenge)
    return chosen


def parameters(header: str) -> dict[str, str]:
    return {
        name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,]+))', header)
    }


def test_recorder_challenge_keeps_an_empty_opaque_and_reads_stale_in_capitals() -> None:
    challenge = digest(RECORDER)
    assert challenge == DigestChallenge("fe12f37b0011", "300b7e88:1685000000000", "auth", "MD5", "", stale=False)
    assert digest(OLD_CAMERA).stale
    assert digest(OLD_CAMERA).opaque is None


@pytest.mark.parametrize(
    "values",
    [
        (BASIC, RECORDER),
        (RECORDER, BASIC),
        (f"{BASIC}, {RECORDER}",),
        (f"{RECORDER}, {BASIC}",),
        (f"Negotiate, {RECORDER}",),
    ],
)
def test_digest_wins_wherever_it_stands(values: tuple[str, ...]) -> None:
    assert digest(*values).nonce == "300b7e88:1685000000000"


@pytest.mark.parametrize("values", [(SHA, MD5), (MD5, SHA), (f"{MD5}, {SHA}",), (f"{SHA},{BASIC}, {MD5}",)])
def test_sha256_wins_over_md5(values: tuple[str, ...]) -> None:
    assert digest(*values).algorithm == "SHA-256"


def test_basic_only_alone() -> None:
    assert choose(parse_challenges([BASIC])) == BasicChallenge("c504892f")
    assert choose(parse_challenges(["Basic"])) == BasicChallenge("")
    unknown = 'Digest realm="r", nonce="n", algorithm=SHA-512-256'
    offer = parse_challenges([unknown, BASIC])
    assert choose(offer) is None
    assert describe(offer) == "digest SHA-512-256, basic"
    assert choose(()) is None
    assert describe(()) == "nothing"


def test_digest_without_nonce_is_none() -> None:
    assert choose(parse_challenges(['Digest realm="r"'])) is None


@pytest.mark.parametrize(
    ("qop", "expected"),
    [
        ('"auth,auth-int"', "auth"),
        ('"auth-int, auth"', "auth"),
        ("auth-int", "auth-int"),
        ('""', None),
        ('"AUTH"', "auth"),
    ],
)
def test_qop_auth_unless_only_auth_int_is_offered(qop: str, expected: str | None) -> None:
    assert digest(f'Digest realm="r", nonce="n", qop={qop}').qop == expected


def test_parsing_takes_odd_spacing_escapes_and_the_first_of_repeated_names() -> None:
    (challenge,) = parse_challenges([' , Digest realm = "a \\"b\\", c" ,nonce=n1,nonce=n2, ="x", qop="auth'])
    assert challenge.params["realm"] == 'a "b", c'
    assert challenge.params["nonce"] == "n1"
    assert challenge.params["qop"] == "auth"


def test_parsing_a_parameter_before_any_scheme_is_a_scheme_nobody_knows() -> None:
    assert choose(parse_challenges(['realm="x"'])) is None


@given(st.lists(st.text(max_size=80), max_size=4))
def test_parsing_never_raises(values: list[str]) -> None:
    choose(parse_challenges(values))
    describe(parse_challenges(values))


def test_md5_example_of_rfc_2617() -> None:
    header = authorization(
        DigestChallenge(
            "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "auth", None, "5ccc069c403ebaf9f0171e9517f40e41"
        ),
        ("Mufasa", "Circle Of Life"),
        ("GET", "/dir/index.html"),
        nc=1,
        cnonce="0a4f113b",
    )
    found = parameters(header)
    assert found["response"] == "6629fae49393a05397450978507c4ef1"
    assert found["nc"] == "00000001"
    assert found["qop"] == "auth"
    assert found["opaque"] == "5ccc069c403ebaf9f0171e9517f40e41"
    assert "algorithm" not in found


def test_sha256_example_of_rfc_7616() -> None:
    header = authorization(
        DigestChallenge(
            "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "auth", "SHA-256", "FQhe"
        ),
        ("Mufasa", "Circle of Life"),
        ("GET", "/dir/index.html"),
        nc=1,
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert parameters(header)["response"] == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_old_form_example_of_rfc_2069() -> None:
    """The RFC's own digest is known to be wrong; this is the value of its erratum 749."""
    header = authorization(
        DigestChallenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque=""),
        ("Mufasa", "CircleOfLife"),
        ("GET", "/dir/index.html"),
        nc=1,
        cnonce="unused",
    )
    found = parameters(header)
    assert found["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert found["opaque"] == ""
    assert not {"nc", "cnonce", "qop"} & found.keys()


@pytest.mark.parametrize(("name", "hashed"), [("MD5-sess", "md5"), ("SHA-256-SESS", "sha256")])
@pytest.mark.parametrize("qop", ["auth", None])
def test_session_algorithms(name: str, hashed: str, qop: str | None) -> None:
    def h(text: str) -> str:
        return hashlib.new(hashed, text.encode()).hexdigest()

    challenge = digest(f'Digest realm="r", nonce="n", algorithm={name}' + (f", qop={qop}" if qop else ""))
    found = parameters(authorization(challenge, ("u", "p"), ("GET", "/x?y=1"), nc=7, cnonce="c"))
    secret = h(f"{h('u:r:p')}:n:c")
    middle = "n:00000007:c:auth" if qop else "n"
    assert found["response"] == h(f"{secret}:{middle}:{h('GET:/x?y=1')}")
    assert found["cnonce"] == "c"
    assert found["algorithm"] == name


def test_auth_int_hashes_the_body() -> None:
    challenge = DigestChallenge("r", "n", "auth-int")
    one, other = (
        authorization(challenge, ("u", "p"), ("PUT", "/"), nc=1, cnonce="c", body=body) for body in (b"a", b"b")
    )
    assert parameters(one)["response"] != parameters(other)["response"]


def test_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="algorithm"):
        authorization(DigestChallenge("r", "n", algorithm="TIGER"), ("u", "p"), ("GET", "/"), nc=1, cnonce="c")


def test_names_with_quotes_are_escaped_and_utf8_is_hashed() -> None:
    header = authorization(DigestChallenge('r"1\\', "n"), ('ü"x', "pä"), ("GET", "/"), nc=1, cnonce="c")
    assert 'username="ü\\"x"' in header

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    assert parameters(header)["response"] == h(f"{h('ü"x:r"1\\:pä')}:n:{h('GET:/')}")


def test_login_session_counts_and_starts_anew_with_the_next_nonce() -> None:
    session = LoginSession(digest(RECORDER), "u", "p")
    assert session.scheme is AuthScheme.DIGEST
    first, second = (parameters(session.header("GET", "/")) for _ in range(2))
    assert (first["nc"], second["nc"]) == ("00000001", "00000002")
    assert first["cnonce"] == second["cnonce"]
    session.renew("300b7e88:1685000000000")
    assert parameters(session.header("GET", "/"))["nc"] == "00000003"
    session.renew("next")
    third = parameters(session.header("GET", "/"))
    assert (third["nonce"], third["nc"]) == ("next", "00000001")
    assert third["cnonce"] != first["cnonce"]


def test_login_session_basic() -> None:
    session = LoginSession(BasicChallenge(), "user", "pass")
    assert session.scheme is AuthScheme.BASIC
    assert session.header("GET", "/") == "Basic dXNlcjpwYXNz"
    session.renew("nothing to renew")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('nextnonce="abc", qop=auth', "abc"),
        ("qop=auth, nextnonce=x", "x"),
        ("qop=auth", None),
        ('nextnonce=""', None),
        ("", None),
    ],
)
def test_next_nonce(value: str, expected: str | None) -> None:
    assert next_nonce(value) == expected
