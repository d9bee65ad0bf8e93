"""SplitMix64 and the generators against published vectors, their recurrences, and their periods."""

import numpy as np
import pytest

from thermofab.hw.rng.base import masked, seed_words
from thermofab.hw.spec import SpecError, fabric, generator, generator_names
from thermofab.hw.spec.seeding import GOLDEN, initial_states, mix64, site_keys, stream_word


def test_splitmix64_published_vector():
    """The first outputs for seed 1234567, as in the reference implementation's documentation."""
    outputs = [int(stream_word(np.array([1234567], dtype=np.uint64), k)[0]) for k in range(5)]
    assert outputs == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_site_keys_are_the_documented_hash():
    def mix(x: int) -> int:
        return int(mix64(np.array([x % 2**64], dtype=np.uint64))[0])

    seed, replica, site = 2**63 + 11, 5, 7
    expected = mix((mix((mix(seed + GOLDEN) ^ replica) + GOLDEN) ^ site) + GOLDEN)
    assert int(site_keys(seed, np.arange(8), 9)[replica, site]) == expected


def test_site_keys_do_not_depend_on_how_many_replicas_run():
    assert np.array_equal(site_keys(3, np.arange(10), 17)[:4], site_keys(3, np.arange(4), 17))


def test_keys_and_states_are_distinct():
    keys = site_keys(0, np.arange(64), 1000)
    assert len(np.unique(keys)) == keys.size
    for name in generator_names():
        states = seed_words(generator(name), keys[0])
        assert len(np.unique(states, axis=0)) == len(states), name


def test_initial_states_are_fair():
    """65,536 fair bits: |mean - 1/2| > 5.5/(2·256) has probability 4e-8."""
    assert abs(initial_states(site_keys(1, np.arange(256), 256)).mean() - 0.5) < 5.5 / 512


def test_xoshiro128p_published_vector():
    """Outputs from state (1, 2, 3, 4) of the authors' C code, as other ports test it."""
    state, words = (1, 2, 3, 4), []
    for _ in range(10):
        state, word = generator("xoshiro128+").step(state, 32)
        words.append(word)
    assert words == [
        5, 12295, 25178119, 27286542, 39879690, 1140358681, 3276312097, 4110231701, 399823256, 2144435200,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name, width, taps, word_bits",
    [("lfsr64", 64, (0, 1, 3, 4), 16), ("lfsr64", 64, (0, 1, 3, 4), 32), ("lfsr32", 32, (0, 2, 6, 7), 16)],
)
def test_leaping_lfsr_makes_the_bit_serial_sequence(name, width, taps, word_bits):
    """Words concatenated are the sequence b[k+width] = XOR of b[k+tap]; no bit is used twice."""
    bits = [int(b) for b in np.random.default_rng(0).integers(0, 2, width)]
    words = [sum(b << k for k, b in enumerate(bits[32 * w : 32 * w + 32])) for w in range(width // 32)]
    state, made = tuple(words), []
    for _ in range(40):
        state, word = generator(name).step(state, word_bits)
        made += [(word >> k) & 1 for k in range(word_bits)]
    for k in range(len(made)):
        bits.append(sum(bits[k + tap] for tap in taps) % 2)
    assert made == bits[width:]


def _power_of_x(exponent: int, polynomial: int, degree: int) -> int:
    """x^exponent modulo a polynomial over GF(2)."""

    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a if b & 1 else 0
            b >>= 1
            a <<= 1
            if a >> degree:
                a ^= polynomial
        return product

    result, base = 1, 2
    while exponent:
        result = times(result, base) if exponent & 1 else result
        base = times(base, base)
        exponent >>= 1
    return result


@pytest.mark.parametrize(
    "degree, taps, factors",
    [
        (64, (0, 1, 3, 4), (3, 5, 17, 257, 641, 65537, 6700417)),
        (32, (0, 2, 6, 7), (3, 5, 17, 257, 65537)),
    ],
)
def test_polynomials_are_primitive(degree, taps, factors):
    """x has order 2^degree - 1: x to that power is 1, and to no (2^degree - 1)/p for a prime factor p."""
    polynomial = (1 << degree) | sum(1 << tap for tap in taps)
    order = 2**degree - 1
    assert np.prod([int(f) for f in factors], dtype=object) == order
    assert _power_of_x(order, polynomial, degree) == 1
    assert all(_power_of_x(order // factor, polynomial, degree) != 1 for factor in factors)


@pytest.mark.parametrize("name", generator_names())
@pytest.mark.parametrize("word_bits", [16, 32])
def test_one_step_serves_integers_and_arrays(name, word_bits):
    source = generator(name)
    if word_bits > source.widest:
        return
    words = seed_words(source, site_keys(9, np.arange(3), 5))
    state = tuple(np.moveaxis(words, -1, 0))
    for _ in range(20):
        before = [tuple(int(part[1, 2]) for part in state)]
        state, word = source.step(state, word_bits)
        expected, expected_word = source.step(before[0], word_bits)
        assert tuple(int(part[1, 2]) for part in state) == expected
        assert int(word[1, 2]) == expected_word < 2**word_bits


@pytest.mark.parametrize("name", generator_names())
def test_words_are_fair_and_uncorrelated_across_sites(name):
    """Per bit of the word, over 40,000 draws of 2,500 sites: mean within 5.9 sigma of 1/2; and products of bits of
    neighbouring sites likewise. 32 tests at 4e-9 each: false alarm below 2e-7.
    """
    source = generator(name)
    state = tuple(np.moveaxis(seed_words(source, site_keys(4, np.arange(1), 2500)[0]), -1, 0))
    count, product = np.zeros(16), np.zeros(16)
    draws = 16
    for _ in range(draws):
        state, word = source.step(state, 16)
        bits = (np.asarray(word)[:, None] >> np.arange(16)) & 1
        count += bits.sum(axis=0)
        product += (bits[:-1] ^ bits[1:]).sum(axis=0)
    for total, n in ((count, draws * 2500), (product, draws * 2499)):
        assert np.all(np.abs(total - n / 2) < 5.9 * np.sqrt(n) / 2)


def test_dead_states_are_replaced():
    """A key whose outputs are all zero would freeze a linear generator; the next outputs are taken."""
    zero_key = np.array([(-GOLDEN) % 2**64], dtype=np.uint64)
    assert int(stream_word(zero_key, 0)[0]) == 0
    assert np.any(seed_words(generator("lfsr64"), zero_key))


def test_unknown_generator_is_refused():
    with pytest.raises(SpecError, match=r"^unknown random number generator 'mt19937'; known are lfsr32, lfsr64"):
        fabric("g4-4x4", rng="mt19937")
    with pytest.raises(SpecError, match=r"^lfsr32 yields at most 16 fresh bits per step; use word_bits=16 or"):
        fabric("g4-4x4", rng="lfsr32", word_bits=32)


@pytest.mark.parametrize("mask", [0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFF])
def test_masks_of_32_bits_serve_integers_and_arrays(mask):
    import jax
    import jax.numpy as jnp

    words = np.array([0, 1, 0x80000001, 0xDEADBEEF, 0xFFFFFFFF], dtype=np.uint32)
    wanted = [masked(int(word), mask) for word in words]
    assert masked(words, mask).dtype == np.uint32 and masked(words, mask).tolist() == wanted
    found = jax.jit(lambda value: masked(value, mask))(jnp.asarray(words))
    assert found.dtype == jnp.uint32 and found.tolist() == wanted
